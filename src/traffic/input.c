#include "traffic/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "proto/cut_shared.h"
#include "traffic/aside.h"
#include "traffic/mark.h"
#include "traffic/queue.h"
#include "traffic/run.h"
#include "traffic/service_worker.h"

static const struct origin from_stream = {0};

/* Byte streams. */

/* A run of lines at the beginning of data: serves it, or puts it aside. Returns the
 * bytes taken. */
static size_t take_run(struct batch *b, struct peer *p, struct line_run *run, const uint8_t *data,
	size_t off, size_t n)
{
	size_t k;

	if (LIKELY(peer_can_serve_new_line(b->in, p))) {
		return run_serve(b, p, run, data, off, n);
	}
	k = run_find(run, data, off, n);
	if (k > 0) {
		queue_lines(b->in, p, data + off, k);
	}
	return k;
}

static void serve_piece(struct batch *b, struct peer *p, struct cut_piece *piece)
{
	if (UNLIKELY(piece->kind == CUT_LINE && !peer_can_serve_new_line(b->in, p))) {
		queue_lines(b->in, p, piece->data, piece->len + piece->term);
	} else {
		request_serve(b, p, piece, &from_stream);
	}
}

/* May more of the stream be cut? */
static bool may_cut(const struct rv_instance *in, const struct peer *p)
{
	return !(p->bits & (PEER_HELD | PEER_UNCUTTABLE)) &&
	       (peer_is_shared(p) || peer_can_serve(in, p));
}

/* Cuts and serves; returns the bytes taken. s: the state at data. */
static size_t serve_stream(struct batch *b, struct peer *p, struct cutter *s, const uint8_t *data,
	size_t n, bool whole)
{
	struct rv_instance *in = b->in;
	size_t off = 0, limit = in->limits.max_request;
	struct cut_piece piece = {.kind = CUT_MORE};
	struct line_run run = {0};
	struct cutter before;
	size_t k;

	while (off < n && may_cut(in, p)) {
		if (data[off] != RV_FRAME_MAGIC && !s->scanned && !s->open &&
			run_fits(in, p)) {
			off += take_run(b, p, &run, data, off, n);
			if (off == n) {
				break;
			}
		}
		before = *s;
		piece.data = NULL;
		piece.len = 0;
		k = peer_is_shared(p)
			    ? cut_next_shared(s, data + off, n - off, limit, whole, &piece)
			    : cut_next(s, data + off, n - off, limit, &piece);
		if (UNLIKELY(in->service->paused) && queue_must_hold(in, p, &piece)) {
			*s = before;
			break;
		}
		off += k;
		if (piece.kind == CUT_MORE) {
			break;
		}
		serve_piece(b, p, &piece);
	}
	return off;
}

/* What is begun on a shared stream is dropped if its rest does not come. */
static void expect_rest(struct rv_instance *in, struct peer *p)
{
	struct backlog *b = p->backlog;

	if (peer_is_shared(p)) {
		b->input_ns =
			b->uncut.len || b->cutter.open ? worker_now(in->worker) : 0;
		if (b->input_ns) {
			peer_watch(in, p);
		}
	}
}

/* Keeps what was not taken and the state of cutting it. */
static int keep_rest(struct rv_instance *in, struct peer *p, const struct cutter *s,
	const uint8_t *rest, size_t n)
{
	struct backlog *b = p->backlog;

	if (!b && n == 0 && !s->open) {
		return 0;
	}
	b = peer_backlog(p);
	if (!b) {
		return -ENOMEM;
	}
	b->cutter = *s;
	if (bytes_put(&b->uncut, rest, n) < 0) {
		b->cutter.scanned = 0; /* of what is not there */
		return -ENOMEM;
	}
	expect_rest(in, p);
	return 0;
}

static void out_of_memory(struct rv_instance *in, struct peer *p)
{
	count(&in->n.drops[RV_DROP_IO], 1);
	if (!peer_is_shared(p) && !peer_is_gone(p)) {
		peer_close(in, p, RV_CLOSE_NOW);
	}
}

static void serve_uncut(struct batch *b, struct peer *p, bool whole)
{
	struct backlog *x = p->backlog;
	struct cutter s = x->cutter;
	size_t k = serve_stream(b, p, &s, bytes_head(&x->uncut), x->uncut.len, whole);

	x->cutter = s;
	bytes_take(&x->uncut, k);
	expect_rest(b->in, p);
}

/* The stream has ended: its last line, without a terminator, is served when its turn
 * has come. */
