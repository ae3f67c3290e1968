#include "traffic/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "traffic/service_worker.h"

/* Memory for more peers; their pages are not touched before they are used. */
static int add_chunk(struct rv_instance *in)
{
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
	return 0;
}

/* Ids of different workers differ in their upper bits. */
static uint64_t next_client(struct traffic *t)
{
	return (uint64_t)t->worker.index << 48 | ++t->last_client;
}

int peer_create(struct rv_instance *in, struct peer **ret)
{
	struct peer *p;
	uint32_t slot;

	if (in->free_slot) {
		slot = in->free_slot - 1;
		in->free_slot = peer_at(in, slot)->next;
	} else if (in->n_slots < in->n_chunks * PEER_CHUNK || add_chunk(in) == 0) {
		slot = in->n_slots++;
	} else {
		return -ENOMEM;
	}
	p = peer_at(in, slot);
	memset(p, 0, in->stride);
	p->slot = slot;
	p->client = next_client(in->traffic);
	p->bits = PEER_USED;
	*ret = p;
	return 0;
}

struct peer *peer_find(struct rv_instance *in, uint32_t slot, uint64_t client)
{
	struct peer *p;

	if (slot >= in->n_slots) {
		return NULL;
	}
	p = peer_at(in, slot);
	return p->client == client && p->bits & PEER_USED && !(p->bits & PEER_GONE) ? p : NULL;
}

void peers_each(
	struct rv_instance *in, void (*fn)(struct rv_instance *, struct peer *, void *), void *arg)
{
	for (uint32_t i = 0; i < in->n_slots; i++) {
		struct peer *p = peer_at(in, i);

		if (p->bits & PEER_USED && !(p->bits & PEER_GONE)) {
			fn(in, p, arg);
		}
	}
}

void peer_gone(struct rv_instance *in, struct peer *p)
{
	if (p->bits & PEER_GONE) {
		return;
	}
	if (p->bits & PEER_ACCOUNTED) {
		in->hooks->leave(in->owner, p->uid);
	}
	if (p->refuse) {
		in->n_refused--;
	}
	count(&in->n.peers, (uint64_t)-1);
	if (keeping_end(&in->traffic->keeping, p->kept)) {
		worker_want_tick(in->worker);
	}
	p->kept = 0;
	p->bits |= PEER_GONE;
	p->next = in->dying;
	in->dying = p->slot + 1;
	in->worker->ending = true;
}

void peer_close(struct rv_instance *in, struct peer *p, enum rv_close how)
{
	p->bits |= PEER_CLOSING;
	in->ops->peer_close(in->block, peer_block(p), how);
}

void peer_drop_unsent(struct rv_instance *in, struct peer *p)
{
	struct unsent *u = &p->backlog->unsent;

	while (u->first) {
		p->inflight -= unsent_pop(u);
		count(&in->n.drops[p->bits & PEER_GONE ? RV_DROP_PEER_GONE : RV_DROP_OUTPUT], 1);
	}
}

/* Nobody waits for the answer any more. */
static void cancel(struct ticket *t, rv_ticket id)
{
	struct rv_service_worker *sw = t->service;

	sw->deferred--;
	t->in->n_tickets--;
	count(&t->in->n.late, 1);
	if (sw->ops->cancelled) {
		sw->ops->cancelled(sw->block, id);
	}
}

static void free_backlog(struct rv_instance *in, struct peer *p)
{
	struct backlog *b = TAKE_PTR(p->backlog);

	if (b) {
		in->traffic->freed += backlog_cost(b);
		in->worker->ending = true;
		backlog_destroy(b);
	}
}

/* What it had unfinished is nobody's any more. */
static void finish(struct rv_instance *in, struct peer *p)
{
	if (p->backlog) {
		tickets_cancel(&in->traffic->tickets, &p->backlog->tickets, cancel);
		peer_drop_unsent(in, p);
		free_backlog(in, p);
	}
	if (p->bits & PEER_KNOWN && in->service->ops->gone) {
		in->service->ops->gone(in->service->block, p->client);
	}
}

void peers_free_dying(struct rv_instance *in)
{
	while (in->dying) {
		struct peer *p = peer_at(in, in->dying - 1);

		in->dying = p->next;
		finish(in, p);
		p->bits = 0;
		p->next = in->free_slot;
		in->free_slot = p->slot + 1;
	}
}

void peers_finish(struct rv_instance *in)
{
	for (uint32_t i = 0; i < in->n_slots; i++) {
		struct peer *p = peer_at(in, i);

		if (p->bits & PEER_USED) {
			peer_gone(in, p);
		}
	}
	peers_free_dying(in);
	for (uint32_t i = 0; i < in->n_chunks; i++) {
		free(in->chunks[i]);
	}
	free(TAKE_PTR(in->chunks));
	free(TAKE_PTR(in->dirty));
	in->n_chunks = in->n_slots = in->free_slot = 0;
	in->n_dirty = in->dirty_size = 0;
}

struct backlog *peer_backlog(struct peer *p)
{
	if (!p->backlog) {
		p->backlog = calloc(1, sizeof(*p->backlog));
		if (p->backlog) {
			p->backlog->peer = p;
		}
	}
	return p->backlog;
}

void peer_trim(struct rv_instance *in, struct peer *p)
{
	if (p->backlog && backlog_is_empty(p->backlog)) {
		free_backlog(in, p);
	}
}

void peer_watch(struct rv_instance *in, struct peer *p)
{
	if (p->backlog) {
		backlog_watch(p->backlog, &in->watched);
		worker_want_tick(in->worker);
	}
}
