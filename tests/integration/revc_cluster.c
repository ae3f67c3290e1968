/* revc and two real daemons behind one broker. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/companion.h"
#include "common/run.h"
#include "common/stage.h"
#include "nats_rig.h"

struct cluster {
	struct nats_rig one, two; /* both daemons are at the broker of the first */
	char uri[80];
};

static void cluster_open(struct cluster *c)
{
	char keys[64];

	nats_rig_start(&c->one, "", "", "");
	snprintf(keys, sizeof(keys), "url = nats://127.0.0.1:%u\n", (unsigned)c->one.broker.port);
	nats_rig_start(&c->two, "", keys, "");
	snprintf(c->uri, sizeof(c->uri), "nats://127.0.0.1:%u/" SUBJECT,
		(unsigned)c->one.broker.port);
	nats_rig_wait_state(&c->one, "up", "");
	nats_rig_wait_state(&c->two, "up", "");
}

static void cluster_close(struct cluster *c)
{
	nats_rig_finish(&c->two);
	nats_rig_finish(&c->one);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, what)); at++) {
		n++;
	}
	return n;
}

static void expect_process(const char *text, const struct rig *rig)
{
	char pid[32];

	snprintf(pid, sizeof(pid), ", process %d: ", (int)rig->pid);
	ck_assert_msg(count(text, pid) == 1, "not once '%s': %s", pid, text);
}

START_TEST(every_daemon_is_a_line)
{
	struct cluster c;
	struct run r;

	cluster_open(&c);
	RUN(&r, &c.one.rig, "revc", "-e", c.uri, "--ping");
	ck_assert_msg(r.status == 0, "%s", r.err);
	ck_assert_uint_eq(count(r.out, "pong from "), 2);
	ck_assert_uint_eq(count(r.out, "\n"), 2);
	expect_process(r.out, &c.one.rig);
	expect_process(r.out, &c.two.rig);
	run_free(&r);
	RUN(&r, &c.one.rig, "revc", "-e", c.uri, "--all");
	ck_assert_msg(r.status == 0, "%s", r.err);
	ck_assert_uint_eq(count(r.out, " requests, 0 errors\n"), 2);
	run_free(&r);
	RUN(&r, &c.one.rig, "revc", "-e", c.uri, "--all", "--json");
	ck_assert_uint_eq(count(r.out, "\"transport\":\"nats\""), 2);
	run_free(&r);
	cluster_close(&c);
}
END_TEST

START_TEST(one_of_them_answers_the_rest)
{
	struct cluster c;
	struct run r;

	cluster_open(&c);
	RUN(&r, &c.one.rig, "revc", "-e", c.uri, "--ping", "-c", "20");
	ck_assert_uint_eq(count(r.out, "pong from nats://"), 20);
	run_free(&r);
	RUN(&r, &c.one.rig, "revc", "-e", c.uri, "--info");
	ck_assert_msg(strstr(r.out, "program: revd"), "%s", r.out);
	run_free(&r);
	RUN(&r, &c.one.rig, "revc", "-e", c.uri, "--stats");
	ck_assert_msg(strstr(r.out, "bus "), "%s", r.out);
	run_free(&r);
	RUN(&r, &c.one.rig, "revc", "-e", c.uri, "--all", "hola");
	ck_assert_int_eq(r.status, 64);
	run_free(&r);
	cluster_close(&c);
}
END_TEST

/* Few requests that come together are not one daemon's alone: each may be costly. */
START_TEST(they_share_what_comes_together)
{
	char text[40 * 3 + 1] = "";
	struct cluster c;
	struct run r;

	cluster_open(&c);
	for (unsigned i = 0; i < 40; i++) {
		memcpy(text + 3 * i, "ab\n", 3);
	}
	RUN_INPUT(&r, &c.one.rig, text, 40 * 3, "revc", "-e", c.uri);
	ck_assert_msg(r.status == 0, "%s", r.err);
	run_free(&r);
	/* with the PING of revc; that all 40 go to one by chance is no more than 1e-11 */
	ck_assert_int_eq(nats_rig_stat(&c.one, "requests") + nats_rig_stat(&c.two, "requests"), 41);
	ck_assert_int_gt(nats_rig_stat(&c.one, "requests"), 1);
	ck_assert_int_gt(nats_rig_stat(&c.two, "requests"), 1);
	cluster_close(&c);
}
END_TEST

START_TEST(a_text_that_is_refused_is_told_as_elsewhere)
{
	struct cluster c;
	struct run r;

	cluster_open(&c);
	RUN(&r, &c.one.rig, "revc", "-e", c.uri, "uno", "a\xff", "dos");
	ck_assert_int_eq(r.status, 1);
	ck_assert_str_eq(r.out, "onu\n\nsod\n");
	ck_assert_msg(strstr(r.err, "invalid-text"), "%s", r.err);
	run_free(&r);
	cluster_close(&c);
}
END_TEST

/* Its requests go to the other one in time, and what it answers later is not shown. */
START_TEST(a_daemon_that_hangs_loses_nothing)
{
	struct companion revc;
	struct cluster c;

	cluster_open(&c);
	COMPANION(&revc, &c.one.rig, false, "revc", "--timeout", "1min", "-e", c.uri);
	companion_say(&revc, "uno\n");
	companion_expect(&revc, "onu");
	rig_signal(&c.two.rig, SIGSTOP); /* every other request is its, by chance */
	for (unsigned i = 0; i < 8; i++) {
		companion_say(&revc, "dos\n");
		companion_expect(&revc, "sod");
	}
	rig_signal(&c.two.rig, SIGCONT);
	companion_say(&revc, "tres\n");
	companion_expect(&revc, "sert");
	ck_assert_int_eq(companion_finish(&revc), 0);
	cluster_close(&c);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("integration/revc-cluster");
	TCase *tc = stage_tcase("cluster");

	tcase_add_test(tc, every_daemon_is_a_line);
	tcase_add_test(tc, one_of_them_answers_the_rest);
	tcase_add_test(tc, they_share_what_comes_together);
	tcase_add_test(tc, a_text_that_is_refused_is_told_as_elsewhere);
	tcase_add_test(tc, a_daemon_that_hangs_loses_nothing);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return stage_run(suite());
}
