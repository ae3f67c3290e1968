#include "traffic/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config/config.h"
#include "traffic/handover.h"
#include "traffic/mark.h"
#include "util/fd.h"

_Static_assert(BAG_SLOTS < KEPT_LATER, "a slot has another meaning");

#define RECORD_MAX ((size_t)1 << 10) /* a peer that has nothing unfinished needs less */
#define FEW 64u                      /* records of a bag that may have ended */
#define CLIENT(id) ((id) & (((uint64_t)1 << 48) - 1))

/* A message of the bag in the making. */
struct keeper_message {
	struct traffic *traffic;
	struct rv_instance *in;
	struct parcel parcel;
	struct rv_handover scratch;
	struct peer *peers[PASS_FDS];
	size_t n, n_at; /* n_at: where their number stands */
	uint64_t old;
	int r; /* what went wrong */
};

static void name_bag(const struct traffic *t, char buf[64])
{
	snprintf(buf, 64, KEEPER_NAME "%ld-%u-%llu", (long)getpid(), t->worker.index,
		(unsigned long long)t->keeping.generation);
}

void keeper_start(struct traffic *t, const struct keeper_store *store, size_t limit)
{
	t->keeping = (struct keeping){.marks = bag_reserve_marks()};
	if (t->keeping.marks) {
		t->keeping.store = store;
		t->keeping.limit = MIN(limit, BAG_SLOTS / 2);
	}
}

void keeper_leave(struct traffic *t)
{
	struct keeping *k = &t->keeping;
	char name[64];

	if (k->bag.marks) {
		name_bag(t, name);
		k->store->forget(name);
		bag_finish(&k->bag);
	}
	k->store = NULL;
}

void keeper_stop(struct traffic *t)
{
	keeper_leave(t);
	bag_release_marks(TAKE_PTR(t->keeping.marks));
}

/* The bag. */

static int give(struct traffic *t, struct bag *b)
{
	struct keeping *k = &t->keeping;
	int ends[BAG_ENDS] = {-1, -1};
	char name[64];
	int r = bag_create(b, k->generation, ends);

	if (r < 0) {
		return r;
	}
	name_bag(t, name);
	r = bag_move_marks(b, k->marks);
	r = r < 0 ? r : k->store->store(name, ends, BAG_ENDS);
	fd_close(ends[BAG_SOCKET]);
	fd_close(ends[BAG_MARKS]);
	return r;
}

/* Nobody takes it: what is not known in advance is said once. */
static void give_up(struct traffic *t, int r)
{
	log_notice("connections are not kept for the case of a crash: the service manager does "
		   "not take them (%s); FileDescriptorStoreMax= of the unit may be too small",
		strerror(-r));
	keeper_leave(t);
}

static void forget_one(struct rv_instance *in, struct peer *p, void *arg)
{
	(void)in;
	(void)arg;
	if (p->kept != KEPT_LATER) {
		p->kept = 0;
	}
}

/* An empty one, in place of the old one, which ends with it. Who was kept waits to be put into
 * it, with nothing served meanwhile. */
static int begin_bag(struct traffic *t)
{
	struct keeping *k = &t->keeping;
	struct bag fresh = {0}, old = k->bag;
	char name[64];
	int r;

	name_bag(t, name);
	k->generation++;
	r = give(t, &fresh);
	k->bag = fresh;
	k->used = k->live = 0;
	k->full = false;
	for (struct rv_instance *in = t->instances; in; in = in->next) {
		peers_each(in, forget_one, NULL);
	}
	if (old.marks) {
		k->store->forget(name);
		bag_finish(&old);
	}
	if (r < 0) {
		give_up(t, r);
	}
	return r;
}

/* Messages. */

static void begin_message(struct keeper_message *m)
{
	struct rv_pack *p = &m->parcel.data;

	m->n = p->len = m->parcel.n_fds = 0;
	rv_pack_u64(p, KEEPER_MAGIC);
	rv_pack_u64(p, KEEPER_VERSION);
	rv_pack_string(p, m->in->ops->name);
	rv_pack_string(p, m->in->cfg->names[0]);
	rv_pack_u64(p, m->in->ops->handover_version);
	m->n_at = p->len;
	rv_pack_u64(p, 0);
}

