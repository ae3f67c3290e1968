#include "traffic/run.h"

#include <string.h>
#include "traffic/service_worker.h"

/* Replies of a run are written without a look at limits that only these keep, and
 * without a look at the replies that must come before them. */
bool run_fits(const struct rv_instance *in, const struct peer *p)
{
	return in->service->lines && p->bits & PEER_STREAM && !p->max_line && !p->refuse &&
	       !(peer_keeps_order(p));
}

/* Whole lines in front of the first frame. A 0xFF that belongs to no frame only
 * ends the run early. */
static void look(struct line_run *r, const uint8_t *data, size_t off, size_t n)
{
	const uint8_t *ff = memchr(data + off, RV_FRAME_MAGIC, n - off);
	const uint8_t *lf;

	r->looked = ff ? (size_t)(ff - data) + 1 : n;
	lf = memrchr(data + off, '\n', r->looked - off);
	r->end = lf ? (size_t)(lf - data) + 1 : off;
}

size_t run_find(struct line_run *r, const uint8_t *data, size_t off, size_t n)
{
	if (off >= r->looked) {
		look(r, data, off, n);
	}
	return off < r->end ? r->end - off : 0;
}

static void count_run(struct batch *b, const struct rv_lines *l)
{
	struct rv_instance *in = b->in;

	count(&in->n.requests, l->lines);
	count(&in->n.lines, l->lines);
	count(&in->n.ops[RV_OP_CALL], l->lines);
	count(&in->n.replies, l->lines);
	count(&in->n.status[RV_STATUS_OK], l->lines);
	b->answered += l->lines;
}

/* Whole lines, as many as it says, each with a reply that is one. */
static bool is_nonsense(const struct rv_lines *l)
{
	if (l->taken == 0) {
		return l->lines > 0;
	}
	return l->taken > l->n || l->in[l->taken - 1] != '\n' || l->lines == 0 ||
	       l->lines > l->taken || l->used > l->room || l->used < l->lines ||
	       l->out[l->used - 1] != '\n';
}

size_t run_serve(struct batch *b, struct peer *p, struct line_run *r, const uint8_t *data,
	size_t off, size_t n)
{
	const struct rv_service_worker *sw = b->in->service;
	size_t k = run_find(r, data, off, n);
	struct rv_lines l;

	if (k == 0 || sw->paused || b->in->stopping || batch_reserve(b, p, 1) < 0) {
		return 0;
	}
	l = (struct rv_lines){.in = data + off,
		.n = k,
		.out = b->tail,
		.room = b->left,
		.max = b->in->limits.max_request,
		.uid = b->source->uid,
		.client = p->client};
	p->bits |= PEER_KNOWN;
	b->in->traffic->in_call = true;
	sw->lines(sw->service, sw->block, &l);
	b->in->traffic->in_call = false;
	if (UNLIKELY(is_nonsense(&l))) {
		instance_log(b->in, LOG_ERR, "service %s: lines() returns nonsense", sw->ops->name);
		return 0; /* call() gets them */
	}
	if (l.lines > 0) {
		count_run(b, &l);
		batch_advance(b, l.used, 0);
	}
	return l.taken;
}
