/*
 * revc over NATS, with a real broker, and nats_responder.c in the place of revd: what is lost,
 * doubled and killed there stays invisible.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <revd/client.h>
#include "common/companion.h"
#include "common/nats_broker.h"
#include "common/run.h"
#include "common/stage.h"
#include "common/wait.h"

#define SUBJECT "test.echo"

struct stage {
	struct rig rig;
	struct nats_broker broker;
	struct companion responder;
	char at[32], uri[96]; /* HOST:PORT; nats://HOST:PORT/SUBJECT */
};

static void respond(struct companion *c, const struct rig *rig, const char *at)
{
	char url[64];

	snprintf(url, sizeof(url), "nats://%s", at);
	COMPANION(c, rig, false, getenv("REVD_TEST_RESPONDER"), url, SUBJECT);
	companion_expect(c, "ready");
}

/* config: of the broker; "" for none. */
static void stage_begin(struct stage *s, const char *config)
{
	rig_init(&s->rig);
	nats_broker_init(&s->broker, &s->rig);
	nats_broker_start(&s->broker, config);
	snprintf(s->at, sizeof(s->at), "127.0.0.1:%u", s->broker.port);
	snprintf(s->uri, sizeof(s->uri), "nats://%s/" SUBJECT, s->at);
}

static void stage_open(struct stage *s)
{
	stage_begin(s, "");
	respond(&s->responder, &s->rig, s->at);
}

static void stage_close(struct stage *s)
{
	companion_kill(&s->responder, SIGKILL);
	nats_broker_kill(&s->broker);
	rig_finish(&s->rig);
}

static void expect_refused(const struct run *r, int code, const char *sentence)
{
	ck_assert_msg(r->status == code, "exit code %d, '%s'", r->status, r->err);
	ck_assert_msg(strstr(r->err, sentence), "'%s' does not say '%s'", r->err, sentence);
	ck_assert_uint_eq(r->out_n, 0);
}

START_TEST(where_nobody_is_says_so_at_once)
{
	struct stage s = {0};
	struct run r;

	stage_begin(&s, "");
	RUN(&r, &s.rig, "revc", "-e", s.uri, "hola");
	expect_refused(&r, 69, "nobody serves this subject");
	run_free(&r);
	nats_broker_kill(&s.broker);
	RUN(&r, &s.rig, "revc", "-e", s.uri, "hola");
	expect_refused(&r, 69, "no NATS broker answers there");
	run_free(&r);
	stage_close(&s);
}
END_TEST

START_TEST(without_the_module_it_says_what_to_install)
{
	struct stage s = {0};
	struct run r;

	stage_begin(&s, "");
	ck_assert_int_eq(setenv("REVD_MODULE_DIR", s.rig.dir, 1), 0);
	RUN(&r, &s.rig, "revc", "-e", s.uri, "hola");
	expect_refused(&r, 69, "apt install revd-nats");
	run_free(&r);
	stage_close(&s);
}
END_TEST

START_TEST(strings_and_lines_are_answered_in_order)
{
	struct stage s = {0};
	char *lines = NULL;
	struct run r;
	size_t n;
	FILE *f = open_memstream(&lines, &n);

	for (int i = 0; i < 20000; i++) {
		fprintf(f, "line %d\n", i);
	}
	fclose(f);
	stage_open(&s);
	RUN(&r, &s.rig, "revc", "-e", s.uri, "hola", "", "mundo");
	ck_assert_msg(r.status == 0, "%s", r.err);
	ck_assert_str_eq(r.out, "hola\n\nmundo\n");
	run_free(&r);
	RUN_INPUT(&r, &s.rig, lines, n, "revc", "-e", s.uri);
	ck_assert_msg(r.status == 0, "%s", r.err);
	ck_assert_str_eq(r.out, lines);
	run_free(&r);
	free(lines);
	stage_close(&s);
}
END_TEST

