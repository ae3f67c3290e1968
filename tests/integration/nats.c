/* The transport nats, from outside: texts and frames by way of a broker, what is refused,
 * and what tools for services learn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/json.h"
#include "common/run.h"
#include "common/stage.h"
#include "nats_rig.h"
#include "util/macro.h"

static struct nats_rig r;
static struct nats_client *c = &r.client;

static void start(const char *global, const char *keys)
{
	nats_rig_start(&r, global, keys, "");
	nats_client_wait_served(c, SUBJECT, "hola", "aloh");
}

static void teardown(void)
{
	nats_rig_finish(&r);
}

START_TEST(plain_texts)
{
	struct nats_message m;

	start("", "");
	nats_client_expect(c, SUBJECT, "ma\u00f1ana", "ana\u00f1am");
	nats_client_expect(c, SUBJECT, "uno\n", "onu\n");
	nats_client_expect(c, SUBJECT, "dos\r\n", "sod\r\n");
	nats_client_expect(c, SUBJECT, "", "");
	nats_client_expect(c, SUBJECT, "\n", "\n");
	/* what would be an error or a frame elsewhere is a reply */
	nats_client_expect(c, SUBJECT, "em :ysub\x15",
		"\x15"
		"busy: me");
	nats_client_expect_error(c, SUBJECT,
		"a\xff"
		"b\n",
		4, "400", "invalid-text: ");
	nats_client_ask(c, &m, "revd.nobody", "", 0);
	ck_assert_msg(m.head && strstr(m.head, "503"), "somebody serves it");
}
END_TEST

/* The replies to one reply subject come in the order of the requests. */
START_TEST(in_order)
{
	struct nats_message m;
	char text[32];

	start("", "");
	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof text, "%04d", i);
		nats_client_publish(c, SUBJECT, INBOX, text, 4);
	}
	for (int i = 0; i < 2000; i++) {
		nats_client_receive(c, &m);
		snprintf(text, sizeof text, "%c%c%c%c", '0' + i % 10, '0' + i / 10 % 10,
			'0' + i / 100 % 10, '0' + i / 1000);
		ck_assert_uint_eq(m.n, 4);
		ck_assert_mem_eq(m.data, text, 4);
	}
}
END_TEST

/* Frames. */

static size_t put(uint8_t *buf, uint8_t op, uint8_t flags, uint64_t id, const char *text)
{
	const struct rv_frame f = {.version = RV_FRAME_VERSION,
		.code = op,
		.flags = flags,
		.length = (uint32_t)strlen(text),
		.id = id};

	rv_frame_store(buf, &f);
	memcpy(buf + RV_FRAME_HEADER, text, strlen(text));
	return RV_FRAME_HEADER + strlen(text);
}

/* The next frame of the replies; *left: what the message has behind it. */
static const uint8_t *next_frame(
	struct nats_message *m, uint64_t id, uint8_t status, struct rv_frame *f)
{
	const uint8_t *data;

	if (m->n == 0) {
		nats_client_receive(c, m);
		ck_assert_str_eq(m->subject, INBOX);
		ck_assert_msg(!m->head, "%.*s", (int)m->head_n, m->head);
	}
	ck_assert_uint_ge(m->n, RV_FRAME_HEADER);
	ck_assert_uint_eq(m->data[0], RV_FRAME_MAGIC);
	rv_frame_load(m->data, f);
	ck_assert_uint_ge(m->n, RV_FRAME_HEADER + f->length);
	ck_assert_uint_eq(f->id, id);
	ck_assert_uint_eq(f->code, status);
	data = m->data + RV_FRAME_HEADER;
	m->data += RV_FRAME_HEADER + f->length;
	m->n -= RV_FRAME_HEADER + f->length;
	return data;
}

static void expect_frame(struct nats_message *m, uint64_t id, uint8_t status, const char *text)
{
	struct rv_frame f;
	const uint8_t *data = next_frame(m, id, status, &f);

	ck_assert_uint_eq(f.length, strlen(text));
	ck_assert_mem_eq(data, text, f.length);
}

START_TEST(frames)
{
	struct nats_message m = {.n = 0};
	uint8_t buf[512];
	size_t n = 0;

	start("", "");
	n += put(buf + n, RV_OP_CALL, 0, 1, "uno");
	n += put(buf + n, RV_OP_PING, 0, 2, "ping");
	n += put(buf + n, RV_OP_CALL, RV_FRAME_MORE, 3, "jo");
	n += put(buf + n, RV_OP_CALL, 0, 3, "ined");
	n += put(buf + n, 99, 0, 4, "");
	n += put(buf + n, RV_OP_RELOAD, 0, 5, "");
	nats_client_publish(c, SUBJECT, INBOX, buf, n);
	expect_frame(&m, 1, RV_STATUS_OK, "onu");
	expect_frame(&m, 2, RV_STATUS_OK, "ping");
	expect_frame(&m, 3, RV_STATUS_OK, "denioj");
	expect_frame(&m, 4, RV_STATUS_UNSUPPORTED, "no such operation");
	next_frame(&m, 5, RV_STATUS_DENIED, &(struct rv_frame){0});
	ck_assert_uint_eq(m.n, 0); /* all in one message */
}
END_TEST

