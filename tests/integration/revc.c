/* revc against the real daemon, on every transport. */
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/json.h"
#include "common/late.h"
#include "common/run.h"
#include "common/scene.h"
#include "common/stage.h"
#include "common/texts.h"
#include "util/macro.h"

#define CONFIG "@DIR@/revd.conf"

static void expect_run(const struct run *r, int status, const char *out)
{
	ck_assert_msg(r->status == status && r->out && strcmp(r->out, out) == 0,
		"exit code %d, '%s' instead of %d, '%s'; it said: %s", r->status, r->out, status,
		out, r->err);
}

static void expect_says(const char *text, const char *what)
{
	ck_assert_msg(text && strstr(text, what), "'%s' does not say '%s'", text, what);
}

START_TEST(strings)
{
	struct rig rig;
	struct run r;
	char want[256];

	rig_start(&rig, rig_all);
	for (size_t i = 0; i < TEXTS; i++) {
		RUN(&r, &rig, "revc", "-e", client_uris[_i], "--", texts[i].text);
		snprintf(want, sizeof want, "%s\n", texts[i].reversed);
		expect_run(&r, 0, want);
		run_free(&r);
	}
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "uno", "", "dos tres");
	expect_run(&r, 0, "onu\n\nsert sod\n");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(refused_string)
{
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "uno", "a\xff", "dos");
	ck_assert_int_eq(r.status, 1);
	expect_says(r.err, "invalid-text");
	expect_says(r.out, "onu\n");
	expect_says(r.out, "sod\n");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* A FIFO does not carry the beginning of a frame within another one. */
START_TEST(refused_by_a_fifo)
{
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	RUN(&r, &rig, "revc", "-e", client_uris[FIFO], "uno", "a\xff\x01\x01\x02z", "dos");
	ck_assert_int_eq(r.status, 1);
	expect_says(r.err, "these bytes cannot be sent over a FIFO");
	expect_says(r.out, "onu\n");
	expect_says(r.out, "sod\n");
	run_free(&r);
	RUN(&r, &rig, "sh", "-c",
		"printf 'uno\\n\\377\\001x\\003\\ndos\\n\\377\\n' | $REVC -e \"$0\"",
		client_uris[FIFO]);
	ck_assert_int_eq(r.status, 1);
	expect_says(r.err, "line 2: invalid-text: these bytes cannot be sent over a FIFO");
	expect_says(r.err, "line 4: invalid-text");
	expect_says(r.out, "onu\n");
	expect_says(r.out, "sod\n");
	run_free(&r);
	ck_assert_int_eq(client_stat(&rig, "endpoints.fifo.torn"), 0);
	rig_finish(&rig);
}
END_TEST

/* One line of the 20,000 and its reply; the one in the middle is refused. */
#define LINES 20000u
#define REFUSED 12345u

static size_t put_line(char *to, size_t room, size_t i)
{
	int n = i == REFUSED ? snprintf(to, room, "\xc3(\n") : snprintf(to, room, "ñ🇪🇸 %zu\n", i);

	return (size_t)n;
}

static size_t put_reply(char *to, size_t room, size_t i)
{
	char digits[16], reversed[16] = "";
	int n = snprintf(digits, sizeof digits, "%zu", i);

	for (int k = 0; k < n; k++) {
		reversed[k] = digits[n - 1 - k];
	}
	n = i == REFUSED ? snprintf(to, room, "\n") : snprintf(to, room, "%s 🇪🇸ñ\n", reversed);
	return (size_t)n;
}