static void serve_last_line(struct batch *b, struct peer *p)
{
	struct backlog *x = p->backlog;
	struct cut_piece piece = {.kind = CUT_MORE};
	struct cutter s;
	const uint8_t *rest;

	if (!x || !may_cut(b->in, p)) {
		return;
	}
	s = x->cutter;
	rest = x->uncut.len ? bytes_head(&x->uncut) : NULL;
	if (cut_end(&s, rest, x->uncut.len, b->in->limits.max_request, &piece)) {
		struct bytes text = x->uncut; /* the piece points into it */

		if (queue_must_hold(b->in, p, &piece)) {
			return;
		}
		x->uncut = (struct bytes){0};
		x->cutter = (struct cutter){0};
		request_serve(b, p, &piece, &from_stream);
		bytes_free(&text);
	} else {
		bytes_free(&x->uncut);
		x->cutter = (struct cutter){0};
	}
}

/* How many of the n new bytes complete what is uncut, so that the others need not be
 * copied: n if that is not sure. What a frame on a shared stream is worth shows only
 * in what follows it. */
static size_t bytes_until_complete(const struct peer *p, const uint8_t *data, size_t n)
{
	const struct backlog *b = p->backlog;
	const uint8_t *kept = bytes_head(&b->uncut), *lf;
	size_t size = RV_FRAME_HEADER;

	if (b->cutter.open) {
		return n;
	}
	if (kept[0] != RV_FRAME_MAGIC) {
		lf = memchr(data, '\n', n);
		if (!lf || (peer_is_shared(p) &&
				   (memchr(kept, RV_FRAME_MAGIC, b->uncut.len) ||
					   memchr(data, RV_FRAME_MAGIC, (size_t)(lf - data))))) {
			return n;
		}
		return (size_t)(lf - data) + 1;
	}
	if (peer_is_shared(p)) {
		return n;
	}
	if (b->uncut.len >= RV_FRAME_HEADER) {
		size += rv_load_le32(kept + 4);
	}
	return size > b->uncut.len ? MIN(n, size - b->uncut.len) : n;
}

/* Serves what is uncut with the n bytes behind it; these or a part of them. Returns
 * how many were taken, or -ENOMEM. */
static ssize_t serve_onto_uncut(
	struct batch *b, struct peer *p, const uint8_t *data, size_t n, bool whole)
{
	struct backlog *x = p->backlog;
	size_t k = bytes_until_complete(p, data, n);

	if (bytes_put(&x->uncut, data, k) < 0) {
		return -ENOMEM;
	}
	serve_uncut(b, p, whole && k == n);
	if (k < n && x->uncut.len && !(p->bits & PEER_UNCUTTABLE)) {
		if (bytes_put(&x->uncut, data + k, n - k) < 0) {
			return -ENOMEM;
		}
		serve_uncut(b, p, whole);
		k = n;
	}
	return (ssize_t)k;
}

/* The batch. */

/* All that may be served of the backlog. */
static void serve_backlog(struct batch *b, struct peer *p)
{
	if (p->backlog) {
		(void)aside_send(b, p);
		reply_ordered(b, p);
		queue_serve(b, p);
	}
	if (p->bits & PEER_UNCUTTABLE || !(p->bits & PEER_STREAM) ||
		(peer_is_shared(p) && !(p->bits & PEER_STOPPED))) {
		return;
	}
	if (p->backlog && p->backlog->uncut.len) {
		serve_uncut(b, p, !peer_is_shared(p));
	}
	if (p->bits & PEER_EOF) {
		serve_last_line(b, p);
	}
}

static int serve_input(struct batch *b, struct peer *p, const uint8_t *data, size_t n, bool whole)
{
	struct cutter s = {0};
	ssize_t taken = 0;
	size_t k;

	if (p->backlog) {
		queue_serve(b, p);
		if (p->backlog->uncut.len) {
			taken = serve_onto_uncut(b, p, data, n, whole);
		}
		s = p->backlog->cutter;
	}
	if (taken < 0 || (size_t)taken == n || p->bits & PEER_UNCUTTABLE) {
		return taken < 0 ? (int)taken : 0;
	}
	data += taken;
	n -= (size_t)taken;
	k = serve_stream(b, p, &s, data, n, whole);
	return p->bits & PEER_UNCUTTABLE ? 0 : keep_rest(b->in, p, &s, data + k, n - k);
}

/* Is something of the stream still to be answered? */
static bool has_uncut(const struct peer *p, const struct backlog *b)
{
	return b->uncut.len || (b->cutter.line && !(p->bits & PEER_UNCUTTABLE));
}

/* Everything of this peer is answered and its input has ended: end it. */
static void end_if_done(struct rv_instance *in, struct peer *p)
{
	const struct backlog *b = p->backlog;

	if (!peer_is_gone(p) && p->inflight == 0 &&
		!(b && (b->unsent.first || b->order.first || b->waiting.records.len ||
			       has_uncut(p, b)))) {
		peer_close(in, p, RV_CLOSE_FLUSH);
	}
}

