#include "traffic/batch.h"

#include <errno.h>
#include <stdlib.h>
#include "traffic/probe.h"

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

static void commit(struct batch *b)
{
	const struct rv_backend_ops *ops = b->in->ops;
	struct peer *p = b->out;
	uint8_t error = b->error;
	size_t used;

	if (!p) {
		return;
	}
	b->out = NULL;
	used = b->room.size - b->left;
	count(&b->in->n.tx_bytes, used);
	b->error = 0;
	if (UNLIKELY(error && b->filled)) {
		ops->commit_error(b->in->block, peer_block(p), used, b->tag, error);
	} else {
		ops->commit(b->in->block, peer_block(p), b->filled ? used : RV_COMMIT_NONE, b->tag);
	}
	if (b->filled) {
		mark_dirty(b->in, p);
	}
}

int batch_reserve_next(struct batch *b, struct peer *p, size_t min)
{
	const struct rv_backend_ops *ops = b->in->ops;
	int r;

	commit(b);
	if (peer_is_gone(p)) {
		return -ENOTCONN;
	}
	if (p->bits & PEER_BLOCKED) {
		return -EAGAIN;
	}
	r = ops->reserve(b->in->block, peer_block(p), min, &b->room);
	if (r == -EAGAIN) {
		p->bits |= PEER_BLOCKED;
	}
	if (r == 0 && p->bits & PEER_GONE) {
		/* it ended in a flush that made room */
		ops->commit(b->in->block, peer_block(p), RV_COMMIT_NONE, 0);
		r = -ENOTCONN;
	}
	if (r < 0) {
		return r;
	}
	b->out = p;
	b->tail = b->room.data;
	b->left = b->room.size;
	b->filled = false;
	return 0;
}

int batch_reserve(struct batch *b, struct peer *p, size_t min)
{
	if (LIKELY(b->out == p && b->left >= min)) {
		return 0;
	}
	if (p->backlog && p->backlog->unsent.first) {
		return -EAGAIN;
	}
	return batch_reserve_next(b, p, min);
}

void batch_count_many(struct batch *b, unsigned status, size_t bytes, size_t n)
{
	PROBE_REQUEST_DONE(b->in->name, bytes, status, b->start_ns, n);
	count(&b->in->n.replies, n);
	count(&b->in->n.status[status < RV_STATUS_COUNT ? status : RV_STATUS_INTERNAL], n);
	b->answered += n;
}

void batch_count(struct batch *b, unsigned status, size_t bytes)
{
	batch_count_many(b, status, bytes, 1);
}

void batch_advance(struct batch *b, size_t n, uint32_t tag)
{
	b->tail += n;
	b->left -= n;
	b->tag = tag;
	b->filled = true;
	if (!(b->out->bits & PEER_STREAM)) {
		commit(b);
	}
}

void batch_flush(struct rv_instance *in)
{
	for (size_t i = 0; i < in->n_dirty; i++) {
		struct peer *p = peer_at(in, in->dirty[i]);

		p->bits &= (uint16_t)~PEER_DIRTY;
		if (!(p->bits & (PEER_GONE | PEER_BLOCKED))) {
			in->ops->flush(in->block, peer_block(p));
		}
	}
	in->n_dirty = 0;
}

void batch_finish(struct batch *b)
{
	struct rv_instance *in = b->in;

	commit(b);
	if (!in->traffic->held) {
		batch_flush(in);
	}
	if (b->answered) {
		uint64_t now =
			worker_renow(in->worker); /* the next batch of this turn starts now */

		in->worker->served_ns = now;
		hist_add(&in->latency, now - b->start_ns, b->answered);
	}
}
