/*
 * What arrived and can't be served yet: messages of a connection, and the lines of a
 * peer that clients share, while its output is full or a line is in the service.
 *
 * A record is a message, or any number of lines. While the queue is served its
 * memory is taken out of the peer, which may end meanwhile.
 */
#include "core/internal.h"

#include <string.h>

/* How a record begins; its bytes follow. */
struct record {
	uint32_t len, tag;
	bool lines; /* whole lines, of a byte stream */
};

static bool put(
	struct rv_instance *in, struct peer *p, const uint8_t *data, const struct record *rec)
{
	struct peer_extra *x = peer_extra(p);

	if (x && fifo_put(&x->queue, rec, sizeof(*rec)) == 0) {
		if (fifo_put(&x->queue, data, rec->len) == 0) {
			return true;
		}
		x->queue.len -= sizeof(*rec);
	}
	count(&in->n.drops[RV_DROP_IO], 1);
	return false;
}

void queue_message(
	struct rv_instance *in, struct peer *p, const uint8_t *data, size_t n, uint32_t tag)
{
	const struct record rec = {.len = (uint32_t)n, .tag = tag};

	(void)put(in, p, data, &rec);
}

/* How many requests a record of n bytes is. */
static size_t count_requests(const uint8_t *p, size_t n, bool lines)
{
	size_t k = 0;

	for (size_t i = 0; lines && i < n; i++) {
		k += p[i] == '\n';
	}
	return lines ? k : 1;
}

static void drop(struct rv_instance *in, size_t n)
{
	count(&in->n.requests, n);
	count(&in->n.drops[RV_DROP_OUTPUT], n);
}

void queue_lines(
	struct rv_instance *in, struct peer *p, const uint8_t *data, size_t n, uint32_t tag)
{
	const struct record rec = {.len = (uint32_t)n, .tag = tag, .lines = p->bits & PEER_STREAM};
	struct peer_extra *x = peer_extra(p);

	if (p->bits & PEER_DEAF || !x) {
		drop(in, count_requests(data, n, rec.lines));
		return;
	}
	if (put(in, p, data, &rec) && x->queue.len > in->limits.max_inflight && !x->stalled_ns) {
		x->stalled_ns = worker_now(in->worker);
		peer_watch(in, p);
	}
}

void queue_drop(struct rv_instance *in, struct peer *p)
{
	struct fifo *q = &p->extra->queue;
	size_t n = 0;

	while (q->len > 0) {
		struct record rec;

		memcpy(&rec, q->buf + q->head, sizeof(rec));
		fifo_take(q, sizeof(rec));
		n += count_requests(q->buf + q->head, rec.len, rec.lines);
		fifo_take(q, rec.len);
	}
	fifo_free(q);
	drop(in, n);
}

static bool may_serve(const struct batch *b, const struct peer *p)
{
	return !peer_is_gone(p) &&
	       (peer_is_shared(p) ? peer_can_serve_line(p) : peer_can_serve(b->in, p));
}

/* Serves lines; returns the bytes of those that were. */
static size_t serve_lines(struct batch *b, struct peer *p, const uint8_t *data, size_t n)
{
	bool fit = lines_fit(b->in, p);
	struct splitter s = {0};
	struct run run = {0};
	size_t off = 0;

	while (off < n && may_serve(b, p)) {
		struct split_piece piece = {.kind = SPLIT_MORE};

		off += fit ? lines_serve(b, p, &run, data, off, n) : 0;
		if (off < n && may_serve(b, p)) {
			off += split_next(
				&s, data + off, n - off, b->in->limits.max_request, &piece);
			request_serve(b, p, &piece, 0);
		}
	}
	return off;
}

/* Serves the first record, or as many of its lines as may be. */
static void serve_record(struct batch *b, struct peer *p, struct fifo *q)
{
	struct record rec;
	size_t k;

	memcpy(&rec, q->buf + q->head, sizeof(rec));
	fifo_take(q, sizeof(rec));
	if (!rec.lines) {
		k = rec.len;
		serve_message(b, p, q->buf + q->head, k, rec.tag, true);
	} else {
		k = serve_lines(b, p, q->buf + q->head, rec.len);
	}
	fifo_take(q, k);
	if (k < rec.len) {
		rec.len -= (uint32_t)k;
		q->head -= sizeof(rec); /* over what is served */
		q->len += sizeof(rec);
		memcpy(q->buf + q->head, &rec, sizeof(rec));
	}
}

void queue_serve(struct batch *b, struct peer *p)
{
	struct fifo q;

	if (!p->extra || !p->extra->queue.len) {
		return;
	}
	q = p->extra->queue;
	memset(&p->extra->queue, 0, sizeof(q));
	while (q.len && may_serve(b, p)) {
		serve_record(b, p, &q);
	}
	if (p->extra) {
		p->extra->queue = q; /* nothing came into it: the peer is busy */
	} else {
		fifo_free(&q);
	}
}