START_TEST(what_is_lost_is_asked_again_and_what_comes_twice_is_shown_once)
{
	struct stage s = {0};
	struct run r;

	stage_open(&s);
	RUN(&r, &s.rig, "revc", "-e", s.uri, "a", "lose b", "twice c", "twice d", "lose e", "f");
	ck_assert_msg(r.status == 0, "%s", r.err);
	ck_assert_str_eq(r.out, "a\nlose b\ntwice c\ntwice d\nlose e\nf\n");
	run_free(&r);
	stage_close(&s);
}
END_TEST

START_TEST(what_is_never_answered_ends_in_time)
{
	struct stage s = {0};
	struct run r;

	stage_open(&s);
	RUN(&r, &s.rig, "revc", "-e", s.uri, "--timeout", "1500ms", "never mind");
	expect_refused(&r, 75, "no reply in time");
	run_free(&r);
	stage_close(&s);
}
END_TEST

START_TEST(what_the_broker_does_not_take_is_refused_alone)
{
	struct stage s = {0};
	char text[5001];
	struct run r;

	memset(text, 'x', 5000);
	text[5000] = '\0';
	stage_begin(&s, "max_payload: 4096\n");
	respond(&s.responder, &s.rig, s.at);
	RUN(&r, &s.rig, "revc", "-e", s.uri, "a", text, "b");
	ck_assert_int_eq(r.status, 1);
	ck_assert_msg(strstr(r.err, "too-large: larger than the broker takes"), "%s", r.err);
	ck_assert_str_eq(r.out, "a\n\nb\n");
	run_free(&r);
	stage_close(&s);
}
END_TEST

/* revc is in the midst of its lines: the broker dies, and comes back where it was. */
START_TEST(a_broker_that_is_started_again_is_found)
{
	struct stage s = {0};
	struct companion revc;

	stage_open(&s);
	COMPANION(&revc, &s.rig, false, "revc", "-e", s.uri);
	companion_say(&revc, "before\n");
	companion_expect(&revc, "before");
	companion_kill(&s.responder, SIGKILL);
	nats_broker_kill(&s.broker);
	companion_say(&revc, "while\n");
	nats_broker_start(&s.broker, "");
	respond(&s.responder, &s.rig, s.at);
	companion_expect(&revc, "while");
	companion_say(&revc, "after\n");
	companion_expect(&revc, "after");
	ck_assert_int_eq(companion_finish(&revc), 0);
	stage_close(&s);
}
END_TEST

START_TEST(daemons_may_leave_while_others_stay_and_come_back)
{
	struct stage s = {0};
	struct companion revc, other;

	stage_open(&s);
	respond(&other, &s.rig, s.at);
	COMPANION(&revc, &s.rig, false, "revc", "-e", s.uri);
	companion_say(&revc, "two\n");
	companion_expect(&revc, "two");
	companion_kill(&s.responder, SIGKILL);
	companion_say(&revc, "one\n");
	companion_expect(&revc, "one");
	companion_kill(&other, SIGKILL);
	companion_say(&revc, "none\n");
	respond(&s.responder, &s.rig, s.at);
	companion_expect(&revc, "none");
	ck_assert_int_eq(companion_finish(&revc), 0);
	stage_close(&s);
}
END_TEST

/* A broker of a cluster of two. */
static void join(struct stage *s, const char *name, uint16_t routes, uint16_t other)
{
	char config[256];

	snprintf(config, sizeof(config),
		"server_name: %s\ncluster { name: test, listen: \"127.0.0.1:%u\", "
		"routes: [\"nats://127.0.0.1:%u\"] }\n",
		name, routes, other);
	stage_begin(s, config);
}

static uint16_t free_port(const struct rig *rig)
{
	struct nats_broker b;

	nats_broker_init(&b, rig);
	return b.port;
}

