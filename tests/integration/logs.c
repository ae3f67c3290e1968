/*
 * What clients send ends up in the log as one escaped entry, or not at all;
 * and no client can fill it.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/scene.h"
#include "common/stage.h"
#include "util/macro.h"

/* ISO 8601 with milliseconds, as there is no journal that would add it. */
#define TIME "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9][.][0-9]{3}Z "

static const char *const forged[] = {
	"good\n<0>forged",
	"good\r<0>forged",
	"%n%s%s%s%n",
	"\x1b[2J\x1b]0;title\x07",
	"a\0b",
};

/* Every way of a client to send a string that something may be said about. */
static void send_forged(struct client *c, const char *s, size_t n)
{
	uint8_t buf[512];

	client_send(c, buf, client_build_token(buf, RV_OP_CALL, 1, s, n, s, n));
	client_send_frame(c, RV_OP_CALL, 0, 2, s, n);
	client_send_frame(c, 99, 0, 3, s, n);
	client_send_text(c, s);
}

/* Lines that begin as ours do, and no byte that a terminal would obey. */
static void expect_clean(const char *log, const char *pattern)
{
	regex_t re;

	ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	for (const char *line = log; *line; line += strcspn(line, "\n") + 1) {
		ck_assert_msg(
			regexec(&re, line, 0, NULL, 0) == 0, "a line of its own: %.80s", line);
	}
	regfree(&re);
	for (const char *p = log; *p; p++) {
		ck_assert_msg(*p == '\n' || (*p >= ' ' && *p <= '~'), "byte %#x at '%.40s'",
			(unsigned char)*p, p);
	}
}

START_TEST(forged_entries)
{
	CLEANUP_FREE char *log = NULL;
	struct scene s;

	scene_open(&s, _i, "log_level = debug");
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
		send_forged(&s.client, forged[i], i == 4 ? 3 : strlen(forged[i]));
	}
	client_send_frame(&s.client, RV_OP_PING, 0, 9, "", 0);
	for (struct reply r = {0}; !(r.frame && r.head.id == 9);) {
		client_recv(&s.client, &r);
	}
	client_close(&s.client);
	rig_stop(&s.rig);
	log = rig_log(&s.rig, NULL);
	expect_clean(log, TIME "revd: [a-z]+: ");
	rig_finish(&s.rig);
}
END_TEST

/* Under the journal each entry has its priority in front, and nothing else has. */
START_TEST(journal_prefixes)
{
	CLEANUP_FREE char *log = NULL, *stream = NULL;
	char path[RIG_PATH];
	struct scene s;
	struct stat st;
	FILE *f;

	rig_init(&s.rig);
	rig_write(&s.rig, "revd.conf", rig_all);
	f = fopen(rig_path(&s.rig, "stderr", path), "we"); /* what the rig will append to */
	ck_assert_ptr_nonnull(f);
	fclose(f);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_gt(asprintf(&stream, "JOURNAL_STREAM=%lu:%lu", (unsigned long)st.st_dev,
				 (unsigned long)st.st_ino),
		0);
	rig_launch(&s.rig, &(struct launch){.env = (const char *const[]){stream, NULL}});
	client_open(&s.client, &s.rig, FIFO);
	client_send(&s.client, "\xff\x02garbage\n<0>forged\n", 19);
	client_barrier(&s.client);
	client_close(&s.client);
	rig_stop(&s.rig);
	log = rig_log(&s.rig, NULL);
	expect_clean(log, "^<[3-7]>[^<]");
	ck_assert_ptr_nonnull(strstr(log, "<6>"));
	ck_assert_ptr_null(strstr(log, "<0>"));
	rig_finish(&s.rig);
}
END_TEST

/* Ten thousand reasons for an entry, and few entries. */
START_TEST(a_client_can_not_fill_the_log)
{
	enum { N = 10000 };
	struct scene s;
	uint8_t buf[128];
	size_t n, lines = 0;
	CLEANUP_FREE char *log = NULL;

	scene_open(&s, FIFO, "log_level = debug");
	for (uint64_t i = 0; i < N; i++) {
		char token[16];

		n = (size_t)snprintf(token, sizeof token, "none%u", (unsigned)i);
		client_send(
			&s.client, buf, client_build_token(buf, RV_OP_CALL, 1, token, n, "", 0));
	}
	client_barrier(&s.client);
	client_close(&s.client);
	rig_stop(&s.rig);
	log = rig_log(&s.rig, NULL);
	for (const char *p = log; (p = strchr(p, '\n')); p++) {
		lines++;
	}
	ck_assert_uint_lt(lines, 100);
	rig_finish(&s.rig);
}
END_TEST

START_TEST(levels)
{
	CLEANUP_FREE char *log = NULL;
	struct scene s;

	scene_open(&s, STREAM, "log_level = error");
	client_expect_text(&s.client, "uno", "onu");
	client_close(&s.client);
	rig_stop(&s.rig);
	log = rig_log(&s.rig, NULL);
	ck_assert_str_eq(log, "");
	rig_finish(&s.rig);
}
END_TEST