/* What follows the frames and is none; a header cut short; a length that lies. */
START_TEST(frames_that_are_none)
{
	static const char malformed[] = "malformed frame header";
	struct nats_message m = {.n = 0};
	uint8_t buf[512];
	size_t n;

	start("", "");
	n = put(buf, RV_OP_CALL, 0, 1, "uno");
	memcpy(buf + n, "line\n", 5);
	nats_client_publish(c, SUBJECT, INBOX, buf, n + 5);
	expect_frame(&m, 1, RV_STATUS_OK, "onu");
	expect_frame(&m, 0, RV_STATUS_MALFORMED, malformed);
	nats_client_publish(c, SUBJECT, INBOX, buf, 7);
	expect_frame(&m, 0, RV_STATUS_MALFORMED, malformed);
	buf[4] = 200;
	nats_client_publish(c, SUBJECT, INBOX, buf, n);
	next_frame(&m, 1, RV_STATUS_MALFORMED, &(struct rv_frame){0});
	ck_assert_uint_eq(m.n, 0);
	nats_client_expect_nothing(c);
}
END_TEST

/* The broker's limit holds for replies; longer ones come in fragments. */
START_TEST(fragments)
{
	enum { N = 10000 };
	struct nats_message m = {.n = 0};
	char text[N + 1];
	uint8_t buf[RV_FRAME_HEADER + N];
	struct rv_frame f;
	size_t got = 0;

	nats_rig_init(&r);
	nats_broker_start(&r.broker, "max_payload: 2000\n");
	nats_rig_configure(&r, "", "", "");
	rig_launch(&r.rig, NULL);
	nats_client_open(c, &r.broker, "");
	nats_client_wait_served(c, SUBJECT, "hola", "aloh");
	for (size_t i = 0; i < N; i++) {
		text[i] = (char)('a' + i % 26);
	}
	text[N] = '\0';
	for (size_t at = 0; at < N; at += 1000) {
		char piece[1001];
		size_t n;

		snprintf(piece, sizeof piece, "%.1000s", text + at);
		n = put(buf, RV_OP_CALL, at + 1000 < N ? RV_FRAME_MORE : 0, 7, piece);
		nats_client_publish(c, SUBJECT, INBOX, buf, n);
	}
	do {
		const uint8_t *data = next_frame(&m, 7, RV_STATUS_OK, &f);

		for (size_t i = 0; i < f.length; i++, got++) {
			ck_assert_int_eq(data[i], text[N - 1 - got]);
		}
	} while (f.flags & RV_FRAME_MORE);
	ck_assert_uint_eq(got, N);
}
END_TEST

START_TEST(too_large)
{
	static char text[5000];

	memset(text, 'x', sizeof text);
	start("max_request = 4K\n", "");
	nats_client_expect_error(
		c, SUBJECT, text, sizeof text, "413", "too-large: 5000 bytes, the limit is 4096");
	nats_client_expect(c, SUBJECT, "hola", "aloh");
}
END_TEST

/* Bad input. */

static const char *const bad_replies[] = {
	"", "$SYS.REQ.SERVER.PING", "$SRV.PING", "$JS.API.INFO", SUBJECT};

/* No answer is possible, or it would go where it may do harm. */
START_TEST(reply_subjects)
{
	start("", "");
	nats_client_subscribe(c, "$SYS.REQ.SERVER.PING");
	nats_client_subscribe(c, "$JS.API.INFO");
	for (size_t i = 0; i < ARRAY_SIZE(bad_replies); i++) {
		nats_client_publish(c, SUBJECT, bad_replies[i], "x", 1);
		nats_client_expect(c, SUBJECT, "hola", "aloh");
		ck_assert_int_eq(nats_rig_stat(&r, "drops.reply_name"), (int64_t)i + 1);
	}
	nats_client_expect_nothing(c);
	ck_assert_int_eq(nats_rig_stat(&r, "requests"), (int64_t)ARRAY_SIZE(bad_replies) + 1);
}
END_TEST

