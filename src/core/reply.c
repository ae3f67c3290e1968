/*
 * From a request to the bytes of its reply.
 *
 * The fast path: the service writes into the transport's own memory, behind
 * the room for a header; many replies to one stream share a reservation, which
 * is committed and flushed once per batch of input. What does not fit the
 * transport now (a reply larger than a message, a queue that is full) is *held*
 * by its peer and sent as the transport takes it, in fragments if need be.
 */
#include "core/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "proto/status.h"

#define SENTENCE 256     /* bytes that rv_reply_fail() asks for */
#define HELD_MESSAGES 16 /* of the largest size, that may wait for one connection */

/* The reply that a service is writing, with what the core knows of it. */
struct sink {
	struct rv_reply reply;
	struct request *request;
	bool scratch; /* it is in the worker's scratch memory, not in the transport's */
	bool deferred;
};

void batch_begin(struct batch *b, struct rv_instance *in, struct peer *source)
{
	*b = (struct batch){.in = in, .source = source, .start_ns = worker_now(in->worker)};
}

static void mark_dirty(struct rv_instance *in, struct peer *p)
{
	if (p->bits & PEER_DIRTY) {
		return;
	}
	if (in->n_dirty == in->dirty_size) {
		size_t size = in->dirty_size ? 2 * in->dirty_size : 64;
		uint32_t *dirty = realloc(in->dirty, size * sizeof(*dirty));

		if (!dirty) {
			in->ops->flush(in->block, peer_block(p));
			return;
		}
		in->dirty = dirty;
		in->dirty_size = size;
	}
	in->dirty[in->n_dirty++] = p->slot;
	p->bits |= PEER_DIRTY;
}

static void batch_commit(struct batch *b)
{
	struct peer *p = b->out;

	if (!p) {
		return;
	}
	b->out = NULL;
	count(&b->in->n.tx_bytes, b->used);
	b->in->ops->commit(
		b->in->block, peer_block(p), b->filled ? b->used : RV_COMMIT_NONE, b->tag);
	if (b->filled) {
		mark_dirty(b->in, p);
	}
}

/* A new reservation, whatever is held. */
static int reserve(struct batch *b, struct peer *p, size_t min)
{
	int r;

	batch_commit(b);
	if (p->bits & (PEER_GONE | PEER_CLOSING)) {
		return -ENOTCONN;
	}
	if (p->bits & PEER_BLOCKED) {
		return -EAGAIN;
	}
	r = b->in->ops->reserve(b->in->block, peer_block(p), min, &b->room);
	if (r == -EAGAIN) {
		p->bits |= PEER_BLOCKED;
	}
	if (r == 0 && p->bits & PEER_GONE) {
		/* it ended in a flush that made room */
		b->in->ops->commit(b->in->block, peer_block(p), RV_COMMIT_NONE, 0);
		r = -ENOTCONN;
	}
	if (r < 0) {
		return r;
	}
	b->out = p;
	b->used = 0;
	b->filled = false;
	return 0;
}

int batch_reserve(struct batch *b, struct peer *p, size_t min)
{
	if (LIKELY(b->out == p && b->room.size - b->used >= min)) {
		return 0;
	}
	if (p->extra && p->extra->held) {
		return -EAGAIN; /* not before what is held */
	}
	return reserve(b, p, min);
}

void batch_finish(struct batch *b)
{
	struct rv_instance *in = b->in;

	batch_commit(b);
	for (size_t i = 0; i < in->n_dirty; i++) {
		struct peer *p = peer_at(in, in->dirty[i]);

		p->bits &= (uint16_t)~PEER_DIRTY;
		if (!(p->bits & (PEER_GONE | PEER_BLOCKED))) {
			in->ops->flush(in->block, peer_block(p));
		}
	}
	in->n_dirty = 0;
	if (b->answered) {
		in->worker->now_ns = 0; /* the next batch of this turn starts now */
		in->worker->served_ns = worker_now(in->worker);
		hist_add(&in->latency, in->worker->served_ns - b->start_ns, b->answered);
	}
}

