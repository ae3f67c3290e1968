/*
 * A model of a shared FIFO: all short sequences of honest and hostile writes, cut by
 * reads in every place. Whatever stands around it, an honest frame that was written
 * whole is delivered, as it is, and no other piece has a byte of it.
 */
#include <string.h>
#include "common/require.h"
#include "common/runner.h"
#include "proto/cut_shared.h"
#include "proto/encode.h"
#include "util/macro.h"

#define LIMIT 24u
#define WRITES 4u
#define STREAM 512u

enum kind { HOSTILE, FRAME, LINE };

struct write {
	enum kind kind;
	size_t n;
	uint8_t data[128];
};

static struct write writes[64];
static size_t n_writes, n_honest;

/* A sequence of writes as the bytes of the stream. */
struct stream {
	uint8_t data[STREAM];
	size_t n, count;
	const struct write *writes[WRITES];
	size_t begin[WRITES + 1];
	bool taken[WRITES];
	size_t skipped;
};

static void add(enum kind kind, const void *data, size_t n)
{
	struct write *w = &writes[n_writes++];

	ck_assert_uint_le(n_writes, ARRAY_SIZE(writes));
	ck_assert_uint_le(n, sizeof(w->data));
	*w = (struct write){.kind = kind, .n = n};
	memcpy(w->data, data, n);
	n_honest += kind != HOSTILE;
}

static size_t put_frame(uint8_t *p, uint64_t id, const char *token, const char *text, size_t n)
{
	const struct encode_request q = {
		.op = RV_OP_PING, .id = id, .token = token, .token_n = strlen(token)};

	return encode_request(p, &q, false, text, n);
}

static void add_frame(enum kind kind, uint64_t id, const char *token, const char *text, size_t n)
{
	uint8_t p[128];

	add(kind, p, put_frame(p, id, token, text, n));
}

/* A header that promises `length` bytes, with the first `have` of a token and a text. */
static void add_header(unsigned flags, uint32_t length, size_t have)
{
	uint8_t p[RV_FRAME_HEADER + 4];
	struct rv_frame f = {
		.version = RV_FRAME_VERSION, .flags = (uint8_t)flags, .length = length, .id = 66};

	rv_frame_store(p, &f);
	memcpy(p + RV_FRAME_HEADER, "\2zzz", 4);
	add(HOSTILE, p, RV_FRAME_HEADER + have);
}

static void add_honest(void)
{
	add_frame(FRAME, 511, "a", "\n\xff\x01\n\2", 5);
	add_frame(FRAME, UINT64_C(0x1ff), "bcd", "", 0);
	add(LINE, "hola\r\n", 6);
}

/* What might combine with what comes next: parts of a marker, lengths that reach into the
 * next write by some bytes, up to its end, and over it. */
