#include "traffic/deferred.h"

#include <string.h>
#include "traffic/call.h"
#include "traffic/input.h"

/* Answers lines of a run that is longer; its ticket stays. */
static void answer_lines(
	struct ticket *ticket, size_t lines, unsigned status, const void *text, size_t n)
{
	const struct ticket c = *ticket;
	struct rv_instance *in = c.in;
	struct peer *p = peer_find(in, c.slot, c.client);
	struct request q = {.peer = p};
	struct batch b;

	ticket->lines -= (uint32_t)lines;
	if (!p) {
		return; /* it ended in this turn */
	}
	p->active_ms = (uint32_t)(worker_now(in->worker) / 1000000u);
	batch_begin(&b, in, p);
	b.start_ns = c.start_ns;
	q.batch = &b;
	reply_late_lines(&q, c.line, lines, c.lines, status, text, n);
	batch_finish(&b);
	input_more(in, p);
}

/* Answers and frees the ticket; the peer may go on with what waited behind it. */
static void answer(
	struct traffic *t, struct ticket *ticket, unsigned status, const void *text, size_t n)
{
	const struct ticket c = *ticket;
	struct rv_instance *in = c.in;
	struct peer *p = peer_find(in, c.slot, c.client);
	struct request q = {
		.peer = p, .head = c.line ? 0 : RV_FRAME_HEADER, .id = c.id, .tag = c.tag};
	struct batch b;

	ticket_free(&t->tickets, ticket);
	c.service->deferred--;
	in->n_tickets--;
	if (!p) {
		count(&in->n.late, 1); /* it ended in this turn */
		return;
	}
	p->active_ms = (uint32_t)(worker_now(in->worker) / 1000000u);
	batch_begin(&b, in, p);
	b.start_ns = c.start_ns;
	q.batch = &b;
	if (c.lines) {
		reply_late_lines(&q, c.line, c.lines, c.lines, status, text, n);
	} else if (c.line) {
		reply_late_line(&q, c.line, status, text, n);
	} else {
		p->inflight -= c.bytes;
		reply_text(&q, status, text, n);
	}
	batch_finish(&b);
	input_more(in, p);
}

/* NULL: its time ran out, or nobody waits for it any more. */
static struct ticket *find_to_complete(struct rv_service_worker *sw, rv_ticket id)
{
	struct ticket *ticket = ticket_find(&sw->traffic->tickets, id);

	if (ticket && sw->traffic->in_call) {
		log_error("service %s: complete() inside call() is not allowed", sw->name);
		return NULL;
	}
	return ticket;
}

static enum rv_status known(enum rv_status status)
{
	return status < RV_STATUS_COUNT ? status : RV_STATUS_INTERNAL;
}

static void host_complete(struct rv_service_worker *sw, rv_ticket id, enum rv_status status,
	const void *data, size_t n)
{
	struct ticket *ticket = find_to_complete(sw, id);

	if (!ticket) {
		return;
	}
	if (ticket->lines && status == RV_STATUS_OK) {
		log_error("service %s: complete() of a run is for errors", sw->name);
		return;
	}
	answer(sw->traffic, ticket, known(status), data, n);
}

static void host_complete_lines(struct rv_service_worker *sw, rv_ticket id, size_t lines,
	enum rv_status status, const void *data, size_t n)
{
	struct ticket *ticket = find_to_complete(sw, id);

	if (!ticket || lines == 0) {
		return;
	}
	if (lines > ticket->lines) {
		log_error("service %s: complete_lines() of too many", sw->name);
	} else if (lines == ticket->lines) {
		answer(sw->traffic, ticket, known(status), data, n);
	} else {
		answer_lines(ticket, lines, known(status), data, n);
	}
}

static void host_hold(struct rv_service_worker *sw, bool on)
{
	struct traffic *t = sw->traffic;

	t->held = on;
	for (struct rv_instance *in = on ? NULL : t->instances; in; in = in->next) {
		batch_flush(in);
	}
}