START_TEST(twenty_thousand_lines)
{
	CLEANUP_FREE char *in = malloc(LINES * 32), *want = malloc(LINES * 32);
	size_t n = 0, m = 0;
	struct rig rig;
	struct run r;

	for (size_t i = 1; i <= LINES; i++) {
		n += put_line(in + n, 32, i);
		m += put_reply(want + m, 32, i);
	}
	rig_start(&rig, rig_all);
	RUN_INPUT(&r, &rig, in, n, "revc", "-e", client_uris[_i]);
	ck_assert_msg(r.status == 1, "exit code %d: %s", r.status, r.err);
	ck_assert_uint_eq(r.out_n, m);
	ck_assert_mem_eq(r.out, want, m);
	expect_says(r.err, "12345");
	expect_says(r.err, "invalid-text");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(odd_input)
{
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	RUN_INPUT(&r, &rig, "", 0, "revc", "-e", client_uris[_i]);
	ck_assert_int_eq(r.status, 0);
	ck_assert_uint_eq(r.out_n, 0);
	run_free(&r);
	RUN_INPUT(&r, &rig, "uno\ndos", 7, "revc", "-e", client_uris[_i]);
	ck_assert_int_eq(r.status, 0);
	ck_assert_mem_eq(r.out, "onu\nsod", 7);
	run_free(&r);
	RUN_INPUT(&r, &rig, "\n\na\0b\r\n", 7, "revc", "-e", client_uris[_i]);
	ck_assert_int_eq(r.status, 0);
	ck_assert_uint_eq(r.out_n, 7);
	ck_assert_mem_eq(r.out, "\n\nb\0a\r\n", 7);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* Lines around the limit, and one that is larger than any buffer. */
START_TEST(long_lines)
{
	enum { MAX = 64 << 10 };
	CLEANUP_FREE char *in = malloc(3 * MAX + 100);
	size_t n = 0;
	struct rig rig;
	struct run r;
	CLEANUP_FREE char *config = NULL;

	ck_assert_int_gt(asprintf(&config, "[revd]\nmax_request = 64K\n%s", rig_all), 0);
	memset(in, 'x', 3 * MAX + 100);
	n = MAX;
	in[n++] = '\n';
	n += MAX + 1;
	in[n++] = '\n';
	memcpy(in + n, "uno\n", 4);
	n += 4;
	rig_start(&rig, config);
	RUN_INPUT(&r, &rig, in, n, "revc", "-e", client_uris[_i]);
	ck_assert_msg(r.status == 1, "exit code %d: %s", r.status, r.err);
	ck_assert_uint_eq(r.out_n, MAX + 1 + 1 + 4);
	ck_assert_mem_eq(r.out + MAX + 1, "\nonu\n", 5);
	expect_says(r.err, "too-large");
	expect_says(r.err, "65536");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(endless_input)
{
	char line[600];
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	snprintf(line, sizeof line, "yes hola | %s -e %s | head -n 1000 | sort -u", getenv("REVC"),
		client_uris[_i]);
	RUN(&r, &rig, "sh", "-c", line);
	expect_run(&r, 0, "aloh\n");
	ck_assert_msg(r.err_n == 0, "%s", r.err);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(files)
{
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	rig_write(&rig, "a", "uno\n");
	rig_write(&rig, "b", "dos\ntres\n");
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "-f", "@DIR@/a", "@DIR@/b");
	expect_run(&r, 0, "onu\nsod\nsert\n");
	run_free(&r);
	/* a last line without a newline ends with its file, refused or not */
	rig_write(&rig, "c", "uno\ndos");
	rig_write(&rig, "d", "uno\n\xff");
	rig_write(&rig, "e", "");
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "-f", "@DIR@/c", "@DIR@/e", "@DIR@/c",
		"@DIR@/e");
	expect_run(&r, 0, "onu\nsod\nonu\nsod");
	run_free(&r);
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "-f", "@DIR@/d", "@DIR@/a");
	expect_run(&r, 1, "onu\n\nonu\n");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(ping_info_stats)
{
	static const char *const options[] = {"--ping", "--info", "--stats"};
	struct rig rig;
	struct run r;
	size_t n;

	rig_start(&rig, rig_all);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		RUN(&r, &rig, "revc", "-e", client_uris[_i], options[i]);
		ck_assert_msg(r.status == 0, "%s: %s", options[i], r.err);
		ck_assert_uint_gt(r.out_n, 0);
		run_free(&r);
		RUN(&r, &rig, "revc", "-e", client_uris[_i], options[i], "--json");
		ck_assert_msg(r.status == 0, "%s: %s", options[i], r.err);
		ck_assert_msg(json_valid(r.out, r.out_n), "no JSON: %s", r.out);
		ck_assert_ptr_nonnull(json_find(r.out, "", &n));
		run_free(&r);
	}
	rig_finish(&rig);
}
END_TEST

START_TEST(json_replies)
{
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "--json", "a\"\\b\n\x01");
	ck_assert_int_eq(r.status, 0);
	ck_assert_msg(json_valid(r.out, r.out_n), "no JSON: %s", r.out);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(all_endpoints)
{
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	RUN(&r, &rig, "revc", "--all", "-e", "uds:@DIR@/stream.sock", "hola");
	ck_assert_msg(r.status == 0, "%s", r.err);
	for (int i = 0; i < TRANSPORTS; i++) {
		expect_says(r.out, client_endpoints[i]);
	}
	expect_says(r.out, "aloh");
	run_free(&r);
	/* asked over a queue, which tells nobody where a socket is */
	RUN(&r, &rig, "revc", "--all", "-e", "mqueue:@QUEUE@", "--json");
	ck_assert_msg(r.status == 0, "%s", r.err);
	for (int i = 0; i < TRANSPORTS; i++) {
		expect_says(r.out, client_endpoints[i]);
	}
	run_free(&r);
	RUN(&r, &rig, "revc", "--all", "-c", "x.conf");
	ck_assert_int_eq(r.status, 64);
	expect_says(r.err, "-e");
	run_free(&r);
	rig_stop(&rig);
	RUN(&r, &rig, "revc", "--all", "-e", "uds:@DIR@/stream.sock", "--timeout", "300ms");
	ck_assert_int_eq(r.status, 69);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(usage)
{
	static const char *const wrong[][4] = {{"--no-such"}, {"-e"}, {"-e", "nonsense", "x"},
		{"-e", "tcp:/x", "x"}, {"-e", "mqueue:x", "x"}, {"--timeout", "10", "x"},
		{"--timeout", "-1s", "x"}, {"--ping", "--info"}, {"-e", "fifo:", "x"},
		{"-e", "mqueue:/a/b", "x"}};
	struct rig rig;
	struct run r;

	rig_init(&rig);
	RUN(&r, &rig, "revc", wrong[_i][0], wrong[_i][1], wrong[_i][2]);
	ck_assert_msg(r.status == 64, "exit code %d: %s", r.status, r.err);
	expect_says(r.err, "revc");
	ck_assert_uint_eq(r.out_n, 0);
	run_free(&r);
	RUN(&r, &rig, "revc", "--version");
	ck_assert_int_eq(r.status, 0);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* Nobody there: the address is in the sentence, and so is what to do. */
START_TEST(nobody_serves)
{
	struct rig rig;
	struct run r;

	rig_init(&rig);
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "--timeout", "200ms", "hola");
	ck_assert_msg(r.status == 69, "exit code %d: %s", r.status, r.err);
	expect_says(r.err, _i == MQUEUE ? rig.queue : rig.dir);
	ck_assert_uint_eq(r.out_n, 0);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* Names without a daemon: what a kill has left. */
START_TEST(names_without_a_daemon)
{
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	rig_signal(&rig, SIGKILL);
	rig_wait_exit(&rig);
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "--timeout", "300ms", "hola");
	/* whether somebody reads a queue can't be seen: it does not answer in time */
	ck_assert_msg(r.status == (_i == MQUEUE ? 75 : 69), "exit code %d: %s", r.status, r.err);
	ck_assert_uint_gt(r.err_n, 0);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* Somebody is there, and does not answer in time. */
START_TEST(no_answer_in_time)
{
	struct rig rig;
	struct run r;

	late_start(&rig, "drain_timeout = 100ms", "", "");
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "--timeout", "200ms", "never");
	ck_assert_msg(r.status == 75, "exit code %d: %s", r.status, r.err);
	ck_assert_uint_gt(r.err_n, 0);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(status_of_a_refusal)
{
	struct rig rig;
	struct run r;

	late_start(&rig, "", "", "timeout = 100ms");
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "fail");
	ck_assert_msg(r.status == 1, "exit code %d: %s", r.status, r.err);
	expect_says(r.err, "internal");
	expect_says(r.err, "as you wish");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* Killed and started again under way: what had no reply is asked again. */
START_TEST(restart_under_way)
{
	enum { N = 100000 };
	CLEANUP_FREE char *in = malloc(N * 8 + 1), *out = malloc(N * 8 + 1);
	struct rig rig;
	struct run r;
	int status;
	pid_t pid;

	for (size_t i = 0; i < N; i++) {
		snprintf(in + i * 8, 9, "%05zu-a\n", i % 100000);
		for (size_t k = 0; k < 7; k++) {
			out[i * 8 + k] = in[i * 8 + 6 - k];
		}
		out[i * 8 + 7] = '\n';
	}
	rig_start(&rig, rig_all);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		RUN_INPUT(&r, &rig, in, N * 8, "revc", "-e", client_uris[_i]);
		ck_assert_msg(r.status == 0, "exit code %d: %s", r.status, r.err);
		ck_assert_uint_eq(r.out_n, N * 8);
		ck_assert_mem_eq(r.out, out, N * 8);
		_exit(0);
	}
	snprintf(in, 64, "endpoints.%s.requests", client_endpoints[_i]);
	client_wait_stat(&rig, in, 100);
	rig_signal(&rig, SIGKILL);
	rig_wait_exit(&rig);
	rig_launch(&rig, NULL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	rig_finish(&rig);
}
END_TEST

/* All queues of the system are taken: it says so, and asks over a socket. */
START_TEST(no_queue_is_left)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 1};
	char line[600], name[128];
	struct rig rig;
	struct run r;
	int n;

	rig_start(&rig, rig_all);
	for (n = 0; n < 2000; n++) {
		mqd_t q;

		snprintf(name, sizeof name, "%s-%d", rig.queue, n);
		q = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
		if (q < 0) {
			break;
		}
		mq_close(q);
	}
	snprintf(line, sizeof line, "REVD_ENDPOINT=%s exec %s -e %s hola", client_uris[STREAM],
		getenv("REVC"), client_uris[MQUEUE]);
	RUN(&r, &rig, "sh", "-c", line);
	expect_run(&r, 0, "aloh\n");
	expect_says(r.err, "queue");
	run_free(&r);
	while (n-- > 0) {
		snprintf(name, sizeof name, "%s-%d", rig.queue, n);
		mq_unlink(name);
	}
	rig_finish(&rig);
}
END_TEST

/* Its own names are gone when it ends, however it ends. */
START_TEST(leaves_no_names)
{
	char path[RIG_PATH];
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	RUN(&r, &rig, "revc", "-e", client_uris[_i], "uno");
	run_free(&r);
	RUN(&r, &rig, "sh", "-c",
		"p=$(mktemp -u); mkfifo $p; $REVC -e \"$0\" < $p & exec 9> $p; rm $p; echo uno "
		">&9; "
		"kill -TERM $!; wait",
		client_uris[_i]);
	run_free(&r);
	rig_stop(&rig);
	ck_assert_msg(!rig_has(&rig, "fifo.d") || rmdir(rig_path(&rig, "fifo.d", path)) == 0,
		"a reply FIFO is left behind");
	rig_finish(&rig);
}
END_TEST

START_TEST(default_endpoint)
{
	char line[600];
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	snprintf(line, sizeof line, "REVD_ENDPOINT=%s exec %s hola", client_uris[_i],
		getenv("REVC"));
	RUN(&r, &rig, "sh", "-c", line);
	expect_run(&r, 0, "aloh\n");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

static TCase *on_all(void)
{
	TCase *t = stage_tcase("serves");

	tcase_add_loop_test(t, strings, 0, TRANSPORTS);
	tcase_add_loop_test(t, refused_string, 0, TRANSPORTS);
	tcase_add_test(t, refused_by_a_fifo);
	tcase_add_loop_test(t, twenty_thousand_lines, 0, TRANSPORTS);
	tcase_add_loop_test(t, odd_input, 0, TRANSPORTS);
	tcase_add_loop_test(t, long_lines, 0, TRANSPORTS);
	tcase_add_loop_test(t, endless_input, 0, TRANSPORTS);
	tcase_add_loop_test(t, files, 0, TRANSPORTS);
	tcase_add_loop_test(t, ping_info_stats, 0, TRANSPORTS);
	tcase_add_loop_test(t, json_replies, 0, TRANSPORTS);
	tcase_add_loop_test(t, default_endpoint, 0, TRANSPORTS);
	tcase_add_loop_test(t, leaves_no_names, 0, TRANSPORTS);
	tcase_add_loop_test(t, restart_under_way, 0, TRANSPORTS);
	tcase_add_test(t, all_endpoints);
	return t;
}

static TCase *failures(void)
{
	TCase *t = stage_tcase("fails");

	tcase_add_loop_test(t, usage, 0, 10);
	tcase_add_loop_test(t, nobody_serves, 0, TRANSPORTS);
	tcase_add_loop_test(t, names_without_a_daemon, 0, TRANSPORTS);
	tcase_add_loop_test(t, no_answer_in_time, 0, TRANSPORTS);
	tcase_add_loop_test(t, status_of_a_refusal, 0, TRANSPORTS);
	if (geteuid() == 0) { /* in the namespace that stage.c made */
		tcase_add_test(t, no_queue_is_left);
	}
	return t;
}

int main(void)
{
	Suite *s = suite_create("revc");

	suite_add_tcase(s, on_all());
	suite_add_tcase(s, failures());
	return stage_run(s);
}
