/*
 * From input to requests.
 *
 * A *dedicated* peer (a connection) can be held up: when its output is full, when
 * too much of it is in the service, or when a line waits for its turn, its
 * input stays where it is, the backend stops reading, and the kernel pushes
 * back. A *shared* peer (a FIFO, a queue) carries other clients' requests and
 * can't: only lines, whose replies all go to one place, wait in a bounded queue.
 */
#include "core/internal.h"

#include <errno.h>
#include <string.h>

/* Nothing of a shared peer waits that its next line would overtake. */
static bool may_run(const struct peer *p)
{
	return !peer_is_shared(p) || (peer_can_serve_line(p) && !(p->extra && p->extra->queue.len));
}

static bool must_queue(const struct peer *p, const struct split_piece *piece)
{
	return piece->kind == SPLIT_LINE && !may_run(p);
}

void serve_message(
	struct batch *b, struct peer *p, const uint8_t *data, size_t n, uint32_t tag, bool again)
{
	struct split_piece piece = {.kind = SPLIT_MORE};

	split_message(data, n, b->in->limits.max_request, &piece);
	if (!again && must_queue(p, &piece)) {
		queue_lines(b->in, p, data, n, tag);
		return;
	}
	request_serve(b, p, &piece, tag);
}

/* A message that arrived just now, perhaps not all of it. */
static void serve_new_message(struct batch *b, struct peer *p, const struct rv_msg *m)
{
	struct split_piece piece = {.kind = SPLIT_LONG_LINE, .total = m->total};

	if (LIKELY(!m->total)) {
		serve_message(b, p, m->data, m->len, m->tag, false);
		return;
	}
	split_message(m->data, m->len, b->in->limits.max_request, &piece);
	if (piece.kind == SPLIT_LINE) {
		piece.kind = SPLIT_LONG_LINE;
		piece.total = m->total;
	}
	request_serve(b, p, &piece, m->tag);
}

/* Byte streams. */

/* Cuts and serves; returns the bytes taken. The splitter is the caller's. */
static size_t cut(struct batch *b, struct peer *p, struct splitter *s, const uint8_t *data,
	size_t n, bool whole)
{
	struct split_piece piece = {.kind = SPLIT_MORE};
	struct rv_instance *in = b->in;
	size_t off = 0, limit = in->limits.max_request;
	bool lines = lines_fit(in, p);
	struct run run = {0};

	while (peer_is_shared(p) || (peer_can_serve(in, p) && !(p->bits & PEER_POISONED))) {
		if (lines && !s->scanned && splitter_is_clean(s)) {
			off += (may_run(p) ? lines_serve : lines_queue)(b, p, &run, data, off, n);
		}
		piece.data = NULL;
		piece.len = 0;
		off += peer_is_shared(p)
			       ? split_next_shared(s, data + off, n - off, limit, whole, &piece)
			       : split_next(s, data + off, n - off, limit, &piece);
		if (piece.kind == SPLIT_MORE) {
			break;
		}
		if (UNLIKELY(must_queue(p, &piece))) {
			queue_lines(in, p, piece.data, piece.len + piece.term, 0);
		} else {
			request_serve(b, p, &piece, 0);
		}
	}
	return off;
}

/* Keeps what was not taken and the splitter's state. */
static int keep_rest(struct rv_instance *in, struct peer *p, const struct splitter *s,
	const uint8_t *rest, size_t n)
{
	struct peer_extra *x = p->extra;

	if (!x && n == 0 && splitter_is_clean(s)) {
		return 0;
	}
	x = peer_extra(p);
	if (!x) {
		return -ENOMEM;
	}
	x->splitter = *s;
	if (n > 0 && peer_is_shared(p)) {
		x->input_ns = worker_now(in->worker);
		peer_watch(in, p);
	}
	if (fifo_put(&x->in, rest, n) < 0) {
		x->splitter.scanned = 0; /* of what is not there */
		return -ENOMEM;
	}
	return 0;
}

static void out_of_memory(struct rv_instance *in, struct peer *p)
{
	count(&in->n.drops[RV_DROP_IO], 1);
	if (!peer_is_shared(p) && !peer_is_gone(p)) {
		p->bits |= PEER_CLOSING;
		in->ops->peer_close(in->block, peer_block(p), RV_CLOSE_NOW);
	}
}