/* Accounts for one reply that is about to be sent or held. */
static void count_reply(const struct request *q, unsigned status)
{
	struct rv_instance *in = q->batch->in;

	count(&in->n.replies, 1);
	count(&in->n.status[status < RV_STATUS_COUNT ? status : RV_STATUS_INTERNAL], 1);
	q->batch->answered++;
}

static void store_header(uint8_t *p, uint8_t status, uint8_t flags, size_t n, uint64_t id)
{
	const struct rv_frame f = {
		.version = RV_FRAME_VERSION,
		.code = status,
		.flags = RV_FRAME_REPLY | flags,
		.length = (uint32_t)n,
		.id = id,
	};

	rv_frame_store(p, &f);
}

static size_t put_terminator(uint8_t *p, unsigned term)
{
	if (term == 2) {
		*p++ = '\r';
	}
	if (term > 0) {
		*p = '\n';
	}
	return term;
}

/* Held replies. */

void held_free(struct rv_instance *in, struct peer *p)
{
	struct peer_extra *x = p->extra;

	while (x->held) {
		struct held *h = x->held;

		x->held = h->next;
		p->inflight -= h->request;
		count(&in->n.drops[p->bits & PEER_GONE ? RV_DROP_PEER_GONE : RV_DROP_OUTPUT], 1);
		free(h);
	}
	x->held_end = &x->held;
	x->held_bytes = 0;
}

static void drop_reply(const struct request *q, enum rv_drop why)
{
	count(&q->batch->in->n.drops[why], 1);
}

/* A connection that is held up is not served any further, but many replies may
 * still come out of the service. */
static size_t held_limit(const struct rv_instance *in, const struct peer *p)
{
	const struct limits *l = &in->limits;
	size_t messages = p->bits & (PEER_SHARED | PEER_REPLY_ONLY) ? 1 : HELD_MESSAGES;

	return l->max_inflight + messages * l->max_request;
}

/* There is no room for a reply. A client that shares its channel has to miss it;
 * a connection ends, so that its client does not wait for ever. */
static void lose_reply(const struct request *q)
{
	struct peer *p = q->peer;

	drop_reply(q, RV_DROP_OUTPUT);
	if (!(p->bits & (PEER_SHARED | PEER_REPLY_ONLY))) {
		p->bits |= PEER_EOF | PEER_POISONED;
	}
}

/* Puts a reply aside for its peer: `head` bytes, then n of data, then the
 * terminator of a line. */
static void hold(
	struct request *q, unsigned status, const char *head, const uint8_t *data, size_t n)
{
	struct rv_instance *in = q->batch->in;
	struct peer *p = q->peer;
	struct peer_extra *x = peer_extra(p);
	size_t prefix = strlen(head), len = prefix + n + (q->line ? q->term : 0);
	struct held *h;

	if (p->bits & (PEER_GONE | PEER_CLOSING)) {
		drop_reply(q, RV_DROP_PEER_GONE);
		return;
	}
	if (!x || x->held_bytes + len > held_limit(in, p)) {
		lose_reply(q);
		return;
	}
	h = malloc(sizeof(*h) + len);
	if (!h) {
		lose_reply(q);
		return;
	}
	*h = (struct held){.len = len,
		.request = q->bytes,
		.tag = q->tag,
		.id = q->id,
		.status = (uint8_t)status,
		.frame = !q->line};
	memcpy(h->payload, head, prefix);
	if (n > 0) {
		memcpy(h->payload + prefix, data, n);
	}
	if (q->line) {
		put_terminator(h->payload + prefix + n, q->term);
	}
	*x->held_end = h;
	x->held_end = &h->next;
	x->held_bytes += len;
	p->inflight += q->bytes;
	(void)held_pump(q->batch, p);
}

