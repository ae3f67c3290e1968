#include "proto/cut_shared.h"

#include "util/macro.h"

#define BODY_MAX (CUT_SHARED_FRAME - RV_FRAME_HEADER)

/* Do the n > 0 bytes at p, the first of which is the magic, begin a marker? */
static bool begins_marker(const uint8_t *p, size_t n)
{
	return (n < 2 || p[1] == RV_FRAME_VERSION) && (n < 3 || p[2] != '\n') &&
	       (n < 4 || (p[3] & ~RV_FRAME_MORE) == RV_FRAME_REPLY_TO);
}

size_t cut_marker(const uint8_t *p, size_t from, size_t n)
{
	while (from < n) {
		const uint8_t *ff = memchr(p + from, RV_FRAME_MAGIC, n - from);

		if (!ff) {
			break;
		}
		from = (size_t)(ff - p);
		if (begins_marker(ff, n - from)) {
			return from;
		}
		from++;
	}
	return n;
}

/* Skips what is torn, up to behind the next LF or to the next marker. Looks at each byte
 * once, however often there is something torn. */
static size_t skip_torn(struct cutter *c, const uint8_t *p, size_t from, size_t n)
{
	size_t i = from;

	while (i < n && p[i] != '\n' && !(p[i] == RV_FRAME_MAGIC && begins_marker(p + i, n - i))) {
		i++;
	}
	c->resync = i == n || (p[i] != '\n' && n - i < CUT_MARKER);
	return i < n && p[i] == '\n' ? i + 1 : i;
}

static size_t set_skipped(size_t taken, struct cut_piece *ret)
{
	ret->kind = CUT_SKIPPED;
	return taken;
}

static bool header_ok(const struct rv_frame *f)
{
	return cut_header_ok(f) && f->code != '\n' && f->length <= BODY_MAX;
}

static size_t next_frame(
	struct cutter *c, const uint8_t *p, size_t n, bool whole, struct cut_piece *ret)
{
	size_t size = RV_FRAME_HEADER, end, inner;

	if (n >= 2 && p[1] != RV_FRAME_VERSION) {
		return set_skipped(skip_torn(c, p, 1, n), ret);
	}
	if (n >= RV_FRAME_HEADER) {
		rv_frame_load(p, &ret->frame);
		if (!header_ok(&ret->frame)) {
			return set_skipped(skip_torn(c, p, 1, n), ret);
		}
		size += ret->frame.length;
	}
	end = MIN(size + CUT_MARKER - 1, n); /* a marker may begin in its last bytes */
	inner = cut_marker(p, 1, end);
	if (inner < size && end - inner >= CUT_MARKER) {
		return set_skipped(inner, ret);
	}
	if (n < size && whole) {
		return set_skipped(n, ret);
	}
	if (n < size || (inner < size && !whole)) {
		ret->kind = CUT_MORE;
		return 0;
	}
	ret->kind = CUT_FRAME;
	ret->data = p + RV_FRAME_HEADER;
	ret->len = ret->frame.length;
	return size;
}

static size_t next_line(
	struct cutter *c, const uint8_t *p, size_t n, size_t limit, struct cut_piece *ret)
{
	const uint8_t *lf = memchr(p + c->scanned, '\n', n - c->scanned);
	size_t end = lf ? (size_t)(lf - p) : n;
	size_t inner = cut_marker(p, c->scanned, end);

	if (end - inner >= CUT_MARKER) {
		/* somebody's line lacks its end, and a frame follows */
		*c = (struct cutter){0};
		return set_skipped(inner, ret);
	}
	/* What may become a marker is no part of a line yet. */
	return cut_line(c, p, lf ? n : inner, limit, ret);
}

size_t cut_next_shared(struct cutter *c, const uint8_t *p, size_t n, size_t limit, bool whole,
	struct cut_piece *ret)
{
	size_t skip = UNLIKELY(c->resync) ? skip_torn(c, p, 0, n) : 0, k = 0;

	p += skip;
	n -= skip;
	if (n == 0 || c->resync) {
		ret->kind = CUT_MORE;
	} else if (p[0] == RV_FRAME_MAGIC && !c->line) {
		k = next_frame(c, p, n, whole, ret);
	} else {
		k = next_line(c, p, n, limit, ret);
	}
	if (ret->kind == CUT_SKIPPED) {
		ret->data = p;
		ret->len = k;
	}
	c->open = c->line || c->resync;
	return skip + k;
}
