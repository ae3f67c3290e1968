/* The transport nats and its broker: one that is not there, leaves, hangs, does not let us
 * in; and how the daemon leaves it. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common/run.h"
#include "common/stage.h"
#include "common/wait.h"
#include "nats_rig.h"
#include "util/macro.h"

#define LATE "service = late\n"
#define LATE_SERVICE "[service.late]\ntimeout = 1h\n"

static struct nats_rig r;
static struct nats_client *c = &r.client;

static void teardown(void)
{
	nats_rig_finish(&r);
}

static void expect_answer(const char *text)
{
	struct nats_message m;

	nats_client_receive(c, &m);
	ck_assert_msg(!m.head, "%.*s", (int)m.head_n, m.head);
	ck_assert_msg(m.n == strlen(text) && memcmp(m.data, text, m.n) == 0, "'%.*s' not '%s'",
		(int)m.n, (const char *)m.data, text);
}

static void publish_many(int n)
{
	for (int i = 0; i < n; i++) {
		nats_client_publish(c, SUBJECT, INBOX, "hola", 4);
	}
}

START_TEST(absent_at_start)
{
	nats_rig_init(&r);
	nats_rig_configure(&r, "", "", "");
	rig_launch(&r.rig, NULL);
	nats_rig_expect_local(&r);
	nats_rig_wait_state(&r, "down", "No server available");
	nats_rig_expect_local(&r);
	nats_broker_start(&r.broker, "");
	nats_rig_wait_state(&r, "up", "");
	nats_client_open(c, &r.broker, "");
	nats_client_expect(c, SUBJECT, "hola", "aloh");
}
END_TEST

/* It takes connections, since the kernel does, and says nothing. */
START_TEST(hangs_at_start)
{
	nats_rig_init(&r);
	nats_broker_start(&r.broker, "");
	nats_broker_signal(&r.broker, SIGSTOP);
	nats_rig_configure(&r, "", "", "");
	rig_launch(&r.rig, NULL);
	nats_rig_expect_local(&r);
	nats_rig_wait_state(&r, "down", "");
	nats_broker_signal(&r.broker, SIGCONT);
	nats_rig_wait_state(&r, "up", "");
	nats_client_open(c, &r.broker, "");
	nats_client_expect(c, SUBJECT, "hola", "aloh");
}
END_TEST

START_TEST(leaves_and_comes_back)
{
	nats_rig_start(&r, "", "", "");
	nats_client_wait_served(c, SUBJECT, "hola", "aloh");
	for (int i = 0; i < 3; i++) {
		nats_client_close(c);
		nats_broker_kill(&r.broker);
		nats_rig_wait_state(&r, "down", "");
		nats_rig_expect_local(&r);
		nats_broker_start(&r.broker, "");
		nats_client_open(c, &r.broker, "");
		nats_client_wait_served(c, SUBJECT, "hola", "aloh");
	}
	nats_rig_wait_state(&r, "up", "");
}
END_TEST

#define CLIENT "{user: a, password: b}"
#define USERS(all) "authorization: { users: [ " all " ] }\n"
#define AS_CLIENT "\"user\":\"a\",\"pass\":\"b\""

/* What is answered meanwhile is sent once there is a broker again. */
START_TEST(answers_wait)
{
	struct client local;
	char path[RIG_PATH], keys[128];

	nats_rig_init(&r);
	nats_broker_start(&r.broker, USERS(CLIENT ", {user: r, password: r}"));
	snprintf(
		keys, sizeof keys, "url = nats://r:r@127.0.0.1:%u\n" LATE, (unsigned)r.broker.port);
	nats_rig_configure(&r, "", keys,
		LATE_SERVICE "[endpoint.late]\ntransport = uds\npath = @DIR@/late.sock\n" LATE);
	rig_launch(&r.rig, NULL);
	nats_client_open(c, &r.broker, AS_CLIENT);
	nats_client_wait_served(c, SUBJECT, "grow 1", "g");
	nats_client_publish(c, SUBJECT, INBOX, "hold it", 7);
	client_wait_stat(&r.rig, "endpoints.bus.requests", 2);
	nats_client_close(c);
	nats_broker_kill(&r.broker);
	nats_rig_wait_state(&r, "down", "");
	client_open_at(&local, STREAM, rig_path(&r.rig, "late.sock", path));
	client_expect_text(&local, "release", "1");
	client_close(&local);
	nats_broker_start(
		&r.broker, USERS(CLIENT)); /* which lets the client in, and not yet revd */
	nats_client_open(c, &r.broker, AS_CLIENT);
	rig_write(&r.rig, "broker.conf", USERS(CLIENT ", {user: r, password: r}"));
	nats_broker_signal(&r.broker, SIGHUP);
	expect_answer("it");
	ck_assert_int_eq(nats_rig_stat(&r, "drops.io"), 0);
}
END_TEST