/* The URI names one broker of two; the other is heard of, and is enough. */
START_TEST(another_node_of_the_cluster_takes_over)
{
	struct stage s = {0}, second = {0};
	uint16_t ports[2] = {free_port(&s.rig), free_port(&s.rig)};
	struct nats_client client;
	struct companion revc;

	join(&s, "one", ports[0], ports[1]);
	join(&second, "two", ports[1], ports[0]);
	respond(&second.responder, &second.rig, second.at);
	nats_client_open(&client, &s.broker, "");
	nats_client_wait_served(&client, SUBJECT, "by two", "by two");
	nats_client_close(&client);
	COMPANION(&revc, &s.rig, false, "revc", "-e", s.uri);
	companion_say(&revc, "over one\n");
	companion_expect(&revc, "over one");
	nats_broker_kill(&s.broker);
	companion_say(&revc, "over two\n");
	companion_expect(&revc, "over two");
	ck_assert_int_eq(companion_finish(&revc), 0);
	stage_close(&second);
	stage_close(&s);
}
END_TEST

START_TEST(a_list_of_brokers_is_tried_to_its_end)
{
	struct stage s = {0};
	struct run r;

	stage_open(&s);
	snprintf(s.uri, sizeof(s.uri), "nats://127.0.0.1:1,%s/" SUBJECT, s.at);
	for (int i = 0; i < 4; i++) { /* in an order of chance */
		RUN(&r, &s.rig, "revc", "-e", s.uri, "hola");
		ck_assert_msg(r.status == 0, "%s", r.err);
		ck_assert_str_eq(r.out, "hola\n");
		run_free(&r);
	}
	stage_close(&s);
}
END_TEST

/* A program with a loop of its own: the descriptor tells of replies, and nothing sleeps. */
START_TEST(the_descriptor_of_librevc_tells_of_replies)
{
	struct stage s = {0};
	struct revc_reply reply;
	struct revc_err err;
	struct revc *c;

	stage_open(&s);
	ck_assert_msg(revc_open(s.uri, NULL, &c, &err) == 0, "%s", err.text);
	ck_assert_str_eq(revc_transport(c), "nats");
	for (uint64_t id = 1; id <= 3; id++) {
		ck_assert_int_eq(revc_submit(c, RV_OP_CALL, id, "hola", 4), 0);
	}
	ck_assert_int_eq(revc_flush(c), 0);
	ck_assert_uint_eq(revc_unsent(c), 0);
	for (unsigned n = 0; n < 3;) {
		int r = revc_receive(c, REVC_NOW, &reply);

		ck_assert(r == 0 || r == -ETIMEDOUT);
		if (r == 0) {
			ck_assert_uint_eq(reply.id, ++n);
			ck_assert_mem_eq(reply.data, "hola", 4);
		} else {
			ck_assert_int_eq(wait_fd(revc_fd(c), POLLIN, wait_until(WAIT_MS)), POLLIN);
		}
	}
	companion_kill(&s.responder, SIGKILL);
	nats_broker_kill(&s.broker);
	ck_assert_int_ne(wait_fd(revc_fd(c), POLLIN, wait_until(WAIT_MS)), 0);
	ck_assert_int_eq(revc_receive(c, 0, &reply), -ECONNRESET);
	revc_error(c, &err);
	ck_assert_msg(strstr(err.text, "the broker has left"), "%s", err.text);
	revc_close(c);
	stage_close(&s);
}
END_TEST

#define GUARDED                                                      \
	"authorization { users: [ { user: me, password: secret },\n" \
	" { user: guest, password: guest, permissions: { publish: \"other\" } } ] }\n"

