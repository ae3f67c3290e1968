#include "proto/splitter.h"

#include "util/macro.h"

#define REQUEST_FLAGS (RV_FRAME_MORE | RV_FRAME_REPLY_TO)
#define HEADER_MAX (RV_FRAME_HEADER + 1 + RV_TOKEN_MAX)

/* The bytes of body that a frame with these flags may have. */
static size_t body_limit(const struct rv_frame *f, size_t limit)
{
	return f->flags & RV_FRAME_REPLY_TO ? limit + 1 + RV_TOKEN_MAX : limit;
}

static bool header_ok(const struct rv_frame *f)
{
	return f->version == RV_FRAME_VERSION && !(f->flags & ~REQUEST_FLAGS);
}

static void set_line(
	struct split_piece *ret, const uint8_t *p, size_t n, unsigned term, size_t limit)
{
	ret->data = p;
	ret->len = n;
	ret->total = n;
	ret->term = term;
	ret->kind = LIKELY(n <= limit) ? SPLIT_LINE : SPLIT_LONG_LINE;
}

/* p[n - 1] is LF: how many bytes the terminator has. */
static unsigned terminator(const uint8_t *p, size_t n)
{
	return n >= 2 && p[n - 2] == '\r' ? 2 : 1;
}

/* Within an over-long line: counts up to its LF. */
static size_t next_long_line(
	struct splitter *s, const uint8_t *p, size_t n, struct split_piece *ret)
{
	const uint8_t *lf = memchr(p, '\n', n);
	size_t k = lf ? (size_t)(lf - p) : n;

	if (k > 0) {
		s->line += k;
		s->line_cr = p[k - 1] == '\r';
	}
	if (!lf) {
		ret->kind = SPLIT_MORE;
		return n;
	}
	ret->kind = SPLIT_LONG_LINE;
	ret->term = s->line_cr ? 2 : 1;
	ret->total = s->line - s->line_cr;
	s->line = 0;
	s->line_cr = false;
	return k + 1;
}

static size_t next_line(
	struct splitter *s, const uint8_t *p, size_t n, size_t limit, struct split_piece *ret)
{
	/* the text, CR and LF: what lies behind makes the line too long anyway */
	size_t window = MIN(n, limit + 2);
	/* a reload may have made the limit smaller than what was scanned */
	size_t from = MIN(s->scanned, window);
	const uint8_t *lf = memchr(p + from, '\n', window - from);

	if (LIKELY(lf != NULL)) {
		size_t k = (size_t)(lf - p) + 1;
		unsigned term = terminator(p, k);

		s->scanned = 0;
		set_line(ret, p, k - term, term, limit);
		return k;
	}
	if (window == limit + 2) {
		s->scanned = 0;
		return next_long_line(s, p, n, ret);
	}
	s->scanned = window;
	ret->kind = SPLIT_MORE;
	return 0;
}

static size_t set_bad(const uint8_t *p, size_t n, struct split_piece *ret)
{
	memset(&ret->frame, 0, sizeof(ret->frame));
	if (n >= RV_FRAME_HEADER) {
		rv_frame_load(p, &ret->frame);
	}
	ret->kind = SPLIT_BAD;
	return n;
}

static size_t next_frame(
	struct splitter *s, const uint8_t *p, size_t n, size_t limit, struct split_piece *ret)
{
	size_t size;

	if (n >= 2 && p[1] != RV_FRAME_VERSION) {
		return set_bad(p, n, ret);
	}
	if (n < RV_FRAME_HEADER) {
		ret->kind = SPLIT_MORE;
		return 0;
	}
	rv_frame_load(p, &ret->frame);
	if (!header_ok(&ret->frame)) {
		return set_bad(p, n, ret);
	}
	size = ret->frame.length;
	if (size > body_limit(&ret->frame, limit)) {
		s->skip = size;
		ret->kind = SPLIT_LARGE_FRAME;
		return RV_FRAME_HEADER;
	}
	if (n - RV_FRAME_HEADER < size) {
		ret->kind = SPLIT_MORE;
		return 0;
	}
	ret->kind = SPLIT_FRAME;
	ret->data = p + RV_FRAME_HEADER;
	ret->len = size;
	return RV_FRAME_HEADER + size;
}

size_t split_next(
	struct splitter *s, const uint8_t *p, size_t n, size_t limit, struct split_piece *ret)
{
	size_t skip = 0, k;

	if (UNLIKELY(s->skip)) {
		skip = MIN(s->skip, n);
		s->skip -= skip;
		p += skip;
		n -= skip;
	}
	if (n == 0) {
		ret->kind = SPLIT_MORE;
		return skip;
	}
	if (UNLIKELY(s->line)) {
		k = next_long_line(s, p, n, ret);
	} else if (p[0] == RV_FRAME_MAGIC && s->scanned == 0) {
		k = next_frame(s, p, n, limit, ret);
	} else {
		k = next_line(s, p, n, limit, ret);
	}
	return skip + k;
}

/* Shared streams. */

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
	if (!header_ok(&f) || !(f.flags & RV_FRAME_REPLY_TO) || f.code >= RV_OP_COUNT ||
		f.length > SPLIT_SHARED_FRAME - RV_FRAME_HEADER || token < 1 ||
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
	struct splitter *s, const uint8_t *p, size_t from, size_t n, struct split_piece *ret)
{
	size_t k;

	s->resync = !skip_torn(p, from, n, &k);
	s->scanned = 0;
	ret->kind = SPLIT_SKIPPED;
	return k;
}

