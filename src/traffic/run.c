#include "traffic/run.h"

#include <string.h>
#include "traffic/call.h"
#include "traffic/probe.h"
#include "traffic/service_worker.h"

/* Replies of a run are written without a look at limits that only these keep, and
 * without a look at the replies that must come before them. */
bool run_fits(const struct rv_instance *in, const struct peer *p)
{
	const struct rv_service_worker *sw = in->service;

	return p->bits & PEER_STREAM && !p->max_line && !p->refuse &&
	       (sw->lines_later || (sw->lines && !peer_keeps_order(p)));
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

	PROBE_REQUEST_START(in->name, l->taken, l->lines);
	peer_count(b->source, l->lines);
	count(&in->n.requests, l->lines);
	count(&in->n.lines, l->lines);
	count(&in->n.ops[RV_OP_CALL], l->lines);
}

/* Whole lines, as many as it says, each with a reply that is one. */
static bool is_nonsense(const struct rv_lines *l)
{
	if (l->taken == 0) {
		return l->lines > 0;
	}
	return l->taken > l->n || l->in[l->taken - 1] != '\n' || l->lines == 0 ||
	       l->lines > l->taken;
}

static bool is_nonsense_reply(const struct rv_lines *l)
{
	return l->lines > 0 &&
	       (l->used > l->room || l->used < l->lines || l->out[l->used - 1] != '\n');
}

/* The service takes a run, perhaps, and answers it later. Returns the bytes taken. */
static size_t run_later(struct batch *b, struct peer *p, struct rv_lines *l)
{
	const struct rv_service_worker *sw = b->in->service;
	struct request q = {.batch = b, .peer = p, .line = true, .term = 1};
	rv_ticket id = call_make_ticket(&q, b->in->service);

	if (!id) {
		return 0;
	}
	p->bits |= PEER_KNOWN;
	b->in->traffic->in_call = true;
	sw->lines_later(sw->service, sw->block, l, id);
	b->in->traffic->in_call = false;
	if (UNLIKELY(is_nonsense(l))) {
		instance_log(b->in, LOG_ERR, "service %s: lines_later() returns nonsense",
			sw->ops->name);
		l->taken = 0;
	}
	if (l->taken == 0) {
		call_withdraw(&q, id); /* call() gets them */
		return 0;
	}
	call_set_run(&q, id, l->lines, l->taken);
	count_run(b, l);
	return l->taken;
}

size_t run_serve(struct batch *b, struct peer *p, struct line_run *r, const uint8_t *data,
	size_t off, size_t n)
{
	const struct rv_service_worker *sw = b->in->service;
	size_t k = run_find(r, data, off, n);
	struct rv_lines l;

	if (k == 0 || sw->paused || b->in->stopping) {
		return 0;
	}
	l = (struct rv_lines){.in = data + off,
		.n = k,
		.max = b->in->limits.max_request,
		.uid = b->source->uid,
		.client = p->client};
	if (sw->lines_later) {
		return run_later(b, p, &l);
	}
	if (batch_reserve(b, p, 1) < 0) {
		return 0;
	}
	l.out = b->tail;
	l.room = b->left;
	p->bits |= PEER_KNOWN;
	b->in->traffic->in_call = true;
	sw->lines(sw->service, sw->block, &l);
	b->in->traffic->in_call = false;
	if (UNLIKELY(is_nonsense(&l) || is_nonsense_reply(&l))) {
		instance_log(b->in, LOG_ERR, "service %s: lines() returns nonsense", sw->ops->name);
		return 0; /* call() gets them */
	}
	if (l.lines > 0) {
		count_run(b, &l);
		batch_count_many(b, RV_STATUS_OK, l.used, l.lines);
		batch_advance(b, l.used, 0);
	}
	return l.taken;
}
