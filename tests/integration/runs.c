/*
 * Many requests behind each other on a byte stream, of all sorts and cut anywhere:
 * whichever way the daemon takes for a line, alone or together with others, the
 * reply is the same and comes in its turn.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"
#include "unit/text/reference.h"
#include "common/require.h"
#include "unit/text/samples.h"
#include "util/macro.h"

#define LIMIT 1024u /* max_request */
#define ITEMS 24u   /* under way at a time */
#define ROUNDS 150
#define SEEDS 6

enum sort {
	PLAIN,     /* ASCII */
	TEXT,      /* of any kind */
	CR_LF,     /* its terminator */
	CR_INSIDE, /* belongs to the text */
	INVALID,
	AT_LIMIT,
	TOO_LONG,
	FRAME,
	FRAME_BINARY, /* its payload looks like lines and frames */
	SORTS,
};

struct item {
	enum sort sort;
	uint8_t text[LIMIT + 2];
	size_t n, term;
};

static void make_item(struct item *it, struct samples_random *r, enum transport to, bool plain)
{
	it->sort = plain && samples_below(r, 8) ? PLAIN : (enum sort)samples_below(r, SORTS);
	it->n = it->sort == AT_LIMIT   ? LIMIT
		: it->sort == TOO_LONG ? LIMIT + 1
				       : samples_below(r, 100);
	it->term = it->sort == CR_LF ? 2 : 1;
	samples_text(it->sort == TEXT ? samples_below(r, SAMPLES_KINDS) : 0, r, it->text, it->n);
	for (size_t i = 0; i < it->n; i++) {
		if (it->text[i] == '\n' || it->text[i] == '\r') {
			it->text[i] = '.';
		}
	}
	if (it->n > 1 && it->sort == CR_INSIDE) {
		it->text[it->n / 2 - 1] = '\r';
	}
	if (it->n > 0 && it->sort == INVALID) {
		it->text[samples_below(r, (uint32_t)it->n)] = samples_below(r, 2) ? 0x80 : 0xC3;
		it->text[0] = 'x';
	}
	if (it->n > 1 && it->sort == FRAME_BINARY) {
		it->text[0] = RV_FRAME_MAGIC;
		it->text[1] = samples_below(r, 2) ? '\n' : RV_FRAME_VERSION;
	}
	if (to == FIFO && it->sort == FRAME_BINARY && it->text[0] == RV_FRAME_MAGIC) {
		/* it may not have the beginning of an addressed frame, nor end in a part of it */
		it->text[3] = '.';
		it->n = MAX(it->n, 4u);
	}
}

static bool is_frame(const struct item *it)
{
	return it->sort >= FRAME;
}

static size_t build(const struct client *c, const struct item *it, uint64_t id, uint8_t *buf)
{
	if (is_frame(it)) {
		return client_build(c, buf, it->sort == FRAME_BINARY ? RV_OP_PING : RV_OP_CALL, 0,
			id, it->text, it->n);
	}
	memcpy(buf, it->text, it->n);
	memcpy(buf + it->n, it->term == 2 ? "\r\n" : "\n", it->term);
	return it->n + it->term;
}

static void expect_status(const struct reply *r, const char *status)
{
	size_t n = strlen(status);

	ck_assert_uint_gt(r->n, n + 2);
	ck_assert_uint_eq(r->data[0], RV_NAK);
	ck_assert_mem_eq(r->data + 1, status, n);
	ck_assert_uint_eq(r->data[n + 1], ':');
}

static void expect_line(struct client *c, const struct item *it)
{
	uint8_t want[LIMIT + 2];
	struct reply r;

	client_recv_line(c, &r);
	if (it->n > LIMIT) {
		expect_status(&r, "too-large");
		return;
	}
	if (reference_validate(it->text, it->n) < it->n) {
		expect_status(&r, "invalid-text");
		return;
	}
	reference_reverse(TEXT_GRAPHEME, it->text, it->n, want);
	memcpy(want + it->n, it->term == 2 ? "\r\n" : "\n", it->term);
	ck_assert_msg(r.n == it->n + it->term, "sort %d, %zu bytes: '%.*s'", (int)it->sort, it->n,
		(int)r.n, (const char *)r.data);
	ck_assert_mem_eq(r.data, want, r.n);
}

