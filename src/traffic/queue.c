#include "traffic/queue.h"

#include "traffic/run.h"
#include "traffic/service_worker.h"

static const struct origin from_stream = {0};

bool queue_must_hold(struct rv_instance *in, struct peer *p, const struct cut_piece *piece)
{
	if (!in->service->paused || in->stopping || !request_calls(p, piece)) {
		return false;
	}
	p->bits |= PEER_HELD;
	return true;
}

static void drop_lines(struct rv_instance *in, size_t n)
{
	count(&in->n.requests, n);
	count(&in->n.drops[RV_DROP_OUTPUT], n);
}

/* A shared peer whose clients wait too much is not read from. */
static void look_at_cost(struct rv_instance *in, struct peer *p)
{
	struct backlog *b = p->backlog;

	if (peer_is_shared(p) && queue_cost(b) > in->limits.max_inflight && !b->stalled_ns) {
		b->stalled_ns = worker_now(in->worker);
		peer_watch(in, p);
	}
}

static void put(struct rv_instance *in, struct peer *p, struct waiting *w, const uint8_t *data,
	const struct waiting_record *rec)
{
	if (waiting_put(w, rec, data) < 0) {
		count(&in->n.drops[RV_DROP_IO], 1);
	} else {
		look_at_cost(in, p);
	}
}

static void put_lines(struct rv_instance *in, struct peer *p, const uint8_t *data,
	const struct waiting_record *rec)
{
	if (!peer_backlog(p)) {
		count(&in->n.drops[RV_DROP_IO], 1);
		return;
	}
	put(in, p, &p->backlog->waiting, data, rec);
	if (p->bits & PEER_NO_READER) {
		drop_lines(in, waiting_drop(&p->backlog->waiting));
		p->backlog->stalled_ns = 0;
	}
}

void queue_lines(struct rv_instance *in, struct peer *p, const uint8_t *data, size_t n)
{
	const struct waiting_record rec = {.len = (uint32_t)n, .lines = true};

	put_lines(in, p, data, &rec);
}

static struct peer *reply_peer(const struct rv_msg *m)
{
	return m->reply_peer ? peer_of(m->reply_peer) : NULL;
}

/* Does the reply go elsewhere than to the shared peer itself? */
static bool is_addressed(const struct rv_msg *m)
{
	const uint8_t *data = m->data;

	return m->reply_peer || (m->len > 0 && data[0] == RV_FRAME_MAGIC);
}

static void wait_message(struct rv_instance *in, struct peer *p, const struct rv_msg *m)
{
	const struct peer *to = reply_peer(m);
	const struct waiting_record rec = {.len = (uint32_t)m->len,
		.tag = m->tag,
		.reply_to = to ? to->slot + 1 : 0,
		.client = to ? to->client : 0,
		.total = m->total};

	if (!peer_is_shared(p) || !is_addressed(m)) {
		put_lines(in, p, m->data, &rec);
	} else if (peer_backlog(p)) {
		put(in, p, &p->backlog->addressed, m->data, &rec);
	} else {
		count(&in->n.drops[RV_DROP_IO], 1);
	}
}

/* Serves whole lines that came at once; returns the bytes of those that may be. */
static size_t serve_lines(struct batch *b, struct peer *p, const uint8_t *data, size_t n)
{
	struct cut_piece piece;
	struct cutter s = {0};
	struct line_run run = {0};
	size_t off = 0;

	while (off < n && peer_can_serve_line(b->in, p)) {
		size_t k;

		off += run_fits(b->in, p) ? run_serve(b, p, &run, data, off, n) : 0;
		if (off == n || !peer_can_serve_line(b->in, p)) {
			break;
		}
		piece = (struct cut_piece){.kind = CUT_MORE};
		k = cut_next(&s, data + off, n - off, b->in->limits.max_request, &piece);
		if (queue_must_hold(b->in, p, &piece)) {
			break;
		}
		request_serve(b, p, &piece, &from_stream);
		off += k;
	}
	return off;
}

/* Serves a message. False: its turn has not come yet. to: named beside the message. */
static bool serve_message(
	struct batch *b, struct peer *p, const struct rv_msg *m, struct peer *to, bool has_waited)
{
	struct rv_instance *in = b->in;
	const struct origin from = {.tag = m->tag, .reply_to = to};
	struct cut_piece piece = {.kind = CUT_MORE};

	cut_message(m->data, m->len, in->limits.max_request, &piece);
	if (m->total && piece.kind == CUT_LINE) {
		piece.kind = CUT_LONG_LINE;
		piece.total = m->total;
	}
	if (queue_must_hold(in, p, &piece) || (piece.kind == CUT_LINE && !to && !has_waited &&
						      !peer_can_serve_new_line(in, p))) {
		return false;
	}
	request_serve(b, p, &piece, &from);
	return true;
}

/* Must a message that has just come wait behind others, or until its peer is ready? */
static bool must_wait(const struct rv_instance *in, const struct peer *p)
{
	if (p->bits & PEER_HELD) {
		return true;
	}
	return !peer_is_shared(p) &&
	       (!peer_can_serve(in, p) || (p->backlog && p->backlog->waiting.records.len));
}

/* Serves the first message that waits. False: it must go on waiting. */
static bool serve_waiting_message(
	struct batch *b, struct peer *p, const struct waiting_record *rec, const uint8_t *data)
{
	const struct rv_msg m = {
		.data = data, .len = rec->len, .tag = rec->tag, .total = rec->total};
	struct peer *to = rec->reply_to ? peer_find(b->in, rec->reply_to - 1, rec->client) : NULL;

	if (rec->reply_to && !to) {
		count(&b->in->n.drops[RV_DROP_PEER_GONE], 1);
		return true;
	}
	return serve_message(b, p, &m, to, true);
}

static void serve_addressed(struct batch *b, struct peer *p)
{
	struct waiting *w = &p->backlog->addressed;
	struct waiting_record rec;
	const uint8_t *data;

	while (!peer_is_gone(p) && !(p->bits & PEER_HELD) && (data = waiting_first(w, &rec)) &&
		serve_waiting_message(b, p, &rec, data)) {
		waiting_advance(w, rec.len);
	}
}

/* Nothing comes into the queues meanwhile: the peer is busy; nor are they freed if the
 * peer ends. */
void queue_serve(struct batch *b, struct peer *p)
{
	struct waiting *w = &p->backlog->waiting;
	struct waiting_record rec;
	const uint8_t *data;

	serve_addressed(b, p);
	while (!peer_is_gone(p) && !(p->bits & PEER_HELD) && peer_can_serve_line(b->in, p) &&
		(data = waiting_first(w, &rec))) {
		size_t k = rec.len;

		if (rec.lines) {
			k = serve_lines(b, p, data, rec.len);
		} else if (!serve_waiting_message(b, p, &rec, data)) {
			return;
		}
		waiting_advance(w, k);
	}
}

void queue_message(struct batch *b, struct peer *p, const struct rv_msg *m)
{
	if (must_wait(b->in, p) || !serve_message(b, p, m, reply_peer(m), false)) {
		wait_message(b->in, p, m);
	}
}