/* The next piece of a held reply: a line, a whole frame or a fragment. */
static int pump_piece(struct batch *b, struct peer *p, struct held *h)
{
	size_t head = h->frame ? RV_FRAME_HEADER : 0;
	size_t n = h->len - h->sent;
	uint8_t *out;
	int r;

	if (h->frame && p->max_message) {
		n = MIN(n, p->max_message - RV_FRAME_HEADER);
	}
	r = reserve(b, p, head + n);
	if (r < 0) {
		return r;
	}
	out = b->room.data;
	if (h->frame) {
		bool more = h->sent + n < h->len;

		store_header(out, h->status, more ? RV_FRAME_MORE : 0, n, h->id);
	}
	memcpy(out + head, h->payload + h->sent, n);
	h->sent += n;
	b->used = head + n;
	b->tag = h->tag;
	b->filled = true;
	batch_commit(b);
	return 0;
}

bool held_pump(struct batch *b, struct peer *p)
{
	struct peer_extra *x = p->extra;

	while (x && x->held) {
		struct held *h = x->held;
		int r = pump_piece(b, p, h);

		if (r == -EAGAIN) {
			peer_watch(b->in, p);
			return false;
		}
		if (r < 0) {
			held_free(b->in, p);
			return true;
		}
		if (h->sent < h->len) {
			continue;
		}
		x->held = h->next;
		if (!x->held) {
			x->held_end = &x->held;
		}
		x->held_bytes -= h->len;
		p->inflight -= h->request;
		free(h);
	}
	return true;
}

/* Replies. */

static void send_line(struct request *q, unsigned status, const uint8_t *data, size_t n)
{
	struct batch *b = q->batch;
	struct peer *p = q->peer;
	char head[32] = "";
	size_t prefix, total;
	uint8_t *out;
	int r;

	if (status != RV_STATUS_OK) {
		snprintf(head, sizeof(head), "%c%s: ", RV_NAK, status_name(status));
	}
	prefix = strlen(head);
	total = prefix + n + q->term;
	r = batch_reserve(b, p, total);
	if (r == -EAGAIN) {
		hold(q, status, head, data, n);
		return;
	}
	if (r < 0) {
		drop_reply(q, RV_DROP_PEER_GONE);
		return;
	}
	out = b->room.data + b->used;
	memcpy(out, head, prefix);
	if (n > 0) {
		memcpy(out + prefix, data, n);
	}
	put_terminator(out + prefix + n, q->term);
	b->used += total;
	b->tag = q->tag;
	b->filled = true;
	if (!(p->bits & PEER_STREAM)) {
		batch_commit(b);
	}
}

static void send_frame(struct request *q, unsigned status, const uint8_t *data, size_t n)
{
	struct batch *b = q->batch;
	struct peer *p = q->peer;
	size_t total = RV_FRAME_HEADER + n;
	int r;

	if (p->max_message && total > p->max_message) {
		hold(q, status, "", data, n);
		return;
	}
	r = batch_reserve(b, p, total);
	if (r == -EAGAIN) {
		hold(q, status, "", data, n);
		return;
	}
	if (r < 0) {
		drop_reply(q, RV_DROP_PEER_GONE);
		return;
	}
	store_header(b->room.data + b->used, (uint8_t)status, 0, n, q->id);
	if (n > 0) {
		memcpy(b->room.data + b->used + RV_FRAME_HEADER, data, n);
	}
	b->used += total;
	b->tag = q->tag;
	b->filled = true;
	if (!(p->bits & PEER_STREAM)) {
		batch_commit(b);
	}
}

