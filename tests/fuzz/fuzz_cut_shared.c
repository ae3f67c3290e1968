/*
 * A FIFO: the input is a list of writes, honest frames and lines and hostile bytes, and
 * of reads that end anywhere. Honest frames come out as they are, and nothing else has a
 * byte of them; where nobody is hostile, nothing is torn either.
 */
#include <string.h>
#include "fuzz/feed.h"
#include "proto/cut_shared.h"
#include "proto/encode.h"
#include "util/macro.h"

#define LIMIT 100u
#define STREAM 8192u
#define WRITES 256u

enum kind { FRAME, LINE, HOSTILE };

struct stream {
	uint8_t data[STREAM];
	size_t n, n_writes;
	struct write {
		size_t from, to;
		enum kind kind;
		bool taken;
	} writes[WRITES];
	bool hostile;
};

/* A frame that an honest client may send; else 0. */
static size_t put_frame(uint8_t *to, size_t room, const uint8_t *text, size_t n, uint64_t id)
{
	const struct encode_request q = {
		.op = RV_OP_PING, .id = id, .token = "honest", .token_n = 1 + id % 6};
	size_t size = encode_overhead(q.token_n) + n;

	if (size > MIN(room, (size_t)CUT_SHARED_FRAME)) {
		return 0;
	}
	(void)encode_request(to, &q, id & 1, text, n);
	return cut_marker(to, 1, size) < size ? 0 : size;
}

static size_t put_line(uint8_t *to, size_t room, const uint8_t *text, size_t n)
{
	if (n + 1 > room || n > LIMIT || memchr(text, '\n', n) || memchr(text, 0xFF, n)) {
		return 0;
	}
	memcpy(to, text, n);
	to[n] = '\n';
	return n + 1;
}

static void add_write(struct stream *s, struct feed *f)
{
	struct write *w = &s->writes[s->n_writes];
	uint8_t what = feed_byte(f);
	const uint8_t *bytes;
	size_t n = feed_bytes(f, what >> 2, &bytes), k = 0;
	uint8_t *to = s->data + s->n;

	w->kind = (enum kind)(what & 3);
	if (w->kind == FRAME) {
		k = put_frame(to, STREAM - s->n, bytes, n, (uint64_t)what * 257 + s->n);
	} else if (w->kind == LINE) {
		k = put_line(to, STREAM - s->n, bytes, n);
	}
	if (k == 0) {
		k = MIN(n, STREAM - s->n);
		w->kind = HOSTILE;
		memcpy(to, bytes, k);
		s->hostile |= k > 0;
	}
	w->from = s->n;
	w->to = s->n += k;
	w->taken = false;
	s->n_writes += k > 0;
}

static bool is_border(const struct stream *s, size_t at)
{
	for (size_t i = 0; i < s->n_writes; i++) {
		if (s->writes[i].to == at) {
			return true;
		}
	}
	return false;
}

static void check_taken(struct stream *s, size_t a, size_t b, enum kind kind)
{
	for (size_t i = 0; i < s->n_writes; i++) {
		struct write *w = &s->writes[i];

		if (w->kind == kind && kind != HOSTILE && a == w->from && b == w->to) {
			w->taken = true;
		} else {
			FUZZ_CHECK(w->kind != FRAME || b <= w->from || a >= w->to);
		}
	}
}

/* Cuts what was read up to `end`, in a copy of that size; returns how far. */
static size_t cut(struct stream *s, struct cutter *c, size_t at, size_t end, bool whole)
{
	CLEANUP_FREE uint8_t *copy = malloc(MAX(end - at, (size_t)1));
	const size_t base = at;
	struct cut_piece p;

	FUZZ_CHECK(copy);
	memcpy(copy, s->data + at, end - at);
	do {
		size_t next =
			at + cut_next_shared(c, copy + (at - base), end - at, LIMIT, whole, &p);

		FUZZ_CHECK(next <= end);
		if (p.kind == CUT_FRAME) {
			size_t from = base + (size_t)(p.data - copy) - RV_FRAME_HEADER;

			FUZZ_CHECK(from >= at && from + RV_FRAME_HEADER + p.len == next);
			check_taken(s, at, from, HOSTILE);
			check_taken(s, from, next, FRAME);
		} else {
			check_taken(s, at, next, p.kind == CUT_LINE ? LINE : HOSTILE);
		}
		FUZZ_CHECK(s->hostile || p.kind != CUT_SKIPPED);
		at = next;
	} while (p.kind != CUT_MORE);
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stream s;
	struct feed f = {data, size}, reads;
	struct cutter c = {0};
	size_t at = 0;

	s.n = s.n_writes = 0;
	s.hostile = false;
	(void)feed_bytes(&f, 16, &reads.p);
	reads.n = (size_t)(f.p - reads.p);
	while (f.n > 0 && s.n_writes < WRITES && s.n < STREAM) {
		add_write(&s, &f);
	}
	for (size_t end = 0; end < s.n;) {
		uint8_t k = feed_byte(&reads);

		end = MIN(s.n, k ? end + k : s.n);
		at = cut(&s, &c, at, end, (k & 1) && is_border(&s, end));
	}
	for (size_t i = 0; i < s.n_writes; i++) {
		FUZZ_CHECK(s.writes[i].taken || s.writes[i].kind == HOSTILE ||
			   (s.writes[i].kind == LINE && s.hostile));
	}
	return 0;
}
