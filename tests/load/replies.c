#include "load/replies.h"

#include <string.h>
#include "load/text.h"

/* A whole frame with its payload. */
static bool take_frame(
	struct window *w, struct bytes *parts, const struct rv_frame *h, const uint8_t *p)
{
	uint64_t seq = h->id & ((UINT64_C(1) << 40) - 1);
	struct bytes *part = &parts[seq & (WINDOW - 1)];

	if (h->id >> 40 != w->client) {
		w->tally->misdelivered++;
		return true;
	}
	if (part->len + h->length > TEXT_MAX) {
		return false;
	}
	if (part->len == 0 && !(h->flags & RV_FRAME_MORE)) {
		window_frame(w, seq, h->code, (const char *)p, h->length);
		return true;
	}
	if (bytes_put(part, p, h->length) < 0) {
		return false;
	}
	if (!(h->flags & RV_FRAME_MORE)) {
		window_frame(w, seq, h->code, (const char *)bytes_head(part), part->len);
		bytes_free(part);
	}
	return true;
}

/* Bytes taken; 0: it is not whole; -1: it is no frame. */
static ssize_t cut_frame(struct window *w, struct bytes *parts, const uint8_t *p, size_t n)
{
	struct rv_frame h;

	if (n < RV_FRAME_HEADER) {
		return 0;
	}
	rv_frame_load(p, &h);
	if (h.version != RV_FRAME_VERSION || !(h.flags & RV_FRAME_REPLY) || h.length > TEXT_MAX) {
		return -1;
	}
	if (n - RV_FRAME_HEADER < h.length) {
		return 0;
	}
	return take_frame(w, parts, &h, p + RV_FRAME_HEADER) ? (ssize_t)(RV_FRAME_HEADER + h.length)
							     : -1;
}

static ssize_t cut_line(struct window *w, const uint8_t *p, size_t n)
{
	const uint8_t *end = memchr(p, '\n', n);

	if (!end) {
		return n > TEXT_MAX ? -1 : 0;
	}
	window_line(w, (const char *)p, (size_t)(end - p));
	return end - p + 1;
}

static ssize_t cut_message(struct window *w, struct bytes *parts, const uint8_t *p, size_t n)
{
	if (p[0] == RV_FRAME_MAGIC) {
		return cut_frame(w, parts, p, n) == (ssize_t)n ? (ssize_t)n : -1;
	}
	window_line(w, (const char *)p, n);
	return (ssize_t)n;
}

bool replies_take(struct window *w, struct bytes *parts, struct bytes *in, bool message)
{
	while (in->len > 0) {
		const uint8_t *p = bytes_head(in);
		ssize_t k = message                ? cut_message(w, parts, p, in->len)
			    : *p == RV_FRAME_MAGIC ? cut_frame(w, parts, p, in->len)
						   : cut_line(w, p, in->len);

		if (k < 0) {
			w->tally->wrong++;
			return false;
		}
		if (k == 0) {
			return !message;
		}
		bytes_take(in, (size_t)k);
	}
	return true;
}
