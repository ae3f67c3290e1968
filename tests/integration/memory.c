/* What clients that never read can make the daemon remember: all of it is driven to its
 * limit, on every transport, with empty, tiny and large texts, and held to the formula of
 * revd.conf(5); and the memory comes back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/late.h"
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/macro.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

#define LARGE (12 * KIB)  /* text, where a message may be that large */
#define REQUESTS 60000u   /* of one client; without a limit they cost 4 MiB or more, */
#define VOLUME (16 * MIB) /* and large ones so much */
#define PIECE (64 * KIB)  /* that is written at once to a stream */
#define NOISE (MIB / 2)   /* what the daemon's memory grows by of itself */

enum what {
	REPLIES,   /* frames whose replies are not read */
	LINES,     /* and lines */
	FRAGMENTS, /* of messages that are not completed */
	MARKERS,   /* refused messages that go on */
	TICKETS,   /* frames that the service answers later */
	LATE,      /* and lines */
	WHATS,
};

static const size_t sizes[] = {0, 1, LARGE};

#define CASES ((int)(WHATS * TRANSPORTS * ARRAY_SIZE(sizes)))

static uint8_t text[PIECE];

/* Tools keep what is freed, and surround what is not. */
static size_t tools(void)
{
#ifdef __SANITIZE_ADDRESS__
	return 512 * MIB;
#else
	return getenv("REVD_WRAPPER") ? 256 * MIB : 0;
#endif
}

static void start(struct rig *rig, const char *global, const char *keys, const char *service)
{
	static const char *const kinds[] = {"stream]\ntransport = uds\npath = @DIR@/stream.sock\n",
		"seqpacket]\ntransport = uds\ntype = seqpacket\npath = @DIR@/seqpacket.sock\n",
		"fifo]\ntransport = fifo\npath = @DIR@/fifo\n",
		"mqueue]\ntransport = mqueue\nqueue = @QUEUE@\nmessage_size = 1K\n"};
	char config[2048];
	int n = snprintf(config, sizeof(config),
		"[revd]\nplugin_dir = @DIR@/plugins\n%s\n[service.late]\ntimeout = 1h\n", global);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		n += snprintf(config + n, sizeof(config) - (size_t)n,
			"[endpoint.%sservice = %s\n%s\n", kinds[i], service, keys);
	}
	ck_assert_int_lt(n, (int)sizeof(config));
	rig_init(rig);
	late_install(rig, "plugins", getenv("REVD_TEST_LATE"));
	rig_write(rig, "revd.conf", config);
	rig_launch(rig, NULL);
	memset(text, 'a', sizeof(text));
}

static size_t put_line(const struct client *c, uint8_t *buf, const void *p, size_t n)
{
	memcpy(buf, p, n);
	buf[n] = '\n';
	return n + client_is_stream(c);
}

/* A request with n bytes of text. */
static size_t make(const struct client *c, uint8_t *buf, enum what what, uint64_t i, size_t n)
{
	switch (what) {
	case REPLIES:
		return client_build(c, buf, RV_OP_PING, 0, i, text, n);
	case LINES:
		return put_line(c, buf, text, n);
	case FRAGMENTS:
		return client_build(c, buf, RV_OP_CALL, RV_FRAME_MORE, i, text, n);
	case MARKERS:
		return client_build(c, buf, 99, RV_FRAME_MORE, i, text, n);
	case TICKETS:
		return client_build(c, buf, RV_OP_CALL, 0, i, text, n);
	default:
		return put_line(c, buf, text, n);
	}
}

/* One write: a message, or of a stream as many requests as fit, frames whole. */
struct piece {
	uint8_t data[2 * PIECE];
	size_t at, n; /* what is not sent yet */
};

static size_t fill(struct piece *p, const struct client *c, enum what what, uint64_t i, size_t n)
{
	size_t k = 0, size = make(c, p->data, what, i, n);

	p->at = p->n = 0;
	do {
		p->n += make(c, p->data + p->n, what, i + k, n);
		k++;
	} while (client_is_stream(c) && p->n + size <= MIN(c->max_frame, PIECE));
	return k;
}

/* True when it is sent; false if the daemon takes no more, however often it is asked. */
static bool send_piece(struct piece *p, struct client *c, const struct rig *rig, enum what what)
{
	int tries = 0;

	if (c->transport >= FIFO && what != LATE) {
		client_send(c, p->data, p->n); /* it is read, whatever becomes of it */
		return true;
	}
	do {
		ssize_t k = client_try_send(c, p->data + p->at, p->n - p->at);

		if (k >= 0) {
			p->at += (size_t)k;
			tries = 0;
		} else {
			ck_assert_int_eq((int)k, -EAGAIN);
			client_stat(rig, "pid"); /* a turn of its loop */
			tries++;
		}
	} while (tries < 3 && (tries > 0 || p->at < p->n));
	return tries == 0;
}

/* Sends and never reads. Returns the most that the daemon had meanwhile. */
static size_t flood(struct client *c, const struct rig *rig, enum what what, size_t n)
{
	CLEANUP_FREE struct piece *p = malloc(sizeof(*p));
	uint64_t count = MIN(REQUESTS, VOLUME / MAX(n, 1u)), i = 0;
	size_t most = 0;

	while (i < count) {
		uint64_t k = fill(p, c, what, i, n);

		if (!send_piece(p, c, rig, what)) {
			break;
		}
		if ((i + k) / 4000 != i / 4000) {
			most = MAX(most, rig_memory(rig));
		}
		i += k;
	}
	client_stat(rig, "pid");
	return MAX(most, rig_memory(rig));
}