static uint64_t host_timeout(struct rv_service_worker *sw)
{
	return sw->timeout_us;
}

/* The service hears of it, and then the client. */
static void give_up(
	struct traffic *t, struct ticket *ticket, enum rv_status status, const char *sentence)
{
	struct rv_service_worker *sw = ticket->service;
	rv_ticket id = ticket_id(&t->tickets, ticket);

	if (sw->ops->cancelled) {
		sw->ops->cancelled(sw->block, id);
	}
	ticket = ticket_find(&t->tickets, id);
	if (ticket) {
		answer(t, ticket, status, sentence, strlen(sentence));
	}
}

void deferred_expire(struct traffic *t, uint64_t now_ns)
{
	struct ticket *ticket;
	uint32_t at = 0;

	while ((ticket = tickets_due(&t->tickets, now_ns, &at))) {
		give_up(t, ticket, RV_STATUS_TIMEOUT, "the service did not answer in time");
	}
}

/* The first of those who wait for the service goes on. */
static void release_first(struct rv_instance *in)
{
	struct backlog *b = TAILQ_FIRST(&in->held);
	struct peer *p = b->peer;

	backlog_release(b);
	p->bits &= (uint16_t)~PEER_HELD;
	input_more(in, p);
}

void deferred_stop(struct rv_instance *in)
{
	struct traffic *t = in->traffic;
	struct ticket *ticket;
	uint32_t at = 0;

	in->stopping = true;
	while (in->n_tickets > 0 && (ticket = tickets_due(&t->tickets, UINT64_MAX, &at))) {
		if (ticket->in == in) {
			give_up(t, ticket, RV_STATUS_STOPPING, CALL_STOPPING);
		}
	}
	while (!TAILQ_EMPTY(&in->held)) {
		release_first(in);
	}
}

void deferred_quiesce(struct traffic *t)
{
	t->quiescing = true;
	for (struct rv_instance *in = t->instances; in; in = in->next) {
		in->service->paused |= in->service->deferred > 0;
	}
}

void deferred_give_up(struct traffic *t)
{
	struct ticket *ticket;
	uint32_t at = 0;

	while ((ticket = tickets_due(&t->tickets, UINT64_MAX, &at))) {
		give_up(t, ticket, RV_STATUS_STOPPING, CALL_STOPPING);
	}
}

/* Waiting for a service. */

static void release(struct rv_instance *in)
{
	struct backlog *last = TAILQ_LAST(&in->held, backlog_queue), *b;

	while (!in->service->paused && (b = TAILQ_FIRST(&in->held))) {
		bool was_last = b == last; /* who is held again stands behind it */

		release_first(in);
		if (was_last) {
			return;
		}
	}
}

void deferred_release(struct traffic *t)
{
	t->release = false;
	for (struct rv_instance *in = t->instances; in; in = in->next) {
		if (!in->service->paused) {
			release(in);
		}
	}
}

static void host_pause(struct rv_service_worker *sw)
{
	sw->paused = true;
}

static void host_resume(struct rv_service_worker *sw)
{
	if (sw->traffic->quiescing) {
		return;
	}
	sw->paused = false;
	sw->traffic->release = true; /* at the end of the turn */
	sw->traffic->worker.ending = true;
}

static struct event_base *host_event_base(struct rv_service_worker *sw)
{
	return sw->traffic->worker.base;
}

static PRINTF(3, 4) void host_log(struct rv_service_worker *sw, int prio, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vmsg(prio, sw->name, fmt, ap);
	va_end(ap);
}

const struct rv_service_host deferred_host = {
	.size = sizeof(struct rv_service_host),
	.event_base = host_event_base,
	.room = call_room,
	.defer = call_defer,
	.complete = host_complete,
	.pause = host_pause,
	.resume = host_resume,
	.log = host_log,
	.complete_lines = host_complete_lines,
	.hold = host_hold,
	.timeout = host_timeout,
};