/* Serves from the peer's own buffer. */
static void cut_kept(struct batch *b, struct peer *p, bool whole)
{
	struct peer_extra *x = p->extra;
	struct splitter s = x->splitter;
	size_t k = cut(b, p, &s, x->in.buf + x->in.head, x->in.len, whole);

	x->splitter = s;
	fifo_take(&x->in, k);
	x->input_ns = x->in.len && peer_is_shared(p) ? worker_now(b->in->worker) : 0;
	if (x->input_ns) {
		peer_watch(b->in, p);
	}
}

/* The stream has ended: its last line is served, if its turn has come. */
static void cut_end(struct batch *b, struct peer *p)
{
	struct split_piece piece = {.kind = SPLIT_MORE};
	struct peer_extra *x = p->extra;

	if (!x || !peer_can_serve(b->in, p)) {
		return;
	}
	if (split_end(&x->splitter, x->in.buf + x->in.head, x->in.len, b->in->limits.max_request,
		    &piece)) {
		uint8_t *buf = TAKE_PTR(x->in.buf); /* the piece points into it */

		memset(&x->in, 0, sizeof(x->in));
		memset(&x->splitter, 0, sizeof(x->splitter));
		request_serve(b, p, &piece, 0);
		free(buf);
	} else {
		fifo_take(&x->in, x->in.len);
		memset(&x->splitter, 0, sizeof(x->splitter));
	}
}

/* All that may be served of what the core keeps. */
static void serve_kept(struct batch *b, struct peer *p)
{
	(void)held_pump(b, p);
	queue_serve(b, p);
	if (p->bits & PEER_POISONED || peer_is_shared(p) || !(p->bits & PEER_STREAM)) {
		return;
	}
	if (p->extra && p->extra->in.len) {
		cut_kept(b, p, true);
	}
	if (p->bits & PEER_EOF) {
		cut_end(b, p);
	}
}

/* Everything of this peer is answered and its input has ended: end it. */
static void maybe_end(struct rv_instance *in, struct peer *p)
{
	struct peer_extra *x = p->extra;

	if (!(p->bits & PEER_EOF) || peer_is_gone(p) || p->inflight > 0 ||
		(x && (x->held || x->queue.len || x->in.len))) {
		return;
	}
	p->bits |= PEER_CLOSING;
	in->ops->peer_close(in->block, peer_block(p), RV_CLOSE_FLUSH);
}

/* Must the backend stop reading? */
static bool must_stop(const struct rv_instance *in, const struct peer *p)
{
	const struct peer_extra *x = p->extra;

	if (peer_is_shared(p)) {
		return x && x->stalled_ns;
	}
	return !peer_can_serve(in, p) || (x && x->queue.len);
}

static enum rv_next verdict(struct rv_instance *in, struct peer *p)
{
	if (peer_is_gone(p)) {
		return RV_READ_GONE;
	}
	if (must_stop(in, p)) {
		if (!(p->bits & PEER_STOPPED)) {
			p->bits |= PEER_STOPPED;
			count(&in->n.pauses, 1);
		}
		return RV_READ_STOP;
	}
	return RV_READ_ON;
}

static enum rv_next end_batch(struct batch *b, struct peer *p)
{
	struct rv_instance *in = b->in;

	p->bits &= (uint16_t)~PEER_BUSY;
	batch_finish(b);
	if (p->refuse && b->answered) {
		p->bits |= PEER_EOF | PEER_POISONED;
	}
	if (p->bits & PEER_POISONED && p->extra) {
		fifo_take(&p->extra->in, p->extra->in.len);
	}
	if (UNLIKELY(p->bits & PEER_EOF)) {
		maybe_end(in, p);
	}
	if (p->extra && !(p->bits & PEER_GONE)) {
		peer_extra_trim(in, p);
	}
	return verdict(in, p);
}

/* How many of the n new bytes complete what is kept, so that the others need not be
 * copied: n if that is not sure. What a frame on a shared stream is worth shows only
 * in what follows it. */
static size_t completion(const struct peer *p, const uint8_t *data, size_t n)
{
	const struct peer_extra *x = p->extra;
	const uint8_t *kept = x->in.buf + x->in.head, *lf;
	size_t size = RV_FRAME_HEADER;

	if (!splitter_is_clean(&x->splitter)) {
		return n;
	}
	if (kept[0] != RV_FRAME_MAGIC) {
		lf = memchr(data, '\n', n);
		if (!lf || (peer_is_shared(p) &&
				   (memchr(kept, RV_FRAME_MAGIC, x->in.len) ||
					   memchr(data, RV_FRAME_MAGIC, (size_t)(lf - data))))) {
			return n;
		}
		return (size_t)(lf - data) + 1;
	}
	if (peer_is_shared(p)) {
		return n;
	}
	if (x->in.len >= RV_FRAME_HEADER) {
		size += rv_load_le32(kept + 4);
	}
	return size > x->in.len ? MIN(n, size - x->in.len) : n;
}