/* It takes no more, and what waits for it is bounded. */
START_TEST(hangs)
{
	const int n = 200;
	struct nats_message m;

	nats_rig_start(&r, "", LATE "max_pending = 1M\n", LATE_SERVICE);
	nats_client_wait_served(c, SUBJECT, "grow 1", "g");
	nats_client_subscribe(c, "late.*");
	for (int i = 0; i < n; i++) {
		char to[16];

		snprintf(to, sizeof to, "late.%d", i);
		nats_client_publish(c, SUBJECT, to, "late 500 100000", 15);
	}
	client_wait_stat(&r.rig, "endpoints.bus.requests", n + 1);
	nats_broker_signal(&r.broker, SIGSTOP);
	client_wait_stat(&r.rig, "endpoints.bus.drops.output", 1);
	nats_rig_expect_local(&r);
	client_wait_stat(&r.rig, "endpoints.bus.replies", n + 1);
	nats_rig_expect_local(&r);
	nats_broker_signal(&r.broker, SIGCONT);
	for (int64_t left = n - nats_rig_stat(&r, "drops.output"); left > 0; left--) {
		nats_client_receive(c, &m);
		ck_assert_uint_eq(m.n, 100000);
	}
	nats_client_expect(c, SUBJECT, "grow 1", "g");
}
END_TEST

/* While the service takes no more the newest wait, as much as may; the others are told. */
START_TEST(too_much_for_the_service)
{
	static const char busy[] = "busy: too many requests wait for the service\r\n";
	struct nats_message m;
	char gate[RIG_PATH];

	nats_rig_start(&r, "drain_timeout = 100ms\n", "service = slow\nmax_pending = 64K\n",
		"[service.slow]\ntype = exec\nmode = request\ncommand = cat @DIR@/gate\n");
	ck_assert_int_eq(mkfifo(rig_path(&r.rig, "gate", gate), 0600), 0);
	nats_rig_wait_state(&r, "up", "");
	publish_many(2000);
	nats_client_receive(c, &m);
	ck_assert_msg(m.head && memmem(m.head, m.head_n, busy, sizeof busy - 1), "%.*s",
		(int)m.head_n, m.head);
	nats_rig_expect_local(&r);
}
END_TEST

/* Not let in. */

START_TEST(wrong_password)
{
	char keys[128];

	nats_rig_init(&r);
	nats_broker_start(&r.broker, USERS(CLIENT));
	snprintf(
		keys, sizeof keys, "url = nats://a:secret@127.0.0.1:%u\n", (unsigned)r.broker.port);
	nats_rig_configure(&r, "", keys, "");
	rig_launch(&r.rig, NULL);
	nats_rig_wait_state(&r, "down", "Authorization Violation");
	nats_rig_expect_local(&r);
	snprintf(keys, sizeof keys, "url = nats://a:b@127.0.0.1:%u\n", (unsigned)r.broker.port);
	nats_rig_configure(&r, "", keys, "");
	rig_reload(&r.rig);
	nats_rig_wait_state(&r, "up", "");
	nats_client_open(c, &r.broker, AS_CLIENT);
	nats_client_expect(c, SUBJECT, "hola", "aloh");
	ck_assert_msg(!rig_log_has(&r.rig, "secret"), "the password is in the log");
}
END_TEST

START_TEST(may_not_subscribe)
{
	nats_rig_init(&r);
	nats_broker_start(&r.broker,
		"authorization: { users: [ {user: a, password: b, permissions: {subscribe: "
		"\"else.>\"}} ] }\nno_auth_user: a\n");
	nats_rig_configure(&r, "", "", "");
	rig_launch(&r.rig, NULL);
	nats_rig_wait_state(&r, "down", "Permissions Violation for Subscription");
	nats_rig_expect_local(&r);
}
END_TEST

/* One that asks for a reply where we may not publish harms nobody else. */
START_TEST(may_not_publish)
{
	nats_rig_init(&r);
	nats_broker_start(&r.broker,
		"authorization: { users: [ {user: a, password: b}, {user: r, password: r, "
		"permissions: {publish: {deny: \"private.>\"}}} ] }\nno_auth_user: r\n");
	nats_rig_configure(&r, "", "", "");
	rig_launch(&r.rig, NULL);
	nats_client_open(c, &r.broker, AS_CLIENT);
	nats_client_wait_served(c, SUBJECT, "hola", "aloh");
	nats_client_subscribe(c, "private.x");
	nats_client_publish(c, SUBJECT, "private.x", "x", 1);
	nats_client_expect(c, SUBJECT, "hola", "aloh");
	nats_client_expect_nothing(c);
	rig_wait_log(&r.rig, 0, "private.x");
	nats_rig_wait_state(&r, "up", "");
}
END_TEST

