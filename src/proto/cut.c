#include "proto/cut.h"

#include "util/macro.h"

#define REQUEST_FLAGS (RV_FRAME_MORE | RV_FRAME_REPLY_TO)

/* The bytes of body that a frame with these flags may have. */
static size_t body_limit(const struct rv_frame *f, size_t limit)
{
	return f->flags & RV_FRAME_REPLY_TO ? limit + 1 + RV_TOKEN_MAX : limit;
}

bool cut_header_ok(const struct rv_frame *f)
{
	return f->version == RV_FRAME_VERSION && !(f->flags & ~REQUEST_FLAGS);
}

static void set_line(struct cut_piece *ret, const uint8_t *p, size_t n, unsigned term, size_t limit)
{
	ret->data = p;
	ret->len = n;
	ret->total = n;
	ret->term = term;
	ret->kind = LIKELY(n <= limit) ? CUT_LINE : CUT_LONG_LINE;
}

/* p[n - 1] is LF: how many bytes the terminator has. */
static unsigned terminator(const uint8_t *p, size_t n)
{
	return n >= 2 && p[n - 2] == '\r' ? 2 : 1;
}

/* Within an over-long line: counts up to its LF. */
static size_t next_long_line(struct cutter *c, const uint8_t *p, size_t n, struct cut_piece *ret)
{
	const uint8_t *lf = memchr(p, '\n', n);
	size_t k = lf ? (size_t)(lf - p) : n;

	if (k > 0) {
		c->line += k;
		c->line_cr = p[k - 1] == '\r';
	}
	if (!lf) {
		ret->kind = CUT_MORE;
		return n;
	}
	ret->kind = CUT_LONG_LINE;
	ret->term = c->line_cr ? 2 : 1;
	ret->total = c->line - c->line_cr;
	c->line = 0;
	c->line_cr = false;
	return k + 1;
}

size_t cut_line(struct cutter *c, const uint8_t *p, size_t n, size_t limit, struct cut_piece *ret)
{
	/* the text, CR and LF: what lies behind makes the line too long anyway */
	size_t window = MIN(n, limit + 2);
	/* a reload may have made the limit smaller than what was scanned */
	size_t from = MIN(c->scanned, window);
	const uint8_t *lf;

	if (UNLIKELY(c->line)) {
		return next_long_line(c, p, n, ret);
	}
	lf = memchr(p + from, '\n', window - from);
	if (LIKELY(lf != NULL)) {
		size_t k = (size_t)(lf - p) + 1;
		unsigned term = terminator(p, k);

		c->scanned = 0;
		set_line(ret, p, k - term, term, limit);
		return k;
	}
	if (window == limit + 2) {
		c->scanned = 0;
		return next_long_line(c, p, n, ret);
	}
	c->scanned = window;
	ret->kind = CUT_MORE;
	return 0;
}

static size_t set_bad(const uint8_t *p, size_t n, struct cut_piece *ret)
{
	memset(&ret->frame, 0, sizeof(ret->frame));
	if (n >= RV_FRAME_HEADER) {
		rv_frame_load(p, &ret->frame);
	}
	ret->kind = CUT_BAD;
	return n;
}

static size_t next_frame(
	struct cutter *c, const uint8_t *p, size_t n, size_t limit, struct cut_piece *ret)
{
	size_t size;

	if (n >= 2 && p[1] != RV_FRAME_VERSION) {
		return set_bad(p, n, ret);
	}
	if (n < RV_FRAME_HEADER) {
		ret->kind = CUT_MORE;
		return 0;
	}
	rv_frame_load(p, &ret->frame);
	if (!cut_header_ok(&ret->frame)) {
		return set_bad(p, n, ret);
	}
	size = ret->frame.length;
	if (size > body_limit(&ret->frame, limit)) {
		c->skip = size;
		ret->kind = CUT_LARGE_FRAME;
		return RV_FRAME_HEADER;
	}
	if (n - RV_FRAME_HEADER < size) {
		ret->kind = CUT_MORE;
		return 0;
	}
	ret->kind = CUT_FRAME;
	ret->data = p + RV_FRAME_HEADER;
	ret->len = size;
	return RV_FRAME_HEADER + size;
}

size_t cut_next(struct cutter *c, const uint8_t *p, size_t n, size_t limit, struct cut_piece *ret)
{
	size_t skip = 0, k = 0;

	if (UNLIKELY(c->skip)) {
		skip = MIN(c->skip, n);
		c->skip -= skip;
		p += skip;
		n -= skip;
	}
	if (n == 0) {
		ret->kind = CUT_MORE;
	} else if (p[0] == RV_FRAME_MAGIC && c->scanned == 0 && !c->line) {
		k = next_frame(c, p, n, limit, ret);
	} else {
		k = cut_line(c, p, n, limit, ret);
	}
	c->open = c->skip || c->line;
	return skip + k;
}

bool cut_end(struct cutter *c, const uint8_t *p, size_t n, size_t limit, struct cut_piece *ret)
{
	if (c->line) {
		ret->kind = CUT_LONG_LINE;
		ret->term = 0;
		ret->total = c->line;
		return true;
	}
	if (n == 0 || c->skip) {
		return false;
	}
	if (p[0] == RV_FRAME_MAGIC) {
		(void)set_bad(p, n, ret);
		return true;
	}
	set_line(ret, p, n, 0, limit);
	return true;
}

void cut_message(const uint8_t *p, size_t n, size_t limit, struct cut_piece *ret)
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
	if (n < RV_FRAME_HEADER || !cut_header_ok(&ret->frame) || ret->frame.length != ret->len) {
		return;
	}
	ret->kind = ret->len > body_limit(&ret->frame, limit) ? CUT_LARGE_FRAME : CUT_FRAME;
}

bool cut_token(struct cut_piece *piece, const uint8_t **ret_token, size_t *ret_n)
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