/* Serves what is kept with the n bytes behind it; these or a part of them. Returns
 * how many were taken, or -ENOMEM. */
static ssize_t serve_onto_kept(
	struct batch *b, struct peer *p, const uint8_t *data, size_t n, bool whole)
{
	struct peer_extra *x = p->extra;
	size_t k = completion(p, data, n);

	if (fifo_put(&x->in, data, k) < 0) {
		return -ENOMEM;
	}
	cut_kept(b, p, whole && k == n);
	if (k < n && x->in.len && !(p->bits & PEER_POISONED)) {
		if (fifo_put(&x->in, data + k, n - k) < 0) {
			return -ENOMEM;
		}
		cut_kept(b, p, whole);
		k = n;
	}
	return (ssize_t)k;
}

static int serve_input(struct batch *b, struct peer *p, const uint8_t *data, size_t n, bool whole)
{
	struct splitter s = {0};
	ssize_t taken = 0;
	size_t k;

	if (p->extra) {
		queue_serve(b, p);
		if (p->extra->in.len) {
			taken = serve_onto_kept(b, p, data, n, whole);
		}
		s = p->extra->splitter;
	}
	if (taken < 0 || (size_t)taken == n || p->bits & PEER_POISONED) {
		return taken < 0 ? (int)taken : 0;
	}
	data += taken;
	n -= (size_t)taken;
	k = cut(b, p, &s, data, n, whole);
	return p->bits & PEER_POISONED ? 0 : keep_rest(b->in, p, &s, data + k, n - k);
}

enum rv_next serve_bytes(
	struct rv_instance *in, struct peer *p, const uint8_t *data, size_t n, bool whole)
{
	struct batch b;

	batch_begin(&b, in, p);
	count(&in->n.rx_bytes, n);
	p->active_ms = (uint32_t)(b.start_ns / 1000000u);
	p->bits |= PEER_BUSY;
	if (!(p->bits & PEER_POISONED) && serve_input(&b, p, data, n, whole) < 0) {
		out_of_memory(in, p);
	}
	return end_batch(&b, p);
}

enum rv_next serve_messages(
	struct rv_instance *in, struct peer *p, const struct rv_msg *v, size_t n)
{
	struct batch b;

	batch_begin(&b, in, p);
	p->active_ms = (uint32_t)(b.start_ns / 1000000u);
	p->bits |= PEER_BUSY;
	for (size_t i = 0; i < n; i++) {
		count(&in->n.rx_bytes, v[i].len);
		if (peer_is_gone(p) || p->bits & PEER_POISONED) {
			break;
		}
		if (!peer_is_shared(p) &&
			(!peer_can_serve(in, p) || (p->extra && p->extra->queue.len))) {
			queue_message(in, p, v[i].data, v[i].len, v[i].tag);
		} else {
			serve_new_message(&b, p, &v[i]);
		}
	}
	return end_batch(&b, p);
}

void peer_resume(struct rv_instance *in, struct peer *p)
{
	p->bits &= (uint16_t)~PEER_STOPPED;
	if (p->extra && p->extra->input_ns && peer_is_shared(p)) {
		p->extra->input_ns = worker_now(in->worker); /* its rest can come only now */
	}
	in->ops->resume(in->block, peer_block(p));
}

void serve_more(struct rv_instance *in, struct peer *p)
{
	struct batch b;

	if (peer_is_gone(p) || p->bits & PEER_BUSY) {
		return;
	}
	batch_begin(&b, in, p);
	p->bits |= PEER_BUSY;
	serve_kept(&b, p);
	if (peer_is_shared(p) && p->extra && p->extra->queue.len <= in->limits.max_inflight) {
		p->extra->stalled_ns = 0;
	}
	if (end_batch(&b, p) == RV_READ_ON && p->bits & PEER_STOPPED) {
		peer_resume(in, p);
	}
}

void serve_eof(struct rv_instance *in, struct peer *p)
{
	if (peer_is_gone(p) || p->bits & PEER_EOF) {
		return;
	}
	p->bits |= PEER_EOF;
	serve_more(in, p);
}