void reply_status(struct request *q, enum rv_status status, const char *fmt, ...)
{
	char text[SENTENCE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = n < 0 ? 0 : MIN(n, SENTENCE - 1);
	reply_data(q, status, (const uint8_t *)text, (size_t)n);
}

void reply_data(struct request *q, unsigned status, const uint8_t *data, size_t n)
{
	const struct rv_instance *in = q->batch->in;
	size_t max = q->peer->max_line;

	if (status == RV_STATUS_OK && n > in->limits.max_request && q->op == RV_OP_CALL) {
		reply_status(q, RV_STATUS_TOO_LARGE, "%zu bytes of reply, the limit is %zu", n,
			in->limits.max_request);
		return;
	}
	if (q->line && max && n + q->term > max && status == RV_STATUS_OK) {
		reply_status(q, RV_STATUS_TOO_LARGE, "%zu bytes of reply, a message takes %zu", n,
			max - q->term);
		return;
	}
	count_reply(q, status);
	if (q->line) {
		send_line(q, status, data, n);
	} else {
		send_frame(q, status, data, n);
	}
}

static uint8_t *use_scratch(struct sink *s, size_t n)
{
	s->reply.data = worker_scratch(s->request->batch->in->worker, n);
	s->reply.room = s->reply.data ? n : 0;
	s->scratch = true;
	return s->reply.data;
}

/* Lets the service write into the transport's memory: at least n bytes. */
static bool use_transport(struct sink *s, size_t n)
{
	struct request *q = s->request;
	struct batch *b = q->batch;
	size_t head = q->line ? 0 : RV_FRAME_HEADER, tail = q->line ? q->term : 0;
	size_t max = q->line ? q->peer->max_line : q->peer->max_message;

	if ((max && head + n + tail > max) || batch_reserve(b, q->peer, head + n + tail) < 0) {
		return false;
	}
	s->reply.data = b->room.data + b->used + head;
	s->reply.room = b->room.size - b->used;
	if (max) {
		s->reply.room = MIN(s->reply.room, max);
	}
	s->reply.room -= head + tail;
	return true;
}

uint8_t *reply_room(struct rv_reply *r, size_t n)
{
	struct sink *s = CONTAINER_OF(r, struct sink, reply);

	if (!s->scratch && use_transport(s, n)) {
		return s->reply.data;
	}
	return use_scratch(s, n);
}

/* The service has written its result in place: wrap it up. */
static void finish_in_place(struct sink *s)
{
	struct request *q = s->request;
	struct batch *b = q->batch;
	uint8_t *out = b->room.data + b->used;

	count_reply(q, RV_STATUS_OK);
	if (q->line) {
		put_terminator(out + s->reply.len, q->term);
		b->used += s->reply.len + q->term;
	} else {
		store_header(out, RV_STATUS_OK, 0, s->reply.len, q->id);
		b->used += s->reply.len + RV_FRAME_HEADER;
	}
	b->tag = q->tag;
	b->filled = true;
	if (!(q->peer->bits & PEER_STREAM)) {
		batch_commit(b);
	}
}

/* What is not the plain case: errors, results in scratch memory, too large ones. */
static void finish_elsewhere(struct sink *s, int status)
{
	struct request *q = s->request;
	uint8_t sentence[SENTENCE];
	size_t n = s->reply.len;

	if (status == RV_STATUS_OK) {
		reply_data(q, RV_STATUS_OK, s->reply.data, n);
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
	reply_data(q, (unsigned)status, sentence, n);
}

rv_ticket reply_defer(struct rv_reply *r)
{
	struct sink *s = CONTAINER_OF(r, struct sink, reply);
	rv_ticket id;

	s->deferred = ticket_create(s->request, &id) != NULL;
	return s->deferred ? id : 0;
}

void reply_call(struct request *q, const uint8_t *data, size_t n)
{
	struct rv_instance *in = q->batch->in;
	struct rv_service_worker *sw = in->service;
	const struct rv_request request = {.data = data, .len = n, .uid = q->batch->source->uid};
	struct sink s = {.reply = {.host = &defer_host}, .request = q};
	int status;

	if (UNLIKELY(!use_transport(&s, SENTENCE)) && !use_scratch(&s, SENTENCE)) {
		reply_status(q, RV_STATUS_INTERNAL, "out of memory");
		return;
	}
	in->worker->in_call = true;
	status = sw->service->ops->call(sw->service->block, sw->block, &request, &s.reply);
	in->worker->in_call = false;
	if (LIKELY(status == RV_STATUS_OK && !s.scratch && s.reply.len <= in->limits.max_request)) {
		finish_in_place(&s);
	} else if (status == RV_REPLY_LATER && s.deferred) {
		return;
	} else {
		finish_elsewhere(&s, status == RV_REPLY_LATER ? RV_STATUS_INTERNAL : status);
	}
}
