#include "exec/answers.h"

#include <revd/wire.h>

#define MALFORMED "printed what is not the frame of an answer"
#define NOT_ASKED "answered a request that it has not got"

static const char *judge(const struct answers *a, const struct flights *f, const uint8_t *p,
	struct rv_frame *ret)
{
	if (p[0] != RV_FRAME_MAGIC) {
		return MALFORMED;
	}
	rv_frame_load(p, ret);
	if (ret->version != RV_FRAME_VERSION || ret->flags != RV_FRAME_REPLY ||
		ret->code >= RV_STATUS_COUNT) {
		return MALFORMED;
	}
	if (ret->length > a->max) {
		return "printed an answer that is too long";
	}
	return ret->id >= f->first + f->n ? NOT_ASKED : NULL;
}

/* Those in front that are answered are forgotten. An answer to one of them, a second one
 * or one that came too late, is nobody's. */
static void take_frame(
	struct answers *a, struct flights *f, const struct rv_frame *frame, const uint8_t *text)
{
	struct flight *which;
	rv_ticket ticket;

	if (frame->id < f->first) {
		return;
	}
	which = flights_at(f, (size_t)(frame->id - f->first));
	ticket = which->ticket;
	which->ticket = 0;
	while (f->n > 0 && !flights_at(f, 0)->ticket) {
		flights_pop(f);
	}
	if (ticket) { /* others may be asked from inside */
		a->answer(a->ctx, ticket, 0, (enum rv_status)frame->code, text, frame->length);
	}
}

/* The whole frames of n bytes; *ret is how many bytes they are. */
static const char *take_frames(
	struct answers *a, struct flights *f, const uint8_t *data, size_t n, size_t *ret)
{
	struct rv_frame frame;
	const char *why = NULL;
	size_t at = 0;

	while (n - at >= RV_FRAME_HEADER && !(why = judge(a, f, data + at, &frame)) &&
		n - at - RV_FRAME_HEADER >= frame.length) {
		take_frame(a, f, &frame, data + at + RV_FRAME_HEADER);
		at += RV_FRAME_HEADER + frame.length;
	}
	*ret = at;
	return why;
}

const char *answers_frames(struct answers *a, struct flights *f, const uint8_t *data, size_t n)
{
	const char *why;
	size_t k;

	if (a->partial.len == 0) {
		why = take_frames(a, f, data, n, &k);
		data += k;
		n -= k;
		if (why || n == 0) {
			return why;
		}
		return bytes_put(&a->partial, data, n) < 0 ? "could not be read: out of memory"
							    : NULL;
	}
	if (bytes_put(&a->partial, data, n) < 0) {
		return "could not be read: out of memory";
	}
	why = take_frames(a, f, bytes_head(&a->partial), a->partial.len, &k);
	bytes_take(&a->partial, k);
	return why;
}