static enum rv_next wanted_input(struct rv_instance *in, struct peer *p)
{
	const struct backlog *b = p->backlog;
	bool stop;

	if (peer_is_gone(p)) {
		return RV_READ_GONE;
	}
	stop = p->bits & PEER_HELD ||
	       (peer_is_shared(p) ? b && b->stalled_ns
				  : !peer_can_serve(in, p) || (b && b->waiting.records.len));
	return stop ? RV_READ_STOP : RV_READ_ON;
}

/* The backend is told: from now on it reads no more, if it is to stop. */
static enum rv_next tell(struct rv_instance *in, struct peer *p, enum rv_next next)
{
	if (UNLIKELY(next == RV_READ_STOP) && !(p->bits & PEER_STOPPED)) {
		p->bits |= PEER_STOPPED;
		count(&in->n.pauses, 1);
	}
	return next;
}

/* A peer whose next request waits for the service stands in line with the others. */
static void hold(struct rv_instance *in, struct peer *p)
{
	if (LIKELY(!(p->bits & PEER_HELD)) || p->bits & PEER_GONE) {
		return;
	}
	if (p->backlog) {
		backlog_hold(p->backlog, &in->held);
	} else {
		p->bits &= (uint16_t)~PEER_HELD; /* without memory the request is lost */
	}
}

static enum rv_next end_batch(struct batch *b, struct peer *p)
{
	struct rv_instance *in = b->in;

	p->bits &= (uint16_t)~PEER_BUSY;
	batch_finish(b);
	if (p->refuse && b->answered) {
		p->bits |= PEER_EOF | PEER_UNCUTTABLE;
	}
	if (p->bits & PEER_UNCUTTABLE && p->backlog) {
		bytes_take(&p->backlog->uncut, p->backlog->uncut.len);
	}
	if (UNLIKELY(p->bits & PEER_EOF)) {
		end_if_done(in, p);
	}
	hold(in, p);
	if (p->backlog && !(p->bits & PEER_GONE)) {
		peer_trim(in, p);
	}
	mark_peer(in, p);
	return wanted_input(in, p);
}

static void begin_batch(struct batch *b, struct rv_instance *in, struct peer *p)
{
	batch_begin(b, in, p);
	p->bits |= PEER_BUSY;
}

enum rv_next input_bytes(
	struct rv_instance *in, void *block, const void *data, size_t n, bool whole)
{
	struct peer *p = peer_of(block);
	struct batch b;

	begin_batch(&b, in, p);
	count(&in->n.rx_bytes, n);
	p->active_ms = (uint32_t)(b.start_ns / 1000000u);
	if (!(p->bits & PEER_UNCUTTABLE) && serve_input(&b, p, data, n, whole) < 0) {
		out_of_memory(in, p);
	}
	return tell(in, p, end_batch(&b, p));
}

enum rv_next input_messages(struct rv_instance *in, void *block, const struct rv_msg *v, size_t n)
{
	struct peer *p = peer_of(block);
	struct batch b;

	begin_batch(&b, in, p);
	p->active_ms = (uint32_t)(b.start_ns / 1000000u);
	for (size_t i = 0; i < n && !peer_is_gone(p) && !(p->bits & PEER_UNCUTTABLE); i++) {
		count(&in->n.rx_bytes, v[i].len);
		queue_message(&b, p, &v[i]);
	}
	return tell(in, p, end_batch(&b, p));
}

void input_resume(struct rv_instance *in, struct peer *p)
{
	p->bits &= (uint16_t)~PEER_STOPPED;
	if (p->backlog && p->backlog->input_ns && peer_is_shared(p)) {
		p->backlog->input_ns = worker_now(in->worker); /* its rest can come only now */
	}
	if (in->ops->resume) {
		in->ops->resume(in->block, peer_block(p));
	}
}

void input_more(struct rv_instance *in, struct peer *p)
{
	struct batch b;

	if (peer_is_gone(p) || p->bits & PEER_BUSY) {
		return;
	}
	begin_batch(&b, in, p);
	serve_backlog(&b, p);
	if (p->backlog && p->backlog->stalled_ns) {
		/* something has moved: whoever reads `.out` is slow, but there */
		bool less = queue_cost(p->backlog) <= in->limits.max_inflight;

		p->backlog->stalled_ns = less ? 0 : worker_now(in->worker);
	}
	if (end_batch(&b, p) == RV_READ_ON && p->bits & PEER_STOPPED && !in->stopping) {
		input_resume(in, p);
	}
}

void input_eof(struct rv_instance *in, void *block)
{
	struct peer *p = peer_of(block);

	if (!peer_is_gone(p) && !(p->bits & PEER_EOF)) {
		p->bits |= PEER_EOF;
		input_more(in, p);
	}
}