static void add_hostile(void)
{
	static const uint32_t reach[] = {1, 2, 3, 4, 5, 16, 17, 23, 24, 25, 32, 47};
	static const char x[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

	for (size_t n = 1; n <= CUT_MARKER; n++) {
		add(HOSTILE, "\xff\x01\x00\x02", n);
		add(HOSTILE, "x\xff\x01\xff\x03", n + 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(reach); i++) {
		add_header(RV_FRAME_REPLY_TO, 4 + reach[i], 4);
	}
	add_header(RV_FRAME_REPLY_TO, 4080, 0);
	add_header(RV_FRAME_REPLY_TO, 4081, 0);
	add_header(0, 27, 0);
	add_header(RV_FRAME_REPLY, 2, 0);
	add(HOSTILE, writes[n_writes - 1].data, 7);
	add_frame(HOSTILE, 9, "z", "", 0);
	add_frame(HOSTILE, 9, "z", "\xff", 1);
	add_frame(HOSTILE, 9, "z", "\xff\x01", 2);
	add(HOSTILE, "\n", 1);
	add(HOSTILE, "\0", 1);
	add(HOSTILE, "\x02", 1);
	add(HOSTILE, "\x01\x00\x02", 3);
	add(HOSTILE, "\xff\x07junk", 6);
	add(HOSTILE, x, LIMIT + 1);
	add(HOSTILE, x, LIMIT + 2);
	add(HOSTILE, x, LIMIT + 4);
}

static void add_all(void)
{
	n_writes = n_honest = 0;
	add_honest();
	add_hostile();
}

static void begin(struct stream *s, const size_t *which, size_t count)
{
	*s = (struct stream){.count = count};
	for (size_t i = 0; i < count; i++) {
		s->writes[i] = &writes[which[i]];
		s->begin[i] = s->n;
		memcpy(s->data + s->n, s->writes[i]->data, s->writes[i]->n);
		s->n += s->writes[i]->n;
	}
	s->begin[count] = s->n;
}

/* The bytes from `a` to `b` were taken as a piece of that kind. */
static void check_taken(struct stream *s, size_t a, size_t b, enum kind kind)
{
	for (size_t i = 0; i < s->count; i++) {
		size_t from = s->begin[i], to = s->begin[i + 1];

		if (s->writes[i]->kind == kind && kind != HOSTILE && a == from && b == to) {
			s->taken[i] = true;
		} else if (s->writes[i]->kind == FRAME) {
			REQUIRE(b <= from || a >= to, "%zu to %zu is taken of a frame", a, b);
		}
	}
}

/* Cuts what is there up to `end`; *at is how far it was taken. */
static void cut(struct stream *s, struct cutter *c, size_t *at, size_t end, bool whole)
{
	struct cut_piece p;

	do {
		size_t next = *at + cut_next_shared(c, s->data + *at, end - *at, LIMIT, whole, &p);
		size_t from = *at;

		REQUIRE(next <= end, "%zu of %zu bytes are taken", next, end);
		if (p.kind == CUT_FRAME) {
			from = (size_t)(p.data - s->data) - RV_FRAME_HEADER;
			REQUIRE(from + RV_FRAME_HEADER + p.len == next, "%zu", p.len);
			check_taken(s, from, next, FRAME);
			check_taken(s, *at, from, HOSTILE);
		} else {
			check_taken(s, *at, next, p.kind == CUT_LINE ? LINE : HOSTILE);
		}
		s->skipped += p.kind == CUT_SKIPPED;
		*at = next;
	} while (p.kind != CUT_MORE);
}

static bool is_border(const struct stream *s, size_t at)
{
	for (size_t i = 0; i <= s->count; i++) {
		if (s->begin[i] == at) {
			return true;
		}
	}
	return false;
}

/* All of it, with a read that ends at `first`, and others of `step` bytes from there on. The
 * pipe may have been empty where a write ends. */
static void run(struct stream *s, size_t first, size_t step, bool empty, bool honest)
{
	struct cutter c = {0};
	size_t at = 0;

	memset(s->taken, 0, sizeof(s->taken));
	s->skipped = 0;
	for (size_t end = first;; end = MIN(end + step, s->n)) {
		cut(s, &c, &at, end, empty && is_border(s, end));
		if (end == s->n) {
			break;
		}
	}
	for (size_t i = 0; i < s->count; i++) {
		REQUIRE(s->taken[i] || s->writes[i]->kind == HOSTILE ||
				(s->writes[i]->kind == LINE && !honest),
			"write %zu of %zu bytes is lost", i, s->writes[i]->n);
	}
	REQUIRE(!honest || s->skipped == 0, "%zu are skipped", s->skipped);
}

static void run_all(struct stream *s, bool everywhere, bool honest)
{
	for (int empty = 0; empty < 2; empty++) {
		run(s, s->n, s->n, empty, honest);
		run(s, 1, 1, empty, honest);
		for (size_t first = 1; everywhere && first < s->n; first++) {
			run(s, first, s->n, empty, honest);
			run(s, first, 3, empty, honest);
		}
		for (size_t i = 1; i < s->count; i++) {
			run(s, s->begin[i], s->n, empty, honest);
		}
	}
}

/* The next sequence of `count` out of n writes; false: there is none. */
static bool next(size_t *which, size_t count, size_t n)
{
	for (size_t i = 0; i < count; i++) {
		if (++which[i] < n) {
			return true;
		}
		which[i] = 0;
	}
	return false;
}

static bool has_frame(const size_t *which, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (writes[which[i]].kind == FRAME) {
			return true;
		}
	}
	return false;
}

START_TEST(attackers_neither_take_nor_break_a_frame)
{
	for (size_t count = 1; count <= 3; count++) {
		size_t which[WRITES] = {0};

		do {
			struct stream s;

			if (has_frame(which, count)) {
				begin(&s, which, count);
				run_all(&s, true, false);
			}
		} while (next(which, count, n_writes));
	}
}
END_TEST

/* Two writes around an honest frame, and another one behind them. */
START_TEST(longer_sequences)
{
	size_t which[WRITES] = {0};

	do {
		struct stream s;
		size_t order[WRITES] = {which[0], which[1], 0, which[2]};

		begin(&s, order, WRITES);
		run_all(&s, false, false);
	} while (next(which, 3, n_writes));
}
END_TEST

START_TEST(honest_writers_lose_nothing)
{
	for (size_t count = 1; count <= WRITES; count++) {
		size_t which[WRITES] = {0};

		do {
			struct stream s;

			begin(&s, which, count);
			run_all(&s, true, true);
		} while (next(which, count, n_honest));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model");
	TCase *t = tcase_create("fifo");

	tcase_add_checked_fixture(t, add_all, NULL);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, attackers_neither_take_nor_break_a_frame);
	tcase_add_test(t, longer_sequences);
	tcase_add_test(t, honest_writers_lose_nothing);
	suite_add_tcase(s, t);
	return runner_run(s);
}
