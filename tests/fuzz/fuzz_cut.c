/*
 * A connection: the first two bytes say how reads cut what follows. The pieces lie beside
 * each other, from the first byte to the last, and are the same however they came.
 */
#include <string.h>
#include "fuzz/feed.h"
#include "proto/cut.h"
#include "util/macro.h"

#define LIMIT 40u
#define PIECES 4096u

struct pieces {
	struct cut_piece all[PIECES];
	size_t n;
};

static bool is_same(const struct cut_piece *a, const struct cut_piece *b)
{
	bool text = a->kind == CUT_LINE || a->kind == CUT_FRAME;
	bool frame = a->kind == CUT_FRAME || a->kind == CUT_LARGE_FRAME;
	bool line = a->kind == CUT_LINE || a->kind == CUT_LONG_LINE;

	return a->kind == b->kind && (!text || (a->data == b->data && a->len == b->len)) &&
	       (!frame || memcmp(&a->frame, &b->frame, sizeof(a->frame)) == 0) &&
	       (!line || (a->total == b->total && a->term == b->term));
}

/* What was taken is the piece, and nothing else. */
static void check_size(const struct cut_piece *p, const uint8_t *at, size_t taken)
{
	if (p->kind == CUT_LINE) {
		FUZZ_CHECK(p->data == at && p->len + p->term == taken && p->len <= LIMIT);
		FUZZ_CHECK(!memchr(at, '\n', p->len) && at[taken - 1] == '\n');
	} else if (p->kind == CUT_FRAME) {
		FUZZ_CHECK(p->data + p->len == at + taken && p->len == p->frame.length);
	} else if (p->kind == CUT_LONG_LINE) {
		FUZZ_CHECK(p->total > LIMIT);
	}
}

/* `data`: pieces point to there. The cutter sees copies of exactly what it may look at. */
static void cut_all(struct pieces *ret, const uint8_t *data, size_t n, size_t first, size_t step)
{
	struct cutter c = {0};
	size_t at = 0;

	ret->n = 0;
	for (size_t end = MIN(first, n);; end = MIN(end + step, n)) {
		CLEANUP_FREE uint8_t *copy = malloc(MAX(end - at, (size_t)1));
		size_t base = at, off = 0, k;
		struct cut_piece p = {.kind = CUT_MORE};

		FUZZ_CHECK(copy);
		memcpy(copy, data + at, end - at);
		do {
			bool clean = !c.open;

			p.data = NULL;
			k = cut_next(&c, copy + off, end - base - off, LIMIT, &p);
			FUZZ_CHECK(k <= end - base - off);
			if (clean) {
				check_size(&p, copy + off, k);
			}
			p.data = p.data ? data + base + (p.data - copy) : NULL;
			off += k;
			if (p.kind != CUT_MORE) {
				FUZZ_CHECK(ret->n < PIECES);
				ret->all[ret->n++] = p;
			}
		} while (p.kind != CUT_MORE && p.kind != CUT_BAD);
		at = base + off;
		if (p.kind == CUT_BAD || end == n) {
			break;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pieces whole, cut;
	struct feed f = {data, MIN(size, (size_t)PIECES)};
	size_t first = 1u + feed_byte(&f), step = 1u + feed_byte(&f);

	cut_all(&whole, f.p, f.n, f.n, 1);
	cut_all(&cut, f.p, f.n, first, step);
	FUZZ_CHECK(whole.n == cut.n);
	for (size_t i = 0; i < whole.n; i++) {
		FUZZ_CHECK(is_same(&whole.all[i], &cut.all[i]));
	}
	return 0;
}
