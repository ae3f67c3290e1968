#include "proto/cut_shared.h"

#include "util/macro.h"

#define HEADER_MAX (RV_FRAME_HEADER + 1 + RV_TOKEN_MAX)

enum guess { GUESS_NO, GUESS_YES, GUESS_CUT };

/* Does the frame of an honest client begin at p? GUESS_CUT: too few bytes to say. */
static enum guess guess_header(const uint8_t *p, size_t n)
{
	struct rv_frame f;
	size_t token, have;

	if (p[0] != RV_FRAME_MAGIC || (n >= 2 && p[1] != RV_FRAME_VERSION)) {
		return GUESS_NO;
	}
	if (n < RV_FRAME_HEADER + 1) {
		return GUESS_CUT;
	}
	rv_frame_load(p, &f);
	token = p[RV_FRAME_HEADER];
	if (!cut_header_ok(&f) || !(f.flags & RV_FRAME_REPLY_TO) || f.code >= RV_OP_COUNT ||
		f.length > CUT_SHARED_FRAME - RV_FRAME_HEADER || token < 1 ||
		token > RV_TOKEN_MAX || f.length < 1 + token) {
		return GUESS_NO;
	}
	have = MIN(token, n - RV_FRAME_HEADER - 1);
	if (have > 0 && !rv_token_valid(p + RV_FRAME_HEADER + 1, have)) {
		return GUESS_NO;
	}
	return have == token ? GUESS_YES : GUESS_CUT;
}

/* The offset in [from, end) where the next honest header begins, or end. A
 * header that the end of the n bytes cuts counts if more may come. */
static size_t find_header(const uint8_t *p, size_t from, size_t end, size_t n, bool whole)
{
	while (from < end) {
		const uint8_t *ff = memchr(p + from, RV_FRAME_MAGIC, end - from);
		enum guess g;

		if (!ff) {
			return end;
		}
		from = (size_t)(ff - p);
		g = guess_header(ff, n - from);
		if (g == GUESS_YES || (g == GUESS_CUT && !whole)) {
			return from;
		}
		from++;
	}
	return end;
}

/* Skips to the next LF or 0xFF 0x01; true if it was found. */
static bool skip_torn(const uint8_t *p, size_t from, size_t n, size_t *ret)
{
	for (size_t i = from; i < n; i++) {
		if (p[i] == '\n') {
			*ret = i + 1;
			return true;
		}
		if (p[i] == RV_FRAME_MAGIC && (i + 1 == n || p[i + 1] == RV_FRAME_VERSION)) {
			*ret = i;
			return true;
		}
	}
	*ret = n;
	return false;
}

static size_t set_skipped(
	struct cutter *c, const uint8_t *p, size_t from, size_t n, struct cut_piece *ret)
{
	size_t k;

	c->resync = !skip_torn(p, from, n, &k);
	c->scanned = 0;
	ret->kind = CUT_SKIPPED;
	return k;
}

bool cut_shared_hides_header(const uint8_t *p, size_t n)
{
	return find_header(p, 1, n, n, false) < n;
}

/* A part of a frame. All that was written is there if the pipe is empty, and honest
 * clients write frames whole: then it is rubbish. */
static size_t next_part(size_t n, bool whole, struct cut_piece *ret)
{
	ret->kind = whole ? CUT_SKIPPED : CUT_MORE;
	return whole ? n : 0;
}

static size_t next_frame_shared(
	struct cutter *c, const uint8_t *p, size_t n, bool whole, struct cut_piece *ret)
{
	size_t size, end, inner;

	if (n >= 2 && p[1] != RV_FRAME_VERSION) {
		return set_skipped(c, p, 1, n, ret);
	}
	if (n < RV_FRAME_HEADER) {
		return next_part(n, whole, ret);
	}
	rv_frame_load(p, &ret->frame);
	size = RV_FRAME_HEADER + (size_t)ret->frame.length;
	if (!cut_header_ok(&ret->frame) || size > CUT_SHARED_FRAME) {
		return set_skipped(c, p, 1, n, ret);
	}
	end = MIN(size, n);
	inner = find_header(p, 1, end, n, whole);
	if (inner < end && guess_header(p + inner, n - inner) == GUESS_YES) {
		ret->kind = CUT_SKIPPED;
		return inner;
	}
	if (n < size) {
		return next_part(n, whole, ret);
	}
	if (inner < end) {
		ret->kind = CUT_MORE; /* its end may be the beginning of the next one */
		return 0;
	}
	ret->kind = CUT_FRAME;
	ret->data = p + RV_FRAME_HEADER;
	ret->len = ret->frame.length;
	return size;
}

static size_t next_line_shared(struct cutter *c, const uint8_t *p, size_t n, size_t limit,
	bool whole, struct cut_piece *ret)
{
	const uint8_t *lf = memchr(p + c->scanned, '\n', n - c->scanned);
	size_t end = lf ? (size_t)(lf - p) : n;
	/* a header may begin a little before the end of what was scanned */
	size_t from = c->scanned > HEADER_MAX ? c->scanned - HEADER_MAX : 0;
	size_t inner = find_header(p, from, end, n, whole);

	if (inner == end) {
		return cut_line(c, p, n, limit, ret);
	}
	if (guess_header(p + inner, n - inner) == GUESS_YES) {
		/* somebody's line lacks its end, and a frame follows */
		c->scanned = 0;
		c->line = 0;
		ret->kind = CUT_SKIPPED;
		return inner;
	}
	/* what may be the beginning of a frame is no part of the line yet */
	ret->kind = CUT_MORE;
	return inner > 0 ? cut_line(c, p, inner, limit, ret) : 0;
}

size_t cut_next_shared(struct cutter *c, const uint8_t *p, size_t n, size_t limit, bool whole,
	struct cut_piece *ret)
{
	size_t skip = 0, k;

	if (UNLIKELY(c->resync)) {
		c->resync = !skip_torn(p, 0, n, &skip);
		p += skip;
		n -= skip;
	}
	if (n == 0) {
		ret->kind = CUT_MORE;
		return skip;
	}
	if (p[0] == RV_FRAME_MAGIC && c->scanned == 0 && !c->line) {
		k = next_frame_shared(c, p, n, whole, ret);
	} else {
		k = next_line_shared(c, p, n, limit, whole, ret);
	}
	if (ret->kind == CUT_SKIPPED) {
		ret->data = p;
		ret->len = k;
	}
	return skip + k;
}