/* As RestrictAddressFamilies=AF_UNIX does it. */
static void forbid_network(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = {.len = ARRAY_SIZE(filter), .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0) {
		_exit(126);
	}
}

START_TEST(sandbox_without_network)
{
	nats_rig_init(&r);
	nats_rig_configure(&r, "", "", "");
	rig_launch(&r.rig, &(struct launch){.early = true, .prepare = forbid_network});
	ck_assert_int_ne(rig_wait_exit(&r.rig), 0);
	ck_assert(rig_log_has(&r.rig, "the sandbox has no network"));
	ck_assert(rig_log_has(&r.rig, "RestrictAddressFamilies=AF_INET AF_INET6"));
}
END_TEST

/* TLS. */

#define TLS "tls: { cert_file: \"%s/cert.pem\", key_file: \"%s/key.pem\"%s }\n"

static void start_tls(const char *more, const char *keys)
{
	const char *dir = getenv("REVD_TEST_NATS_DATA");
	char config[512], all[512];

	nats_rig_init(&r);
	snprintf(config, sizeof config, TLS, dir, dir, more);
	nats_broker_start(&r.broker, config);
	snprintf(all, sizeof all, "url = tls://127.0.0.1:%u\n%s", (unsigned)r.broker.port, keys);
	nats_rig_configure(&r, "", all, "");
}

START_TEST(tls)
{
	const char *dir = getenv("REVD_TEST_NATS_DATA");
	char verify[256], keys[512];

	snprintf(verify, sizeof verify, ", verify: true, ca_file: \"%s/ca.pem\"", dir);
	snprintf(keys, sizeof keys,
		"tls_ca = %s/ca.pem\ntls_cert = %s/cert.pem\ntls_key = %s/key.pem\n", dir, dir,
		dir);
	start_tls(verify, keys);
	rig_launch(&r.rig, NULL);
	nats_rig_wait_state(&r, "up", "");
	nats_rig_expect_local(&r);
}
END_TEST

/* Nobody vouches for the broker. */
START_TEST(tls_of_a_stranger)
{
	start_tls("", "");
	rig_launch(&r.rig, NULL);
	nats_rig_wait_state(&r, "down", "SSL");
	nats_rig_expect_local(&r);
}
END_TEST

START_TEST(tls_file_is_missing)
{
	struct run p;

	start_tls("", "tls_ca = /nonexistent/ca.pem\n");
	RUN(&p, &r.rig, "revd", "-c", "@DIR@/revd.conf");
	ck_assert_int_ne(p.status, 0);
	ck_assert_msg(strstr(p.err, "/nonexistent/ca.pem: No such file"), "%s", p.err);
	run_free(&p);
}
END_TEST

/* The end. */

/* All that the broker has taken is answered, by us or by the broker. */
static void expect_each_answered(int n, bool may_be_refused)
{
	struct nats_message m;

	for (int i = 0; i < n; i++) {
		nats_client_receive(c, &m);
		if (m.head && may_be_refused) {
			ck_assert_msg(
				memmem(m.head, m.head_n, "503", 3), "%.*s", (int)m.head_n, m.head);
			continue;
		}
		ck_assert_msg(!m.head, "%d: %.*s", i, (int)m.head_n, m.head);
		ck_assert_uint_eq(m.n, 4);
		ck_assert_mem_eq(m.data, "aloh", 4);
	}
	nats_client_expect_nothing(c);
}

START_TEST(stops_without_loss)
{
	nats_rig_start(&r, "", "", "");
	nats_client_wait_served(c, SUBJECT, "hola", "aloh");
	publish_many(2000);
	rig_signal(&r.rig, SIGTERM);
	publish_many(2000);
	expect_each_answered(4000, true);
	ck_assert_int_eq(rig_wait_exit(&r.rig), 0);
}
END_TEST

START_TEST(stops_with_late_answers)
{
	nats_rig_start(&r, "", LATE, LATE_SERVICE);
	nats_client_wait_served(c, SUBJECT, "grow 1", "g");
	for (int i = 0; i < 100; i++) {
		nats_client_publish(c, SUBJECT, INBOX, "wait 300aloh", 12);
	}
	client_wait_stat(&r.rig, "endpoints.bus.requests", 101);
	rig_signal(&r.rig, SIGTERM);
	expect_each_answered(100, false);
	ck_assert_int_eq(rig_wait_exit(&r.rig), 0);
}
END_TEST

