/*
 * Requests that the service answers later. A ticket is generation << 32 | slot
 * + 1, never a pointer, so that an answer to a request whose peer left, or whose
 * time ran out, is a counted no-op.
 */
#include "core/internal.h"

#include <errno.h>
#include <string.h>

#define TICKET_BYTES 64 /* what a request in the service counts for beside its bytes */

static int add_tickets(struct worker *w)
{
	uint32_t n = w->n_tickets ? 2 * w->n_tickets : 64;
	struct ticket *t = realloc(w->tickets, n * sizeof(*t));

	if (!t) {
		return -ENOMEM;
	}
	w->tickets = t;
	for (uint32_t i = n; i-- > w->n_tickets;) {
		t[i] = (struct ticket){.generation = 1, .next = w->free_ticket};
		w->free_ticket = i + 1;
	}
	w->n_tickets = n;
	return 0;
}

struct ticket *ticket_create(struct request *q, rv_ticket *ret)
{
	struct rv_instance *in = q->batch->in;
	struct worker *w = in->worker;
	struct peer *p = q->peer;
	struct ticket *t;
	uint32_t generation;

	if (!w->free_ticket && add_tickets(w) < 0) {
		return NULL;
	}
	t = &w->tickets[w->free_ticket - 1];
	*ret = (uint64_t)t->generation << 32 | w->free_ticket;
	w->free_ticket = t->next;
	generation = t->generation;
	*t = (struct ticket){
		.generation = generation,
		.used = true,
		.line = q->line,
		.in = in,
		.service = in->service,
		.slot = p->slot,
		.peer_generation = p->generation,
		.tag = q->tag,
		.bytes = q->bytes + TICKET_BYTES,
		.term = q->term,
		.id = q->id,
		.start_ns = q->batch->start_ns,
		.deadline_ns = worker_now(w) + in->limits.service_ns,
	};
	w->used_tickets++;
	in->service->deferred++;
	p->inflight += t->bytes;
	if (q->line) {
		p->bits |= PEER_LINE_WAIT;
	}
	worker_want_tick(w);
	return t;
}

static struct ticket *find_ticket(struct worker *w, rv_ticket id)
{
	uint32_t index = (uint32_t)id;

	if (index < 1 || index > w->n_tickets || !w->tickets[index - 1].used ||
		w->tickets[index - 1].generation != (uint32_t)(id >> 32)) {
		return NULL;
	}
	return &w->tickets[index - 1];
}

static void ticket_free(struct worker *w, struct ticket *t)
{
	struct rv_service_worker *sw = t->service;

	t->used = false;
	t->generation++;
	t->next = w->free_ticket;
	w->free_ticket = (uint32_t)(t - w->tickets) + 1;
	w->used_tickets--;
	sw->deferred--;
}

/* Answers and frees the ticket; the peer may go on with what waited behind it. */
static void ticket_answer(
	struct worker *w, struct ticket *t, unsigned status, const void *data, size_t n)
{
	const struct ticket c = *t;
	struct rv_instance *in = c.in;
	struct peer *p = peer_find(in, c.slot, c.peer_generation);
	struct request q = {.peer = p, .line = c.line, .term = c.term, .id = c.id, .tag = c.tag};
	struct batch b;

	ticket_free(w, t);
	if (!p) {
		count(&in->n.late, 1);
		return;
	}
	p->inflight -= c.bytes;
	p->active_ms = (uint32_t)(worker_now(w) / 1000000u);
	if (c.line) {
		p->bits &= (uint16_t)~PEER_LINE_WAIT;
	}
	batch_begin(&b, in, p);
	b.start_ns = c.start_ns;
	q.batch = &b;
	reply_data(&q, status < RV_STATUS_COUNT ? status : RV_STATUS_INTERNAL, data, n);
	batch_finish(&b);
	serve_more(in, p);
}

static void host_complete(struct rv_service_worker *sw, rv_ticket id, enum rv_status status,
	const void *data, size_t n)
{
	struct ticket *t = find_ticket(sw->worker, id);

	if (!t) {
		return; /* its time ran out, or its endpoint was closed */
	}
	if (sw->worker->in_call) {
		log_error("service %s: complete() inside call() is not allowed",
			sw->service->cfg->name);
		return;
	}
	ticket_answer(sw->worker, t, status, data, n);
}

void tickets_drop(struct worker *w, const struct rv_instance *in)
{
	for (uint32_t i = 0; i < w->n_tickets; i++) {
		if (w->tickets[i].used && w->tickets[i].in == in) {
			ticket_free(w, &w->tickets[i]);
		}
	}
}

void tickets_expire(struct worker *w, uint64_t now_ns)
{
	static const char sentence[] = "the service did not answer in time";

	for (uint32_t i = 0; i < w->n_tickets; i++) {
		struct ticket *t = &w->tickets[i];

		if (t->used && now_ns >= t->deadline_ns) {
			ticket_answer(w, t, RV_STATUS_TIMEOUT, sentence, sizeof(sentence) - 1);
		}
	}
}

static struct event_base *host_event_base(struct rv_service_worker *sw)
{
	return sw->worker->base;
}

static PRINTF(3, 4) void host_log(struct rv_service_worker *sw, int prio, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vmsg(prio, sw->service->cfg->name, fmt, ap);
	va_end(ap);
}

const struct rv_service_host defer_host = {
	.size = sizeof(struct rv_service_host),
	.event_base = host_event_base,
	.room = reply_room,
	.defer = reply_defer,
	.complete = host_complete,
	.log = host_log,
};
