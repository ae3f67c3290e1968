/*
 * The whole core over the loopback: clients of two endpoints, a stream and one of
 * messages, do at random what clients do: send lines and frames, cut anywhere, read or
 * not, half-close, leave. Two of them also send whatever the input has. The others get
 * each reply once, right and, to lines, in order; and in the end nobody is left.
 */
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>
#include "fuzz/feed.h"
#include "loopback/loopback.h"
#include "proto/encode.h"
#include "server/registry.h"
#include "server/server.h"
#include "service/builtin.h"
#include "util/bytes.h"
#include "util/log.h"
#include "util/macro.h"

#define CLIENTS 4u
#define TEXT 64u
#define EXPECTED 256u
#define TURNS 10000u

#define LIMITS "capacity = 4K\nmax_peers = 6\nmax_inflight = 1K\n"

static const char config_text[] = "[revd]\nworkers = 1\nmax_request = 100B\n"
				  "[endpoint.stream]\ntransport = loopback\nname = stream\n" LIMITS
				  "[endpoint.message]\ntransport = loopback\nname = message\n"
				  "type = message\nmax_message = 1K\n" LIMITS;

struct expected {
	bool frame, done;
	uint8_t status;
	size_t n;
	uint8_t text[TEXT + 2];
};

struct fuzz_client {
	struct loopback *conn; /* NULL: it has left */
	bool message, hostile, shut;
	struct bytes unsent; /* of a stream */
	struct bytes in;     /* of a stream, not looked at yet */
	struct expected expected[EXPECTED];
	size_t n_expected, next_line;
};

static struct event_base *base;
static struct server *server;
static struct event *stop;
static struct registry *registry;

static void on_stop(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_base_loopbreak(base);
}

/* Some of what is ready: all of it after a few turns. Never waits. */
static void turn(void)
{
	event_active(stop, EV_TIMEOUT, 0);
	server_run(server);
}

/* The core. */

static void ignore(void *ctx)
{
	(void)ctx;
}

static void on_drained(void *ctx, bool timed_out)
{
	(void)ctx;
	(void)timed_out;
}

static void on_ended(void *ctx, bool failed)
{
	(void)ctx;
	FUZZ_CHECK(!failed);
}

static int on_reload(void *ctx, struct rv_err *err)
{
	(void)ctx;
	(void)err;
	return -ENOTSUP;
}

static struct config *load(void)
{
	const struct config_registry known = registry_for_config(registry);
	struct config_errors errors = {0};
	struct config *config = NULL;
	char path[] = "/tmp/revd-fuzz-XXXXXX";
	int fd = mkstemp(path);
	const struct config_source source = {.file = path, .runtime_dir = "/tmp"};

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, config_text, sizeof(config_text) - 1) == sizeof(config_text) - 1);
	close(fd);
	FUZZ_CHECK(config_load(&source, &known, &config, &errors) == 0);
	config_errors_finish(&errors);
	unlink(path);
	return config;
}

/* Once: what an input leaves behind, the next one would find. */
static void open_core(void)
{
	static const struct rv_backend_ops *const backends[] = {&loopback_backend, NULL};
	static const struct server_events events = {
		.drained = on_drained, .ended = on_ended, .reload = on_reload, .changed = ignore};
	static const struct inherited_fds none;
	struct rv_err err;

	log_set_level(LOG_CRIT);
	base = server_base_new();
	FUZZ_CHECK(base && (stop = event_new(base, -1, 0, on_stop, NULL)));
	FUZZ_CHECK(registry_create(backends, services_builtin, NULL, &registry) == 0);
	FUZZ_CHECK(server_create(base, 0, &events, NULL, &server) == 0);
	FUZZ_CHECK(server_open(server, load(), &none, &err) == 0);
}

/* Sending. */

