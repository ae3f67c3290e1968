#include "traffic/call.h"

#include <string.h>
#include "proto/encode.h"
#include "traffic/service_worker.h"

/* The reply that a service is writing, with what we know of it. */
struct sink {
	struct rv_reply reply;
	struct request *request;
	bool scratch;     /* it is in scratch memory, not in the transport's */
	rv_ticket ticket; /* that the service has taken; 0: none */
};

static uint8_t *use_scratch(struct sink *s, size_t n)
{
	s->reply.data = traffic_scratch(s->request->batch->in->traffic, n);
	s->reply.room = s->reply.data ? n : 0;
	s->scratch = true;
	return s->reply.data;
}

/* Lets the service write into the transport's memory: at least n bytes. */
static bool use_transport(struct sink *s, size_t n)
{
	struct request *q = s->request;
	struct batch *b = q->batch;
	size_t around = q->head + q->term;
	size_t max = q->line ? q->peer->max_line : q->peer->max_message;

	if (UNLIKELY(q->line && peer_keeps_order(q->peer)) || (max && around + n > max) ||
		batch_reserve(b, q->peer, around + n) < 0) {
		return false;
	}
	s->reply.data = b->tail + q->head;
	s->reply.room = b->left;
	if (max) {
		s->reply.room = MIN(s->reply.room, max);
	}
	s->reply.room -= around;
	return true;
}

uint8_t *call_room(struct rv_reply *r, size_t n)
{
	struct sink *s = CONTAINER_OF(r, struct sink, reply);

	if (!s->scratch && use_transport(s, n)) {
		return s->reply.data;
	}
	return use_scratch(s, n);
}

/* A place among the lines whose replies keep their order. */
static bool take_place(struct request *q, struct ticket *t)
{
	struct order_line *l;

	if (!q->line) {
		return true;
	}
	l = order_add(&q->peer->backlog->order, q->term, q->tag);
	if (l) {
		t->line = l;
		l->request = t->bytes;
	}
	return l != NULL;
}

rv_ticket call_make_ticket(struct request *q, struct rv_service_worker *sw)
{
	struct rv_instance *in = q->batch->in;
	struct tickets *ts = &in->traffic->tickets;
	struct peer *p = q->peer;
	rv_ticket id;
	struct ticket *t = peer_backlog(p) ? ticket_create(ts, &p->backlog->tickets, &id) : NULL;

	if (!t) {
		return 0;
	}
	t->in = in;
	t->service = sw;
	t->slot = p->slot;
	t->client = p->client;
	t->tag = q->tag;
	t->bytes = q->bytes + REQUEST_COST;
	t->id = q->id;
	t->start_ns = q->batch->start_ns;
	/* the main thread answers in any case, and nobody may think that it has not */
	t->deadline_ns = sw == in->traffic->control
				 ? UINT64_MAX
				 : worker_now(in->worker) + in->limits.service_ns;
	if (!take_place(q, t)) {
		ticket_free(ts, t);
		return 0;
	}
	in->n_tickets++;
	sw->deferred++;
	sw->paused |= in->traffic->quiescing;
	p->inflight += t->bytes;
	worker_want_tick(in->worker);
	return id;
}

rv_ticket call_defer(struct rv_reply *r)
{
	struct sink *s = CONTAINER_OF(r, struct sink, reply);

	if (s->ticket) {
		return 0; /* one for a request */
	}
	s->ticket = call_make_ticket(s->request, s->request->batch->in->service);
	return s->ticket;
}

void call_set_run(struct request *q, rv_ticket id, size_t lines, size_t bytes)
{
	struct ticket *t = ticket_find(&q->batch->in->traffic->tickets, id);
	uint32_t cost = (uint32_t)(bytes + lines * REQUEST_COST);

	q->peer->inflight += cost - t->bytes;
	t->bytes = t->line->request = cost;
	t->lines = (uint32_t)lines;
}

void call_withdraw(struct request *q, rv_ticket id)
{
	struct rv_instance *in = q->batch->in;
	struct tickets *ts = &in->traffic->tickets;
	struct ticket *t = ticket_find(ts, id);

	in->n_tickets--;
	t->service->deferred--;
	q->peer->inflight -= t->bytes;
	if (t->line) {
		order_remove(&q->peer->backlog->order, t->line);
	}
	ticket_free(ts, t);
}

/* What is not the plain case: errors, results in scratch memory, too large ones. */
static void finish_elsewhere(struct sink *s, int status)
{
	struct request *q = s->request;
	uint8_t sentence[REPLY_SENTENCE];
	size_t n = s->reply.len;

	if (status == RV_STATUS_OK) {
		reply_text(q, RV_STATUS_OK, s->reply.data, n);
		return;
	}
	if (status < 0 || status >= RV_STATUS_COUNT) {
		status = RV_STATUS_INTERNAL;
	}
	if (!s->reply.data) {
		reply_status(q, RV_STATUS_INTERNAL, "out of memory");
		return;
	}
	n = MIN(n, sizeof(sentence));
	memcpy(sentence, s->reply.data, n); /* it may lie where the reply will go */
	reply_text(q, (unsigned)status, sentence, n);
}

/* The plain case: the text stands where it belongs. */
static void finish_in_place(struct request *q, size_t n)
{
	struct batch *b = q->batch;

	if (q->line) {
		encode_terminator(b->tail + n, q->term);
	} else {
		rv_reply_store(b->tail, RV_STATUS_OK, 0, n, q->id);
	}
	batch_count(b, RV_STATUS_OK, n);
	batch_advance(b, q->head + n + q->term, q->tag);
}

void call_service(struct request *q, const uint8_t *text, size_t n)
{
	struct rv_instance *in = q->batch->in;
	const struct rv_service_worker *sw = in->service;
	const struct rv_request request = {.data = text,
		.len = n,
		.uid = q->batch->source->uid,
		.client = q->peer->client,
		.gid = q->batch->source->gid,
		.endpoint = in->name,
		.transport = in->ops->name,
		.max = in->limits.max_request};
	struct sink s = {.reply = {.host = sw->host}, .request = q};
	int status;

	if (UNLIKELY(in->stopping)) {
		reply_status(q, RV_STATUS_STOPPING, CALL_STOPPING);
		return;
	}
	if (UNLIKELY(!use_transport(&s, REPLY_SENTENCE)) && !use_scratch(&s, REPLY_SENTENCE)) {
		reply_status(q, RV_STATUS_INTERNAL, "out of memory");
		return;
	}
	q->peer->bits |= PEER_KNOWN;
	in->traffic->in_call = true;
	status = sw->ops->call(sw->service, sw->block, &request, &s.reply);
	in->traffic->in_call = false;
	if (UNLIKELY(s.ticket)) {
		if (status == RV_REPLY_LATER) {
			return;
		}
		call_withdraw(q, s.ticket); /* it has answered all the same */
	}
	if (LIKELY(status == RV_STATUS_OK && !s.scratch && s.reply.len <= in->limits.max_request)) {
		finish_in_place(q, s.reply.len);
	} else {
		finish_elsewhere(&s, status);
	}
}