START_TEST(long_reply_subject)
{
	char longest[256], longer[258];
	struct nats_message m;

	start("", "");
	snprintf(longest, sizeof longest, "in.%0*d", 252, 0);
	snprintf(longer, sizeof longer, "in.%0*d", 253, 0);
	nats_client_subscribe(c, "in.*");
	nats_client_publish(c, SUBJECT, longer, "x", 1);
	nats_client_publish(c, SUBJECT, longest, "hola", 4);
	nats_client_receive(c, &m);
	ck_assert_str_eq(m.subject, longest);
	ck_assert_mem_eq(m.data, "aloh", 4);
	ck_assert_int_eq(nats_rig_stat(&r, "drops.reply_name"), 1);
}
END_TEST

START_TEST(headers_are_ignored)
{
	static const char *const heads[] = {"NATS/1.0\r\n\r\n", "NATS/1.0 999 Nonsense\r\n\r\n",
		"NATS/1.0\r\nNats-Service-Error-Code: 500\r\nA: b\r\n\r\n", "garbage"};
	struct nats_message m;
	char text[256];

	start("", "");
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		snprintf(text, sizeof text, "HPUB %s %s %zu %zu\r\n%shola\r\n", SUBJECT, INBOX,
			strlen(heads[i]), strlen(heads[i]) + 4, heads[i]);
		nats_client_send(c, text, strlen(text));
		nats_client_receive(c, &m);
		ck_assert_msg(!m.head, "%.*s", (int)m.head_n, m.head);
		ck_assert_uint_eq(m.n, 4);
		ck_assert_mem_eq(m.data, "aloh", 4);
	}
}
END_TEST

/* Each request may name another reply subject; few are remembered at a time. */
START_TEST(many_reply_subjects)
{
	struct nats_message m;
	char to[64];

	start("", "max_peers = 4\n");
	nats_client_subscribe(c, "many.*");
	for (int i = 0; i < 500; i++) {
		snprintf(to, sizeof to, "many.%d", i);
		nats_client_publish(c, SUBJECT, to, to, strlen(to));
	}
	for (int i = 0; i < 500; i++) {
		nats_client_receive(c, &m);
		snprintf(to, sizeof to, "many.%d", i);
		ck_assert_str_eq(m.subject, to);
		ck_assert_uint_eq(m.n, strlen(to));
		for (size_t k = 0; k < m.n; k++) {
			ck_assert_int_eq(m.data[k], to[m.n - 1 - k]);
		}
	}
	ck_assert_int_le(nats_rig_stat(&r, "peers"), 5);
}
END_TEST

/* All of them wait for their answer: the next one is told so, in its own way. */
START_TEST(too_many_clients)
{
	struct nats_message m;
	uint8_t buf[64];
	size_t n;

	nats_rig_start(&r, "", "service = late\nmax_peers = 2\n", "[service.late]\ntimeout = 1h\n");
	nats_client_wait_served(c, SUBJECT, "grow 1", "g");
	nats_client_subscribe(c, "held.*");
	for (int i = 0; i < 2; i++) {
		char to[16];

		snprintf(to, sizeof to, "held.%d", i);
		nats_client_publish(c, SUBJECT, to, "hold it", 7);
	}
	nats_client_expect_error(c, SUBJECT, "grow 1", 6, "429", "busy: too many clients");
	n = put(buf, RV_OP_CALL, 0, 77, "grow 1");
	nats_client_publish(c, SUBJECT, INBOX, buf, n);
	m.n = 0;
	next_frame(&m, 77, RV_STATUS_BUSY, &(struct rv_frame){0});
}
END_TEST

/* Services. */

static const char *ask_services(struct nats_message *m, const char *verb, const char *path)
{
	static char value[256];
	char subject[128], *text;
	const char *at;
	size_t n;

	snprintf(subject, sizeof subject, "$SRV.%s", verb);
	nats_client_ask(c, m, subject, "", 0);
	text = strndup((const char *)m->data, m->n);
	ck_assert_msg(json_valid(text, m->n), "%s", text);
	at = json_find(text, path, &n);
	ck_assert_msg(at, "%s: no %s in %s", subject, path, text);
	snprintf(value, sizeof value, "%.*s", (int)n, at);
	free(text);
	return value;
}