static void flush(struct fuzz_client *c)
{
	while (c->conn && c->unsent.len > 0) {
		ssize_t k = loopback_send(c->conn, bytes_head(&c->unsent), c->unsent.len, 0);

		if (k <= 0) {
			FUZZ_CHECK(k == -EAGAIN || c->hostile);
			return;
		}
		bytes_take(&c->unsent, (size_t)k);
	}
}

static bool send_all(struct fuzz_client *c, const void *p, size_t n)
{
	if (!c->message) {
		FUZZ_CHECK(bytes_put(&c->unsent, p, n) == 0);
		return true;
	}
	return loopback_send(c->conn, p, n, 0) == (ssize_t)n;
}

static void reverse(struct expected *e, const uint8_t *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		e->text[i] = text[n - 1 - i];
	}
	e->n = n;
}

/* Letters for what the input has. */
static size_t take_text(struct feed *f, uint8_t text[TEXT])
{
	const uint8_t *p;
	size_t n = feed_bytes(f, feed_byte(f) % TEXT, &p);

	for (size_t i = 0; i < n; i++) {
		text[i] = (uint8_t)('a' + p[i] % 26);
	}
	return n;
}

static void send_line(struct fuzz_client *c, struct feed *f, unsigned term)
{
	struct expected *e = &c->expected[c->n_expected];
	uint8_t text[TEXT + 2];
	size_t n = take_text(f, text);

	*e = (struct expected){0};
	reverse(e, text, n);
	e->n += encode_terminator(e->text + n, term);
	c->n_expected += send_all(c, text, n + encode_terminator(text + n, term));
}

static void send_frame(struct fuzz_client *c, struct feed *f, enum rv_op op, bool in_two)
{
	uint64_t id = c->n_expected;
	const struct encode_request q = {.op = op, .id = id};
	struct expected *e = &c->expected[id];
	uint8_t text[TEXT], frames[2 * RV_FRAME_HEADER + TEXT];
	size_t n = take_text(f, text), k = in_two ? n / 2 : 0, size = 0;

	*e = (struct expected){.frame = true, .n = n};
	if (op == RV_OP_PING) {
		memcpy(e->text, text, n);
	} else {
		reverse(e, text, n);
	}
	if (in_two && !c->message) {
		size = encode_request(frames, &q, true, text, k);
	} else {
		k = 0;
	}
	size += encode_request(frames + size, &q, false, text + k, n - k);
	c->n_expected += send_all(c, frames, size);
}

static void send_bytes(struct fuzz_client *c, struct feed *f)
{
	const uint8_t *p;
	size_t n = feed_bytes(f, feed_byte(f), &p);

	(void)send_all(c, p, n);
}

/* Receiving. */

static void check_line(struct fuzz_client *c, const uint8_t *p, size_t n)
{
	struct expected *e;

	while (c->next_line < c->n_expected && c->expected[c->next_line].frame) {
		c->next_line++;
	}
	FUZZ_CHECK(c->next_line < c->n_expected);
	e = &c->expected[c->next_line++];
	FUZZ_CHECK(e->n == n && memcmp(e->text, p, n) == 0);
	e->done = true;
}

static void check_frame(struct fuzz_client *c, const uint8_t *p, size_t n)
{
	struct expected *e;
	struct rv_frame f;

	rv_frame_load(p, &f);
	FUZZ_CHECK(f.id < c->n_expected && f.length == n - RV_FRAME_HEADER);
	e = &c->expected[f.id];
	FUZZ_CHECK(e->frame && !e->done && f.code == RV_STATUS_OK && f.flags == RV_FRAME_REPLY);
	FUZZ_CHECK(e->n == f.length && memcmp(e->text, p + RV_FRAME_HEADER, e->n) == 0);
	e->done = true;
}

/* Bytes of the first reply at p; 0: it is not whole. */
static size_t whole_reply(const uint8_t *p, size_t n)
{
	const uint8_t *lf;
	size_t size;

	if (n > 0 && p[0] != RV_FRAME_MAGIC) {
		lf = memchr(p, '\n', n);
		return lf ? (size_t)(lf - p) + 1 : 0;
	}
	size = n >= RV_FRAME_HEADER ? RV_FRAME_HEADER + (size_t)rv_load_le32(p + 4) : SIZE_MAX;
	return size <= n ? size : 0;
}