/* The process becomes another one, which subscribes anew; those who ask in between hear
 * from the broker that nobody is there. */
START_TEST(restarts_without_loss)
{
	nats_rig_start(&r, "", "", "");
	nats_client_wait_served(c, SUBJECT, "hola", "aloh");
	publish_many(2000);
	rig_signal(&r.rig, SIGUSR2);
	publish_many(2000);
	expect_each_answered(4000, true);
	nats_client_wait_served(c, SUBJECT, "hola", "aloh");
}
END_TEST

START_TEST(stops_while_the_broker_hangs)
{
	nats_rig_start(&r, "drain_timeout = 200ms\n", "", "");
	nats_client_wait_served(c, SUBJECT, "hola", "aloh");
	nats_broker_signal(&r.broker, SIGSTOP);
	rig_signal(&r.rig, SIGTERM);
	rig_wait_exit(&r.rig);
	nats_broker_signal(&r.broker, SIGCONT);
}
END_TEST

/* A key that is not live: another subscription takes over before this one leaves. */
START_TEST(reload_without_a_gap)
{
	char keys[128];

	nats_rig_start(&r, "", "", "");
	nats_client_wait_served(c, SUBJECT, "hola", "aloh");
	for (int i = 0; i < 3; i++) {
		snprintf(keys, sizeof keys, "url = nats://127.0.0.1:%u%s\n",
			(unsigned)r.broker.port, i % 2 ? "" : ", nats://127.0.0.1:1");
		nats_rig_configure(&r, "", keys, "");
		publish_many(1000);
		rig_reload(&r.rig);
		publish_many(1000);
		expect_each_answered(2000, false);
	}
}
END_TEST

/* Who asks by PING is told the same id: the connection has stayed. */
START_TEST(reload_of_a_live_key)
{
	struct nats_message m;
	char before[512];
	size_t n;

	nats_rig_start(&r, "", "", "");
	nats_client_wait_served(c, SUBJECT, "hola", "aloh");
	nats_client_ask(c, &m, "$SRV.PING", "", 0);
	n = m.n;
	ck_assert_uint_lt(n, sizeof before);
	memcpy(before, m.data, n);
	nats_rig_configure(&r, "", "max_pending = 1M\nmax_peers = 10\n", "");
	rig_reload(&r.rig);
	nats_client_ask(c, &m, "$SRV.PING", "", 0);
	ck_assert_uint_eq(m.n, n);
	ck_assert_mem_eq(m.data, before, n);
}
END_TEST

START_TEST(two_workers)
{
	struct nats_message m;

	nats_rig_start(&r, "workers = 2\n", "", "");
	nats_client_wait_served(c, SUBJECT, "hola", "aloh");
	nats_rig_wait_state(&r, "up", "");
	publish_many(1000);
	expect_each_answered(1000, false);
	nats_client_publish(c, "$SRV.PING", INBOX, "", 0);
	nats_client_receive(c, &m);
	nats_client_receive(c, &m); /* one for each connection */
	nats_client_expect_nothing(c);
	rig_signal(&r.rig, SIGTERM);
	publish_many(1000);
	expect_each_answered(1000, true);
	ck_assert_int_eq(rig_wait_exit(&r.rig), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nats_broker");
	TCase *tc = stage_tcase("broker"), *end = stage_tcase("end");

	tcase_add_checked_fixture(end, NULL, teardown);
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, absent_at_start);
	tcase_add_test(tc, hangs_at_start);
	tcase_add_test(tc, leaves_and_comes_back);
	tcase_add_test(tc, answers_wait);
	tcase_add_test(tc, hangs);
	tcase_add_test(tc, too_much_for_the_service);
	tcase_add_test(tc, wrong_password);
	tcase_add_test(tc, may_not_subscribe);
	tcase_add_test(tc, may_not_publish);
	tcase_add_test(tc, sandbox_without_network);
	tcase_add_test(tc, tls);
	tcase_add_test(tc, tls_of_a_stranger);
	tcase_add_test(tc, tls_file_is_missing);
	tcase_add_test(end, stops_without_loss);
	tcase_add_test(end, stops_with_late_answers);
	tcase_add_test(end, restarts_without_loss);
	tcase_add_test(end, stops_while_the_broker_hangs);
	tcase_add_test(end, reload_without_a_gap);
	tcase_add_test(end, reload_of_a_live_key);
	tcase_add_test(end, two_workers);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, end);
	return stage_run(s);
}