START_TEST(who_asks_is_said_in_the_uri_or_by_the_environment)
{
	struct stage s = {0};
	char uri[128];
	struct run r;

	stage_begin(&s, GUARDED);
	snprintf(uri, sizeof(uri), "me:secret@%s", s.at);
	respond(&s.responder, &s.rig, uri);
	RUN(&r, &s.rig, "revc", "-e", s.uri, "hola");
	expect_refused(&r, 77, "lets nobody in");
	run_free(&r);
	snprintf(uri, sizeof(uri), "nats://me:secret@%s/" SUBJECT, s.at);
	RUN(&r, &s.rig, "revc", "-e", uri, "hola");
	ck_assert_msg(r.status == 0, "%s", r.err);
	run_free(&r);
	snprintf(uri, sizeof(uri), "nats://guest:guest@%s/" SUBJECT, s.at);
	RUN(&r, &s.rig, "revc", "-e", uri, "hola");
	expect_refused(&r, 77, "permissions forbid this subject");
	ck_assert_msg(!strstr(r.err, "guest:guest"), "the password is seen: %s", r.err);
	run_free(&r);
	setenv("NATS_USER", "me", 1);
	setenv("NATS_PASSWORD", "secret", 1);
	snprintf(uri, sizeof(uri), "nats://%s", s.at);
	setenv("NATS_URL", uri, 1);
	RUN(&r, &s.rig, "revc", "-e", "nats:///" SUBJECT, "hola");
	ck_assert_msg(r.status == 0, "%s", r.err);
	run_free(&r);
	stage_close(&s);
}
END_TEST

/* With a certificate of each side's own authority; and who does not know it is told. */
START_TEST(tls_is_checked)
{
	const char *dir = getenv("REVD_TEST_NATS_DATA");
	struct stage s = {0};
	char config[1024], path[3][256], uri[96];
	struct run r;

	snprintf(path[0], sizeof(path[0]), "%s/ca.pem", dir);
	snprintf(path[1], sizeof(path[1]), "%s/cert.pem", dir);
	snprintf(path[2], sizeof(path[2]), "%s/key.pem", dir);
	snprintf(config, sizeof(config),
		"tls { cert_file: \"%s\", key_file: \"%s\", ca_file: \"%s\", verify: true, "
		"timeout: 30 }\n",
		path[1], path[2], path[0]);
	stage_begin(&s, config);
	snprintf(uri, sizeof(uri), "tls://%s/" SUBJECT, s.at);
	RUN(&r, &s.rig, "revc", "-e", s.uri, "hola"); /* the broker insists on TLS */
	expect_refused(&r, 69, "unable to get local issuer certificate");
	run_free(&r);
	RUN(&r, &s.rig, "revc", "-e", uri, "hola");
	expect_refused(&r, 69, "unable to get local issuer certificate");
	run_free(&r);
	setenv("NATS_CA", path[0], 1);
	setenv("NATS_CERT", path[1], 1);
	setenv("NATS_KEY", path[2], 1);
	RUN(&r, &s.rig, "revc", "-e", uri, "hola");
	expect_refused(&r, 69, "nobody serves this subject"); /* so we are in */
	run_free(&r);
	setenv("NATS_CA", "/nonexistent", 1);
	RUN(&r, &s.rig, "revc", "-e", uri, "hola");
	expect_refused(&r, 64, "$NATS_CA: /nonexistent: No such file or directory");
	run_free(&r);
	stage_close(&s);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("integration/revc-nats");
	TCase *tc = stage_tcase("nats");

	tcase_add_test(tc, where_nobody_is_says_so_at_once);
	tcase_add_test(tc, without_the_module_it_says_what_to_install);
	tcase_add_test(tc, strings_and_lines_are_answered_in_order);
	tcase_add_test(tc, what_is_lost_is_asked_again_and_what_comes_twice_is_shown_once);
	tcase_add_test(tc, what_is_never_answered_ends_in_time);
	tcase_add_test(tc, what_the_broker_does_not_take_is_refused_alone);
	tcase_add_test(tc, a_broker_that_is_started_again_is_found);
	tcase_add_test(tc, daemons_may_leave_while_others_stay_and_come_back);
	tcase_add_test(tc, another_node_of_the_cluster_takes_over);
	tcase_add_test(tc, a_list_of_brokers_is_tried_to_its_end);
	tcase_add_test(tc, the_descriptor_of_librevc_tells_of_replies);
	tcase_add_test(tc, who_asks_is_said_in_the_uri_or_by_the_environment);
	tcase_add_test(tc, tls_is_checked);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return stage_run(suite());
}