static void check_reply(struct fuzz_client *c, const uint8_t *p, size_t n)
{
	if (n > 0 && p[0] == RV_FRAME_MAGIC) {
		FUZZ_CHECK(n >= RV_FRAME_HEADER);
		check_frame(c, p, n);
	} else {
		check_line(c, p, n);
	}
}

static void check_stream(struct fuzz_client *c)
{
	size_t n;

	while (c->in.len > 0 && (n = whole_reply(bytes_head(&c->in), c->in.len)) > 0) {
		check_reply(c, bytes_head(&c->in), n);
		bytes_take(&c->in, n);
	}
}

/* False: nothing was there. */
static bool receive(struct fuzz_client *c)
{
	uint8_t buf[1024];
	ssize_t n = c->conn ? loopback_recv(c->conn, buf, sizeof(buf), NULL) : -EAGAIN;

	if (n < 0) {
		/* an honest one is not closed before it has gone half-way itself */
		FUZZ_CHECK(n == -EAGAIN || c->hostile || c->shut);
		return false;
	}
	if (c->hostile) {
		return n > 0;
	}
	if (c->message) {
		check_reply(c, buf, (size_t)n);
		return true;
	}
	FUZZ_CHECK(bytes_put(&c->in, buf, (size_t)n) == 0);
	check_stream(c);
	return n > 0;
}

/* Clients. */

static void leave(struct fuzz_client *c)
{
	loopback_close(c->conn);
	c->conn = NULL;
	bytes_free(&c->unsent);
	bytes_free(&c->in);
}

static void begin(struct fuzz_client *c, unsigned i)
{
	c->conn = NULL;
	c->message = i & 1;
	c->hostile = i >= 2;
	c->shut = false;
	c->n_expected = c->next_line = 0;
	FUZZ_CHECK(loopback_connect(c->message ? "message" : "stream", &c->conn) == 0);
}

static void act(struct fuzz_client *c, struct feed *f, unsigned what)
{
	if (!c->conn || c->shut) {
		(void)receive(c);
	} else if (what == 0) {
		turn();
	} else if (what == 1) {
		(void)receive(c);
	} else if (what == 2) {
		flush(c);
	} else if (what == 3 && c->hostile) {
		leave(c);
	} else if (what == 4 && c->hostile) {
		loopback_shutdown(c->conn);
		c->shut = true;
	} else if (what < 10 && c->hostile) {
		send_bytes(c, f);
	} else if (c->n_expected == EXPECTED) {
		(void)receive(c);
	} else if (what < 7) {
		send_line(c, f, 1 + (what & 1));
	} else {
		send_frame(c, f, what & 1 ? RV_OP_PING : RV_OP_CALL, what & 2);
	}
}

static bool is_answered(const struct fuzz_client *c)
{
	for (size_t i = 0; i < c->n_expected && !c->hostile; i++) {
		if (!c->expected[i].done) {
			return false;
		}
	}
	return true;
}

/* All that is due comes, though the hostile ones stay as they are. */
static void finish(struct fuzz_client *c)
{
	for (unsigned i = 0; !is_answered(c); i++) {
		FUZZ_CHECK(i < TURNS);
		flush(c);
		turn();
		while (receive(c)) {
		}
	}
	FUZZ_CHECK(c->hostile || c->in.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_client clients[CLIENTS];
	struct feed f = {data, size};

	if (!server) {
		open_core();
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		begin(&clients[i], i);
	}
	while (f.n > 0) {
		uint8_t what = feed_byte(&f);

		act(&clients[what % CLIENTS], &f, what / CLIENTS % 12);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		finish(&clients[i]);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		leave(&clients[i]);
	}
	for (unsigned i = 0; i < 8; i++) {
		turn();
	}
	return 0;
}
