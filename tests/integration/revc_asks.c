/* What revc asks beside strings, and what its exit codes tell. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/exec.h"
#include "common/run.h"
#include "common/scene.h"
#include "common/stage.h"
#include "util/fd.h"

static void expect_says(const char *text, const char *what)
{
	ck_assert_msg(text && strstr(text, what), "'%s' does not say '%s'", text, what);
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++) {
		n += *text == '\n';
	}
	return n;
}

/* A row for each endpoint, and the two refused texts are counted in theirs. */
START_TEST(stats_are_a_table)
{
	char state[16], row[64];
	unsigned requests, errors, peers;
	double p50, p99;
	struct rig rig;
	struct run r;
	const char *at;

	rig_start(&rig, rig_all);
	RUN(&r, &rig, "revc", "-e", client_uris[STREAM], "uno", "a\xff", "b\xff");
	ck_assert_int_eq(r.status, 1);
	run_free(&r);
	RUN(&r, &rig, "revc", "-e", client_uris[SEQPACKET], "--stats");
	ck_assert_msg(r.status == 0, "%s", r.err);
	ck_assert_uint_eq(count_lines(r.out), 3 + TRANSPORTS);
	expect_says(r.out, "ENDPOINT");
	for (int i = 0; i < TRANSPORTS; i++) {
		snprintf(row, sizeof row, "\n%s ", client_endpoints[i]);
		expect_says(r.out, row);
	}
	at = strstr(r.out, "\nstream ");
	ck_assert_int_eq(sscanf(at, " stream %15s %u %u %u %lf %lf", state, &requests, &errors,
				 &peers, &p50, &p99),
		6);
	ck_assert_str_eq(state, "up");
	ck_assert_uint_eq(requests, 3);
	ck_assert_uint_eq(errors, 2);
	ck_assert(p50 > 0 && p99 >= p50);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* The page without its escapes. */
static char *read_page(void)
{
	char *page, *to;
	size_t n;

	ck_assert_int_eq(fd_read_file(getenv("REVD_TEST_PROTOCOL"), 1 << 20, &page, &n), 0);
	to = page;
	for (const char *from = page; *from; from++) {
		if (*from != '\\') {
			*to++ = *from;
		}
	}
	*to = '\0';
	return page;
}

/* revd-protocol(7) knows every member that the daemon sends. */
START_TEST(stats_are_documented)
{
	CLEANUP_FREE char *page = read_page();
	unsigned members = 0;
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	RUN(&r, &rig, "revc", "-e", client_uris[STREAM], "--stats", "--json");
	ck_assert_msg(r.status == 0, "%s", r.err);
	for (char *p = r.out, *end; (end = strstr(p, "\":")); p = end + 2) {
		const char *key;

		*end = '\0';
		key = strrchr(p, '"') + 1;
		ck_assert_msg(strstr(page, key), "%s is not in revd-protocol(7)", key);
		members++;
	}
	ck_assert_uint_gt(members, 40);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(pings_are_counted)
{
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "--ping", "-c", "5");
	ck_assert_msg(r.status == 0, "%s", r.err);
	ck_assert_uint_eq(count_lines(r.out), 6);
	expect_says(r.out, "\n5 round trips: best ");
	run_free(&r);
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "--ping", "-c", "3", "--json");
	ck_assert_msg(r.status == 0, "%s", r.err);
	ck_assert_uint_eq(count_lines(r.out), 3);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* Who may not gets 77 and the name of the endpoint, in every way of asking. */
START_TEST(denied_is_told)
{
	static const char *const asks[][2] = {
		{"hola"}, {"--ping"}, {"--stats"}, {"--all"}, {"--json", "hola"}};
	struct rig rig;
	struct run r;
	char want[RIG_PATH + 32], path[RIG_PATH];

	rig_start(&rig, "[endpoint.a]\ntransport = uds\npath = @DIR@/a.sock\n"
			"allow_users = 4000000000\n");
	RUN(&r, &rig, "revc", "-e", "uds:@DIR@/a.sock", asks[_i][0], asks[_i][1]);
	ck_assert_msg(r.status == 77, "exit code %d: %s", r.status, r.err);
	snprintf(want, sizeof want, "uds:%s: denied: ", rig_path(&rig, "a.sock", path));
	if (strcmp(asks[_i][0], "--json") == 0) {
		expect_says(r.out, "\"status\":\"denied\"");
	} else {
		expect_says(r.err, want);
	}
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* Modes that keep an ordinary user out: the kernel denies. */
START_TEST(modes_deny)
{
	static const char *const names[] = {"stream.sock", "fifo"};
	struct rig rig;
	struct run r;
	char line[600], path[RIG_PATH];

	rig_start(&rig, rig_all);
	ck_assert_int_eq(chmod(rig_path(&rig, names[_i], path), 0600), 0);
	ck_assert_int_eq(chmod(rig_path(&rig, ".", path), 0755), 0);
	snprintf(line, sizeof line, "exec setpriv --reuid=%u --clear-groups -- %s -e %s hola",
		RIG_UID, getenv("REVC"), client_uris[_i == 0 ? STREAM : FIFO]);
	RUN(&r, &rig, "sh", "-c", line);
	ck_assert_msg(r.status == 77, "exit code %d: %s", r.status, r.err);
	expect_says(r.err, "permission denied");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* The list comes from the daemon that serves at -e, not from a default one. */
START_TEST(all_asks_there)
{
	struct rig rig;
	struct run r;
	char line[700];

	rig_start(&rig, rig_all);
	snprintf(line, sizeof line, "REVD_ENDPOINT=uds:/nowhere exec %s --all -e %s",
		getenv("REVC"), client_uris[_i]);
	RUN(&r, &rig, "sh", "-c", line);
	ck_assert_msg(r.status == 0, "%s", r.err);
	ck_assert_uint_eq(count_lines(r.out), TRANSPORTS);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* bash: what is offered where the line ends, each in a line of its own. */
static void complete(struct run *r, const struct rig *rig, const char *line)
{
	char script[1024];

	snprintf(script, sizeof script,
		". %s/revc.bash; COMP_LINE=\"%s\"; COMP_POINT=${#COMP_LINE}; "
		"COMP_WORDS=($COMP_LINE); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _revc; "
		"printf '%%s\\n' \"${COMPREPLY[@]}\"",
		getenv("REVD_TEST_COMPLETIONS"), line);
	RUN(r, rig, "bash", "-c", script);
	ck_assert_msg(r->status == 0, "%s", r->err);
}

START_TEST(completes_addresses)
{
	static const struct {
		const char *line, *offers;
	} lines[] = {
		{"revc --endpoint=uds:@DIR@/s", "@DIR@/seqpacket.sock\n@DIR@/stream.sock\n"},
		{"revc -e uds:@DIR@/s", "@DIR@/seqpacket.sock\n@DIR@/stream.sock\n"},
		{"revc --endpoint=fifo:@DIR@/f", "@DIR@/fifo\n"},
		{"revc --vers", "--version\n"},
		{"revc --endpoint=f", "fifo:\n"},
	};
	char *want;
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	complete(&r, &rig, lines[_i].line);
	want = exec_expand(&rig, lines[_i].offers);
	ck_assert_str_eq(r.out, want);
	free(want);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("revc_asks");
	TCase *t = stage_tcase("asks");

	tcase_add_test(t, stats_are_a_table);
	tcase_add_test(t, stats_are_documented);
	tcase_add_loop_test(t, pings_are_counted, 0, TRANSPORTS);
	tcase_add_loop_test(t, denied_is_told, 0, 5);
	tcase_add_loop_test(t, all_asks_there, 0, TRANSPORTS);
	tcase_add_loop_test(t, completes_addresses, 0, 5);
	if (geteuid() == 0) {
		tcase_add_loop_test(t, modes_deny, 0, 2);
	}
	suite_add_tcase(s, t);
	return stage_run(s);
}