static void kept(struct keeper_message *m)
{
	struct keeping *k = &m->traffic->keeping;

	for (size_t i = 0; i < m->n; i++) {
		m->peers[i]->kept = (uint16_t)++k->used;
		k->marks->clean[k->used - 1] = true;
	}
	k->live += m->n;
}

static void end_message(struct keeper_message *m)
{
	struct keeping *k = &m->traffic->keeping;
	struct rv_pack *p = &m->parcel.data;
	uint64_t n = m->n;

	if (n == 0 || m->r < 0) {
		return;
	}
	if (p->failed) {
		m->r = -ENOMEM;
		return;
	}
	memcpy(p->data + m->n_at, &n, sizeof(n));
	m->r = k->bag.marks ? 0 : begin_bag(m->traffic);
	if (m->r < 0) {
		return;
	}
	m->r = bag_put(&k->bag, p->data, p->len, m->parcel.fds, m->parcel.n_fds);
	if (m->r == 0) {
		kept(m);
	}
	begin_message(m);
}

/* It is to be kept, and has not been yet. */
static void put(struct rv_instance *in, struct peer *p, void *arg)
{
	struct keeper_message *m = arg;
	struct keeping *k = &m->traffic->keeping;
	struct rv_pack *pack = &m->parcel.data;

	if (p->kept || m->r < 0 || p->refuse || peer_is_gone(p) || k->live + m->n >= k->limit ||
		p->bits & PEER_REPLY_ONLY) {
		return;
	}
	if (CLIENT(p->client) > m->old) {
		k->young = true;
		return;
	}
	if (!peer_is_settled(p)) {
		p->kept = KEPT_LATER;
		return;
	}
	if (k->used + m->n == BAG_SLOTS) {
		m->r = -EAGAIN;
		return;
	}
	rv_pack_u64(pack, k->used + m->n);
	rv_pack_u64(pack, (uintptr_t)peer_block(p));
	if (p->bits & PEER_SHARED) {
		rv_pack_blob(pack, NULL, 0); /* it is its mark that counts */
	} else {
		handover_pack_peer(in, p, &m->scratch, &m->parcel);
	}
	m->peers[m->n++] = p;
	/* a peer has one descriptor or a few */
	if (m->parcel.n_fds + 8 > PASS_FDS || pack->len + RECORD_MAX > BAG_MESSAGE) {
		end_message(m);
	}
}

static bool can_keep(const struct rv_instance *in)
{
	return in->ops->caps & RV_CAP_KEEP && handover_is_supported(in->ops) && !in->draining;
}

/* Puts in whoever is to be kept. 0 or -errno: not all of them. */
static int fill(struct traffic *t, uint64_t old)
{
	struct keeper_message m = {.traffic = t, .old = old};

	t->keeping.young = false;
	for (struct rv_instance *in = t->instances; in; in = in->next) {
		if (can_keep(in)) {
			m.in = in;
			begin_message(&m);
			peers_each(in, put, &m);
			end_message(&m);
		}
	}
	parcel_finish(&m.parcel);
	free(m.scratch.data.data);
	free(m.scratch.fds.data);
	return m.r;
}

/* Beside the tick. */

void keeper_expect(struct rv_instance *in)
{
	const struct keeping *k = &in->traffic->keeping;

	if (k->store && !k->full && k->live < k->limit && in->ops->caps & RV_CAP_KEEP) {
		worker_want_tick(in->worker);
	}
}

static bool has_much_ended(const struct keeping *k)
{
	return k->used > FEW && k->live < k->used / 2;
}

/* Nobody holds its other end. */
static bool is_orphan(int r)
{
	return r == -EPIPE || r == -ECONNRESET || r == -ECONNREFUSED;
}

bool keeper_tick(struct traffic *t)
{
	struct keeping *k = &t->keeping;
	uint64_t old = k->old;
	int r = 0;

	if (!k->store) {
		return false;
	}
	k->old = t->last_client;
	if (has_much_ended(k)) {
		k->full = false;
		r = begin_bag(t);
	}
	if (r < 0 || k->full || k->live >= k->limit) {
		return false;
	}
	r = fill(t, old);
	if (is_orphan(r)) {
		give_up(t, r);
	} else if (r < 0 && k->store && k->live < k->used) { /* full of those that have ended */
		r = begin_bag(t);
		r = r < 0 ? r : fill(t, old);
	}
	k->full = r < 0;
	return k->store && !k->full && k->young;
}