/* Another frame begins inside the one of `size` bytes at p, at `inner`. Is that
 * a payload, or is it the next frame and this one was torn? It was torn if no
 * frame begins where it ends, or if whole frames fill it up to there: then its
 * length was chosen to swallow them. */
static bool is_torn(const uint8_t *p, size_t n, size_t size, size_t inner)
{
	if (n < size || (n > size && guess_header(p + size, n - size) == GUESS_NO)) {
		return true;
	}
	while (inner < size && guess_header(p + inner, n - inner) == GUESS_YES) {
		inner += RV_FRAME_HEADER + rv_load_le32(p + inner + 4);
	}
	return inner == size;
}

/* A frame of which a part is missing can't be judged before all is there that its
 * writer has written: a read may have cut it, and its payload may hold anything. */
static size_t next_frame_shared(
	struct splitter *s, const uint8_t *p, size_t n, bool whole, struct split_piece *ret)
{
	size_t size, inner;

	if (n >= 2 && p[1] != RV_FRAME_VERSION) {
		return set_skipped(s, p, 1, n, ret);
	}
	if (n < RV_FRAME_HEADER) {
		ret->kind = SPLIT_MORE;
		return 0;
	}
	rv_frame_load(p, &ret->frame);
	size = RV_FRAME_HEADER + (size_t)ret->frame.length;
	if (!header_ok(&ret->frame) || size > SPLIT_SHARED_FRAME) {
		return set_skipped(s, p, 1, n, ret);
	}
	inner = find_header(p, 1, MIN(size, n), n, true);
	if (inner < MIN(size, n) && (n >= size || whole) && is_torn(p, n, size, inner)) {
		ret->kind = SPLIT_SKIPPED;
		return inner;
	}
	if (n < size) {
		ret->kind = SPLIT_MORE;
		return 0;
	}
	ret->kind = SPLIT_FRAME;
	ret->data = p + RV_FRAME_HEADER;
	ret->len = ret->frame.length;
	return size;
}

static size_t next_line_shared(struct splitter *s, const uint8_t *p, size_t n, size_t limit,
	bool whole, struct split_piece *ret)
{
	const uint8_t *lf = memchr(p + s->scanned, '\n', n - s->scanned);
	size_t end = lf ? (size_t)(lf - p) : n;
	/* a header may begin a little before the end of what was scanned */
	size_t from = s->scanned > HEADER_MAX ? s->scanned - HEADER_MAX : 0;
	size_t inner = find_header(p, from, end, n, whole);

	if (inner < end && guess_header(p + inner, n - inner) == GUESS_YES) {
		/* somebody's line lacks its end, and a frame follows */
		s->scanned = 0;
		s->line = 0;
		ret->kind = SPLIT_SKIPPED;
		return inner;
	}
	if (s->line) {
		return next_long_line(s, p, n, ret);
	}
	return next_line(s, p, n, limit, ret);
}

size_t split_next_shared(struct splitter *s, const uint8_t *p, size_t n, size_t limit, bool whole,
	struct split_piece *ret)
{
	size_t skip = 0, k;

	if (UNLIKELY(s->resync)) {
		s->resync = !skip_torn(p, 0, n, &skip);
		p += skip;
		n -= skip;
	}
	if (n == 0) {
		ret->kind = SPLIT_MORE;
		return skip;
	}
	if (p[0] == RV_FRAME_MAGIC && s->scanned == 0 && !s->line) {
		k = next_frame_shared(s, p, n, whole, ret);
	} else {
		k = next_line_shared(s, p, n, limit, whole, ret);
	}
	return skip + k;
}

bool split_end(
	struct splitter *s, const uint8_t *p, size_t n, size_t limit, struct split_piece *ret)
{
	if (s->line) {
		ret->kind = SPLIT_LONG_LINE;
		ret->term = 0;
		ret->total = s->line;
		return true;
	}
	if (n == 0 || s->skip) {
		return false;
	}
	if (p[0] == RV_FRAME_MAGIC) {
		(void)set_bad(p, n, ret);
		return true;
	}
	set_line(ret, p, n, 0, limit);
	return true;
}

void split_message(const uint8_t *p, size_t n, size_t limit, struct split_piece *ret)
{
	unsigned term;

	if (n == 0 || p[0] != RV_FRAME_MAGIC) {
		term = n > 0 && p[n - 1] == '\n' ? terminator(p, n) : 0;
		set_line(ret, p, n - term, term, limit);
		return;
	}
	(void)set_bad(p, n, ret);
	ret->data = p + MIN(n, (size_t)RV_FRAME_HEADER);
	ret->len = n - MIN(n, (size_t)RV_FRAME_HEADER);
	if (n < RV_FRAME_HEADER || !header_ok(&ret->frame) || ret->frame.length != ret->len) {
		return;
	}
	ret->kind = ret->len > body_limit(&ret->frame, limit) ? SPLIT_LARGE_FRAME : SPLIT_FRAME;
}

bool split_token(struct split_piece *piece, const uint8_t **ret_token, size_t *ret_n)
{
	size_t n;

	if (piece->len < 1) {
		return false;
	}
	n = piece->data[0];
	if (n > piece->len - 1 || !rv_token_valid(piece->data + 1, n)) {
		return false;
	}
	*ret_token = piece->data + 1;
	*ret_n = n;
	piece->data += 1 + n;
	piece->len -= 1 + n;
	return true;
}
