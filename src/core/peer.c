/*
 * Peers: stable addresses in chunks, freed at the end of the turn, so that a
 * callback may end any peer while others up the stack still hold it.
 */
#include "core/internal.h"

#include <errno.h>
#include <string.h>

struct peer *peer_at(struct rv_instance *in, uint32_t slot)
{
	return (struct peer *)(void *)(in->chunks[slot / PEER_CHUNK] +
				       (slot % PEER_CHUNK) * in->stride);
}

static int add_chunk(struct rv_instance *in)
{
	uint32_t first = in->n_chunks * PEER_CHUNK;
	char **list = realloc(in->chunks, (in->n_chunks + 1) * sizeof(*list));

	if (!list) {
		return -ENOMEM;
	}
	in->chunks = list;
	list[in->n_chunks] = calloc(PEER_CHUNK, in->stride);
	if (!list[in->n_chunks]) {
		return -ENOMEM;
	}
	in->n_chunks++;
	for (uint32_t i = PEER_CHUNK; i-- > 0;) {
		struct peer *p = peer_at(in, first + i);

		p->slot = first + i;
		p->generation = 1;
		p->next = in->free_slot;
		in->free_slot = first + i + 1;
	}
	return 0;
}

int peer_create(struct rv_instance *in, struct peer **ret)
{
	struct peer *p;
	uint32_t slot, generation;

	if (!in->free_slot && add_chunk(in) < 0) {
		return -ENOMEM;
	}
	p = peer_at(in, in->free_slot - 1);
	in->free_slot = p->next;
	slot = p->slot;
	generation = p->generation;
	memset(p, 0, in->stride);
	p->slot = slot;
	p->generation = generation;
	p->bits = PEER_USED;
	*ret = p;
	return 0;
}

struct peer *peer_find(struct rv_instance *in, uint32_t slot, uint32_t generation)
{
	struct peer *p;

	if (slot >= in->n_chunks * PEER_CHUNK) {
		return NULL;
	}
	p = peer_at(in, slot);
	if (p->generation != generation || !(p->bits & PEER_USED) || p->bits & PEER_GONE) {
		return NULL;
	}
	return p;
}

void peer_gone(struct rv_instance *in, struct peer *p)
{
	if (p->bits & PEER_GONE) {
		return;
	}
	if (p->bits & PEER_ACCOUNTED) {
		endpoint_leave(in->endpoint, p->uid);
	}
	if (p->refuse) {
		in->n_refused--;
	}
	count(&in->n.peers, (uint64_t)-1);
	p->bits |= PEER_GONE;
	p->next = in->dying;
	in->dying = p->slot + 1;
}

void peer_unwatch(struct peer_extra *x)
{
	if (!x->watch_at) {
		return;
	}
	*x->watch_at = x->watch_next;
	if (x->watch_next) {
		x->watch_next->watch_at = x->watch_at;
	}
	x->watch_at = NULL;
}

static void extra_free(struct rv_instance *in, struct peer *p)
{
	struct peer_extra *x = p->extra;

	if (!x) {
		return;
	}
	peer_unwatch(x);
	held_free(in, p);
	join_free(x);
	fifo_free(&x->in);
	fifo_free(&x->queue);
	free(x);
	p->extra = NULL;
}

void peers_free_dying(struct rv_instance *in)
{
	while (in->dying) {
		struct peer *p = peer_at(in, in->dying - 1);

		in->dying = p->next;
		extra_free(in, p);
		p->bits = 0;
		p->generation++;
		p->next = in->free_slot;
		in->free_slot = p->slot + 1;
	}
}

void peers_finish(struct rv_instance *in)
{
	for (uint32_t i = 0; i < in->n_chunks * PEER_CHUNK; i++) {
		struct peer *p = peer_at(in, i);

		if (p->bits & PEER_USED) {
			peer_gone(in, p);
		}
	}
	peers_free_dying(in);
	for (uint32_t i = 0; i < in->n_chunks; i++) {
		free(in->chunks[i]);
	}
	free(in->chunks);
	free(in->dirty);
	in->chunks = NULL;
	in->dirty = NULL;
	in->n_chunks = in->free_slot = 0;
	in->n_dirty = in->dirty_size = 0;
}

struct peer_extra *peer_extra(struct peer *p)
{
	if (!p->extra) {
		p->extra = calloc(1, sizeof(*p->extra));
		if (p->extra) {
			p->extra->peer = p;
			p->extra->held_end = &p->extra->held;
		}
	}
	return p->extra;
}

void peer_extra_trim(struct rv_instance *in, struct peer *p)
{
	struct peer_extra *x = p->extra;

	if (!x || x->held || x->partials || x->in.len || x->queue.len || x->blocked_ns ||
		x->lossy_ns || !splitter_is_clean(&x->splitter)) {
		return;
	}
	extra_free(in, p);
}

void peer_watch(struct rv_instance *in, struct peer *p)
{
	struct peer_extra *x = p->extra;

	if (!x || x->watch_at) {
		return;
	}
	x->watch_next = in->watched;
	x->watch_at = &in->watched;
	if (x->watch_next) {
		x->watch_next->watch_at = &x->watch_next;
	}
	in->watched = x;
	worker_want_tick(in->worker);
}

int fifo_put(struct fifo *f, const void *p, size_t n)
{
	if (n == 0) {
		return 0;
	}
	if (f->head > 0 && f->head + f->len + n > f->size) {
		memmove(f->buf, f->buf + f->head, f->len);
		f->head = 0;
	}
	if (f->len + n > f->size) {
		size_t size = f->size ? f->size : 256;
		uint8_t *buf;

		while (size < f->len + n) {
			size *= 2;
		}
		buf = realloc(f->buf, size);
		if (!buf) {
			return -ENOMEM;
		}
		f->buf = buf;
		f->size = size;
	}
	memcpy(f->buf + f->head + f->len, p, n);
	f->len += n;
	return 0;
}

void fifo_take(struct fifo *f, size_t n)
{
	f->head += n;
	f->len -= n;
	if (f->len == 0) {
		f->head = 0;
	}
}

void fifo_free(struct fifo *f)
{
	free(f->buf);
	memset(f, 0, sizeof(*f));
}