static void expect_frame(struct client *c, const struct item *it, uint64_t id)
{
	uint8_t want[LIMIT];
	struct reply r;

	client_recv_frame(c, &r, id, RV_STATUS_OK);
	if (it->sort == FRAME_BINARY) {
		memcpy(want, it->text, it->n);
	} else {
		reference_reverse(TEXT_GRAPHEME, it->text, it->n, want);
	}
	ck_assert_uint_eq(r.n, it->n);
	ck_assert(r.n == 0 || memcmp(r.data, want, r.n) == 0);
}

/* On a connection: where the bytes are cut means nothing. */
static void send_pieces(struct client *c, struct samples_random *r, const uint8_t *buf, size_t n)
{
	bool small = samples_below(r, 2);

	for (size_t i = 0; i < n;) {
		size_t k = 1u + samples_below(r, small ? 40 : 6000);

		k = MIN(k, n - i);
		client_send(c, buf + i, k);
		i += k;
	}
}

static void one_round(struct client *c, struct samples_random *r, size_t *lines)
{
	static struct item items[ITEMS];
	static uint8_t buf[ITEMS * (LIMIT + 128)];
	bool plain = samples_below(r, 2);
	size_t n = 0, count = 1u + samples_below(r, ITEMS);

	for (size_t i = 0; i < count; i++) {
		size_t k;

		make_item(&items[i], r, c->transport, plain);
		k = build(c, &items[i], i, buf + n);
		if (c->transport == FIFO) {
			client_send(c, buf, k); /* whole, as the protocol wants it */
		} else {
			n += k;
		}
	}
	send_pieces(c, r, buf, n);
	for (size_t i = 0; i < count; i++) {
		if (is_frame(&items[i])) {
			expect_frame(c, &items[i], i);
		} else {
			expect_line(c, &items[i]);
			++*lines;
		}
	}
}

static void run(enum transport transport, int seed)
{
	struct samples_random r = {(uint64_t)seed + 1};
	struct scene s;
	size_t lines = 0;
	const char *at = transport == FIFO ? "endpoints.fifo.lines" : "endpoints.stream.lines";

	scene_open(&s, (int)transport, "max_request = 1K\n");
	for (int i = 0; i < ROUNDS; i++) {
		one_round(&s.client, &r, &lines);
	}
	ck_assert_int_eq(client_stat(&s.rig, at), (int64_t)lines);
	scene_close(&s);
}

START_TEST(on_a_connection)
{
	run(STREAM, _i);
}
END_TEST

START_TEST(on_a_fifo)
{
	run(FIFO, _i);
}
END_TEST

static void check_numbered(const char *got, size_t line, size_t lines)
{
	for (size_t i = 0; i < lines; i++) {
		const char *end = got + (i + 1) * line - 1;

		for (size_t k = 0, v = i; k < 8; k++, v /= 10) {
			REQUIRE(end[-8 + (ptrdiff_t)k] == (char)('0' + v % 10), "reply %zu", i);
		}
		REQUIRE(*end == '\n', "reply %zu", i);
	}
}

/* More lines than `.out` takes: those that wait keep their order, and count. */
START_TEST(a_fifo_whose_replies_wait)
{
	enum { LINES = 40000, LINE = 100 };
	CLEANUP_FREE char *got = malloc(LINES * LINE);
	size_t sent = 0, n = 0;
	struct scene s;

	scene_open(&s, FIFO, "");
	while (n < LINES * LINE) {
		char text[LINE + 1];
		ssize_t k = -EAGAIN;

		if (sent < LINES) {
			snprintf(text, sizeof text, "%08zu%091d\n", sent, 0);
			k = client_try_send(&s.client, text, LINE);
		}
		if (k == LINE) {
			sent++;
			continue;
		}
		ck_assert_int_eq(k, -EAGAIN);
		ck_assert_int_ne(wait_fd(s.client.lines.fd, POLLIN, wait_until(WAIT_MS)), 0);
		k = read(s.client.lines.fd, got + n, LINES * LINE - n);
		ck_assert_int_gt(k, 0);
		n += (size_t)k;
	}
	check_numbered(got, LINE, LINES);
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.fifo.lines"), LINES);
	scene_close(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("runs");
	TCase *t = stage_tcase("all");

	tcase_add_loop_test(t, on_a_connection, 0, SEEDS);
	tcase_add_loop_test(t, on_a_fifo, 0, SEEDS);
	tcase_add_test(t, a_fifo_whose_replies_wait);
	suite_add_tcase(s, t);
	return stage_run(s);
}