/* What is done to a client, or its request, is told where somebody wants to know. */
struct mishap {
	int transport;
	const char *limit; /* of its endpoint */
	void (*cause)(struct client *, const struct rig *);
	const char *says; /* the endpoint's name is before it */
};

static void say_nothing(struct client *c, const struct rig *rig)
{
	(void)rig;
	(void)c;
}

static void ask(struct client *c, const struct rig *rig)
{
	(void)rig;
	client_send_frame(c, RV_OP_CALL, 0, 1, "uno", 3);
}

static void send_half(struct client *c, const struct rig *rig)
{
	(void)rig;
	client_send(c, "half\x1b", 5);
}

static void send_junk(struct client *c, const struct rig *rig)
{
	(void)rig;
	client_send(c, "\xff\x01\x00junk\x07\n", 9);
	ask(c, rig);
}

static void send_unaddressed(struct client *c, const struct rig *rig)
{
	uint8_t buf[64];

	(void)rig;
	client_send(c, buf, client_build_token(buf, RV_OP_CALL, 1, "a/b\n", 4, "uno", 3));
}

static void send_fragment(struct client *c, const struct rig *rig)
{
	(void)rig;
	client_send_frame(c, RV_OP_CALL, RV_FRAME_MORE, 1, "uno", 3);
}

static void send_deaf(struct client *c, const struct rig *rig)
{
	static char text[4000];

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\n';
	do {
		while (client_try_send(c, text, sizeof text) > 0) {
		}
	} while (client_stat(rig, "endpoints.stream.blocked") < 1);
}

static const struct mishap mishaps[] = {
	{STREAM, "allow_users = 4000000000", ask,
		"a client of uid 0: it is refused: it may not use the endpoint"},
	{STREAM, "allow_users = 4000000000", ask,
		"a client of uid 0: a request is refused, denied: this user may not use the "
		"endpoint"},
	{STREAM, "allow_users = 4000000000", say_nothing,
		"a client of uid 0: it is cut off: it was refused and sent no request"},
	{SEQPACKET, "max_peers = 1", ask, "a client of uid 0: it is refused: too many clients"},
	{SEQPACKET, "idle_timeout = 1s", say_nothing,
		"a client of uid 0: it is cut off: idle for idle_timeout"},
	{STREAM, "slow_timeout = 100ms", send_deaf,
		"a client of uid 0: it is cut off: it took no replies for slow_timeout"},
	{STREAM, "", send_fragment,
		"a client of uid 0: 1 message is lost: the next fragment did not come in time"},
	{FIFO, "", send_fragment,
		"a client: 1 message is lost: the next fragment did not come in time"},
	{FIFO, "", send_half, "half a line or frame is dropped, its end did not come: 'half\\x1b'"},
	{FIFO, "", send_junk, "something torn is skipped: '\\xff\\x01\\x00junk\\x07\\x0a'"},
	{FIFO, "", send_unaddressed,
		"a frame without a usable reply token is dropped: '\\x04a/b\\x0auno'"},
	{MQUEUE, "", send_unaddressed,
		"a frame without a usable reply token is dropped: '\\x04a/b\\x0auno'"},
};

START_TEST(mishaps_are_told)
{
	const struct mishap *m = &mishaps[_i];
	CLEANUP_FREE char *config = NULL, *says = NULL;
	struct client first, c;
	struct rig rig;
	const char *name = client_endpoints[m->transport];
	char *section;

	config = strdup(rig_all);
	section = strstr(config, name);
	section += strcspn(section, "\n") + 1;
	*section = '\0'; /* the rest follows the limit */
	ck_assert_int_gt(
		asprintf(&says, "[revd]\nlog_level = debug\nfragment_timeout = 100ms\n%s%s\n%s",
			config, m->limit, strstr(rig_all, name) + strlen(name) + 2),
		0);
	rig_start(&rig, says);
	free(says);
	client_open(&first, &rig, (enum transport)m->transport);
	if (strstr(m->limit, "max_peers")) {
		client_expect_call(&first, 1, "uno", "onu");
	}
	client_open(&c, &rig, (enum transport)m->transport);
	m->cause(&c, &rig);
	ck_assert_int_gt(asprintf(&says, "revd: debug: %s: %s", name, m->says), 0);
	rig_wait_log(&rig, 0, says);
	client_close(&c);
	client_close(&first);
	rig_finish(&rig);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("logs");
	TCase *t = stage_tcase("logs");

	tcase_add_loop_test(t, forged_entries, 0, TRANSPORTS);
	tcase_add_test(t, journal_prefixes);
	tcase_add_test(t, a_client_can_not_fill_the_log);
	tcase_add_test(t, levels);
	tcase_add_loop_test(t, mishaps_are_told, 0, (int)ARRAY_SIZE(mishaps));
	suite_add_tcase(s, t);
	return stage_run(s);
}