START_TEST(services)
{
	struct nats_message m;
	char id[64], verb[96];

	start("", "");
	ck_assert_str_eq(ask_services(&m, "PING", "type"), "\"io.nats.micro.v1.ping_response\"");
	ck_assert_str_eq(ask_services(&m, "PING", "name"), "\"revd\"");
	ck_assert_str_eq(ask_services(&m, "INFO", "type"), "\"io.nats.micro.v1.info_response\"");
	ck_assert_str_eq(ask_services(&m, "INFO", "endpoints.0.subject"), "\"" SUBJECT "\"");
	ck_assert_str_eq(ask_services(&m, "INFO", "endpoints.0.queue_group"), "\"revd\"");
	ck_assert_str_eq(ask_services(&m, "STATS", "type"), "\"io.nats.micro.v1.stats_response\"");
	ck_assert_str_eq(ask_services(&m, "STATS.revd", "endpoints.0.name"), "\"bus\"");
	snprintf(id, sizeof id, "%s", ask_services(&m, "PING.revd", "id"));
	snprintf(verb, sizeof verb, "INFO.revd.%.*s", (int)strlen(id) - 2, id + 1);
	ck_assert_str_eq(ask_services(&m, verb, "id"), id);
	nats_client_publish(c, "$SRV.PING", "", "", 0); /* to nobody */
	nats_client_publish(c, "$SRV.PING", "$SRV.PING", "", 0);
	nats_client_expect(c, SUBJECT, "hola", "aloh");
	nats_client_ask(c, &m, "$SRV.PING.other", "", 0);
	ck_assert_msg(m.head && strstr(m.head, "503"), "we are not 'other'");
}
END_TEST

START_TEST(statistics)
{
	struct nats_message m;

	start("", "");
	ck_assert_str_eq(ask_services(&m, "STATS", "endpoints.0.num_requests"), "1");
	ck_assert_str_eq(ask_services(&m, "STATS", "endpoints.0.num_errors"), "0");
	ck_assert_str_eq(ask_services(&m, "STATS", "endpoints.0.last_error"), "\"\"");
	nats_client_expect_error(c, SUBJECT, "a\xff", 2, "400", "invalid-text: ");
	ck_assert_str_eq(ask_services(&m, "STATS", "endpoints.0.num_requests"), "2");
	ck_assert_str_eq(ask_services(&m, "STATS", "endpoints.0.num_errors"), "1");
	ck_assert_str_eq(ask_services(&m, "STATS", "endpoints.0.last_error"),
		"\"invalid-text: not valid UTF-8 at byte 1\"");
	ck_assert_str_ne(ask_services(&m, "STATS", "endpoints.0.average_processing_time"), "0");
}
END_TEST

/* The configuration. */

static const struct {
	const char *keys, *says;
} mistakes[] = {
	{"subject = a b\n", "subject: has a blank or a control byte in it"},
	{"subject = a.*.b\n", "subject: has a wildcard: it has to be one subject"},
	{"subject = a.>\n", "subject: has a wildcard: it has to be one subject"},
	{"subject = a..b\n", "subject: has an empty token: dots stand between words"},
	{"subject = .a\n", "subject: has an empty token: dots stand between words"},
	{"subject = $SYS.x\n",
		"subject: begins with a dollar sign: those subjects are the broker's"},
	{"queue = a b\n", "queue: has a blank or a control byte in it"},
	{"url = http://x\n", "url: a server is written nats://HOST:PORT or tls://HOST:PORT"},
	{"url = nats://:4222\n", "url: a server is written nats://HOST:PORT or tls://HOST:PORT"},
	{"url = nats://x/subject\n",
		"url: a server is written nats://HOST:PORT or tls://HOST:PORT"},
	{"tls_key = /x\n", "tls_key: tls_cert and tls_key are set both or not at all"},
	{"max_pending = 1K\n", "max_pending: "},
};

START_TEST(configuration)
{
	char config[512];
	struct run p;

	start("", "");
	snprintf(config, sizeof config,
		"[revd]\nplugin_dir = @DIR@/plugins\n[endpoint.bus]\ntransport = nats\n%s",
		mistakes[_i].keys);
	rig_write(&r.rig, "bad.conf", config);
	RUN(&p, &r.rig, "revd", "--check", "-c", "@DIR@/bad.conf");
	ck_assert_int_eq(p.status, 78);
	ck_assert_msg(strstr(p.err, mistakes[_i].says), "%s", p.err);
	run_free(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nats");
	TCase *tc = stage_tcase("nats");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, plain_texts);
	tcase_add_test(tc, in_order);
	tcase_add_test(tc, frames);
	tcase_add_test(tc, frames_that_are_none);
	tcase_add_test(tc, fragments);
	tcase_add_test(tc, too_large);
	tcase_add_test(tc, reply_subjects);
	tcase_add_test(tc, long_reply_subject);
	tcase_add_test(tc, headers_are_ignored);
	tcase_add_test(tc, many_reply_subjects);
	tcase_add_test(tc, too_many_clients);
	tcase_add_test(tc, services);
	tcase_add_test(tc, statistics);
	tcase_add_loop_test(tc, configuration, 0, ARRAY_SIZE(mistakes));
	suite_add_tcase(s, tc);
	return stage_run(s);
}
