/*
 * The fast way for byte streams: a run of lines goes to the service in one call,
 * which writes their replies behind each other. What it leaves, and whatever is
 * not a whole line within the limits, goes piece by piece through splitter,
 * request.c and reply.c, which give the same answers.
 */
#include "core/internal.h"

#include <string.h>

/* Replies of a run are written without a look at limits that only these keep. */
bool lines_fit(const struct rv_instance *in, const struct peer *p)
{
	return in->service->service->lines && p->bits & PEER_STREAM && !p->max_line && !p->refuse;
}

/* Whole lines in front of the first frame. A 0xFF that belongs to no frame only
 * ends the run early. */
static void find_run(struct run *r, const uint8_t *data, size_t off, size_t n)
{
	const uint8_t *ff = memchr(data + off, RV_FRAME_MAGIC, n - off);
	const uint8_t *lf;

	r->looked = ff ? (size_t)(ff - data) + 1 : n;
	lf = memrchr(data + off, '\n', r->looked - off);
	r->end = lf ? (size_t)(lf - data) + 1 : off;
}

static void count_lines(struct batch *b, size_t n)
{
	struct rv_instance *in = b->in;

	count(&in->n.requests, n);
	count(&in->n.lines, n);
	count(&in->n.ops[RV_OP_CALL], n);
	count(&in->n.replies, n);
	count(&in->n.status[RV_STATUS_OK], n);
	b->answered += n;
}

size_t lines_queue(
	struct batch *b, struct peer *p, struct run *r, const uint8_t *data, size_t off, size_t n)
{
	if (off >= r->looked) {
		find_run(r, data, off, n);
	}
	if (off >= r->end) {
		return 0;
	}
	queue_lines(b->in, p, data + off, r->end - off, 0);
	return r->end - off;
}

size_t lines_serve(
	struct batch *b, struct peer *p, struct run *r, const uint8_t *data, size_t off, size_t n)
{
	const struct rv_service_worker *sw = b->in->service;
	struct worker *w = b->in->worker;
	struct rv_lines l;

	if (off >= r->looked) {
		find_run(r, data, off, n);
	}
	if (off >= r->end || batch_reserve(b, p, 1) < 0) {
		return 0;
	}
	l = (struct rv_lines){.in = data + off,
		.n = r->end - off,
		.out = b->room.data + b->used,
		.room = b->room.size - b->used,
		.max = b->in->limits.max_request,
		.uid = b->source->uid};
	w->in_call = true;
	sw->service->lines(sw->service->block, sw->block, &l);
	w->in_call = false;
	if (UNLIKELY(l.taken > l.n || l.used > l.room || !l.lines != !l.taken)) {
		instance_log(b->in, LOG_ERR, "service %s: lines() returns nonsense",
			sw->service->ops->name);
		return 0; /* call() gets them */
	}
	if (l.lines > 0) {
		b->used += l.used;
		b->filled = true;
		b->tag = 0;
		count_lines(b, l.lines);
	}
	return l.taken;
}