/* What revd.conf(5) says that a client may take. */
static size_t formula(int transport, size_t max_request, size_t max_inflight)
{
	return transport < FIFO ? 8 * max_inflight + 24 * max_request + 2 * MIB
				: 8 * max_inflight + 8 * max_request + MIB;
}

/* One honest exchange over each, as a client of its own. */
static void warm_up(const struct rig *rig)
{
	struct client c;

	for (int t = 0; t < TRANSPORTS; t++) {
		client_open(&c, rig, (enum transport)t);
		client_send_large(&c, RV_OP_PING, 1, text, LARGE);
		free(client_recv_joined(&c, 1, RV_STATUS_OK, &(size_t){0}));
		client_close(&c);
	}
}

static size_t text_size(const struct client *c, enum what what, size_t size)
{
	size_t n = MIN(size, c->max_frame - RV_FRAME_HEADER - 1 - RV_TOKEN_MAX);

	if (what == TICKETS || what == LATE) {
		memcpy(text, "never", 5);
		n = MAX(n, 5);
	}
	return n;
}

START_TEST(a_client_that_never_reads)
{
	enum what what = (enum what)(_i % WHATS);
	int transport = _i / WHATS % TRANSPORTS;
	size_t size = sizes[_i / WHATS / TRANSPORTS], before, most, n;
	struct client c;
	struct rig rig;

	start(&rig, "max_request = 16K\nfragment_timeout = 1h\ndrain_timeout = 0\n",
		"max_inflight = 16K\nslow_timeout = 1h\n",
		what == TICKETS || what == LATE ? "late" : "reverse");
	warm_up(&rig);
	client_open(&c, &rig, (enum transport)transport);
	n = text_size(&c, what, size);
	before = rig_memory(&rig);
	most = flood(&c, &rig, what, n);
	ck_assert_msg(most <= before + formula(transport, 16 * KIB, 16 * KIB) + NOISE + tools(),
		"%zu KiB more for requests of %zu bytes of text", (most - before) / KIB, n);
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

/* What each takes does not depend on the others. */
START_TEST(many_clients_that_never_read)
{
	enum { N = 8 };
	int transport = _i % TRANSPORTS;
	enum what what = _i / TRANSPORTS ? FRAGMENTS : REPLIES;
	size_t before, most = 0;
	struct client c[N];
	struct rig rig;

	start(&rig, "max_request = 16K\nfragment_timeout = 1h\ndrain_timeout = 0\n",
		"max_inflight = 16K\nslow_timeout = 1h\n", "reverse");
	warm_up(&rig);
	before = rig_memory(&rig);
	for (size_t i = 0; i < N; i++) {
		client_open(&c[i], &rig, (enum transport)transport);
		most = MAX(most, flood(&c[i], &rig, what, i % 3));
	}
	ck_assert_msg(most <= before + N * formula(transport, 16 * KIB, 16 * KIB) + NOISE + tools(),
		"%zu KiB more", (most - before) / KIB);
	for (size_t i = 0; i < N; i++) {
		client_close(&c[i]);
	}
	rig_finish(&rig);
}
END_TEST

/* All but 8M of it, when time has ended what they began. */
START_TEST(memory_comes_back)
{
	enum { N = 8 };
	int transport = _i % TRANSPORTS;
	size_t before, most;
	struct client c[N];
	struct rig rig;
	uint64_t until;

	start(&rig, "max_request = 4M\nfragment_timeout = 1s\ndrain_timeout = 0\n", "", "reverse");
	warm_up(&rig);
	before = rig_memory(&rig);
	for (size_t i = 0; i < N; i++) {
		size_t k = 0, n;

		client_open(&c[i], &rig, (enum transport)transport);
		n = MIN(60 * KIB, c[i].max_frame - RV_FRAME_HEADER - 1 - RV_TOKEN_MAX);
		while (k < 3600 * KIB) {
			client_send_frame(&c[i], RV_OP_PING, RV_FRAME_MORE, i, text, n);
			k += n;
		}
	}
	client_stat(&rig, "pid");
	most = rig_memory(&rig);
	ck_assert_uint_ge(most, before + 18 * MIB);
	for (size_t i = 0; i < N && _i / TRANSPORTS; i++) {
		client_close(&c[i]);
	}
	until = wait_until(WAIT_MS);
	while (rig_memory(&rig) > before + 8 * MIB + NOISE + tools()) {
		ck_assert_msg(wait_left(until) > 0, "%zu KiB more, once %zu KiB",
			(rig_memory(&rig) - before) / KIB, (most - before) / KIB);
		client_stat(&rig, "pid");
	}
	for (size_t i = 0; i < N && !(_i / TRANSPORTS); i++) {
		client_close(&c[i]);
	}
	rig_finish(&rig);
}
END_TEST

int main(void)
{
	TCase *t = stage_tcase("memory");
	Suite *s = suite_create("memory");

	tcase_add_loop_test(t, a_client_that_never_reads, 0, CASES);
	tcase_add_loop_test(t, many_clients_that_never_read, 0, 2 * TRANSPORTS);
	tcase_add_loop_test(t, memory_comes_back, 0, 2 * TRANSPORTS);
	suite_add_tcase(s, t);
	return stage_run(s);
}
