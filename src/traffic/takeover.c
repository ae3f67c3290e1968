#include "traffic/handover.h"

#include <errno.h>
#include <unistd.h>
#include "traffic/aside.h"
#include "traffic/input.h"
#include "traffic/peer.h"

/* A peer that has come over, and who it was. */
struct arrival {
	uint64_t old_client;
	struct peer *peer;
	struct rv_unpack backlog; /* still to be unpacked */
	bool closing;
};

struct arrivals {
	struct arrival *v;
	size_t n;
};

int takeover_peers_add(struct takeover_peers *t, struct rv_unpack *u)
{
	uint64_t n = rv_unpack_u64(u);
	struct rv_unpack *blobs;

	if (!rv_unpack_ok(u) || n > u->left) {
		return -EBADMSG;
	}
	blobs = reallocarray(t->blobs, t->n + (size_t)n + 1, sizeof(*blobs));
	if (!blobs) {
		return -ENOMEM;
	}
	t->blobs = blobs;
	for (; n > 0 && rv_unpack_ok(u); n--) {
		blobs[t->n++] = rv_unpack_blob(u);
	}
	return rv_unpack_ok(u) ? 0 : -EBADMSG;
}

int takeover_peers_put(struct takeover_peers *t, struct rv_unpack blob)
{
	struct rv_unpack *blobs = reallocarray(t->blobs, t->n + 1, sizeof(*blobs));

	if (!blobs) {
		return -ENOMEM;
	}
	blobs[t->n++] = blob;
	t->blobs = blobs;
	return 0;
}

void takeover_peers_finish(struct takeover_peers *t)
{
	free(TAKE_PTR(t->blobs));
	t->n = 0;
}

/* The backlog. */

static void unpack_cutter(struct rv_unpack *u, struct cutter *c)
{
	c->skip = rv_unpack_u64(u);
	c->line = rv_unpack_u64(u);
	c->scanned = (size_t)rv_unpack_u64(u);
	c->line_cr = rv_unpack_u64(u) != 0;
	c->resync = rv_unpack_u64(u) != 0;
	c->open = rv_unpack_u64(u) != 0;
}

static struct peer *find_arrived(const struct arrivals *all, uint64_t old_client)
{
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].old_client == old_client) {
			return all->v[i].peer;
		}
	}
	return NULL;
}

/* Whom a message names beside it has another number now; who has left keeps one that
 * nobody has. */
static int unpack_record(const struct arrivals *all, struct rv_unpack *u, struct waiting *w)
{
	uint64_t tag = rv_unpack_u64(u), reply_to = rv_unpack_u64(u), lines = rv_unpack_u64(u);
	uint64_t client = rv_unpack_u64(u), total = rv_unpack_u64(u);
	struct rv_unpack data = rv_unpack_blob(u);
	const struct peer *to = reply_to ? find_arrived(all, client) : NULL;
	struct waiting_record rec = {.tag = (uint32_t)tag, .lines = lines != 0, .total = total};

	if (!rv_unpack_ok(u) || data.left > UINT32_MAX || (rec.lines && data.left == 0)) {
		return -EBADMSG;
	}
	rec.len = (uint32_t)data.left;
	rec.client = to ? to->client : 0;
	rec.reply_to = to ? to->slot + 1 : (uint32_t)(reply_to != 0);
	return waiting_put(w, &rec, data.data);
}

static int unpack_waiting(const struct arrivals *all, struct rv_unpack *u, struct waiting *w)
{
	int r = 0;

	while (r == 0 && rv_unpack_u64(u)) {
		r = unpack_record(all, u, w);
	}
	return r < 0 ? r : rv_unpack_ok(u) ? 0 : -EBADMSG;
}

static int unpack_line(struct peer *p, struct rv_unpack *u)
{
	uint8_t status = (uint8_t)rv_unpack_u64(u), term = (uint8_t)rv_unpack_u64(u);
	uint32_t lines = (uint32_t)rv_unpack_u64(u), tag = (uint32_t)rv_unpack_u64(u);
	uint32_t request = (uint32_t)rv_unpack_u64(u);
	struct rv_unpack text = rv_unpack_blob(u);
	struct order *o = &p->backlog->order;
	struct order_line *l;

	if (!rv_unpack_ok(u) || status >= RV_STATUS_COUNT || term > 2) {
		return -EBADMSG;
	}
	l = order_add(o, term, tag);
	if (!l || order_ready(o, l, status, text.data, text.left) < 0) {
		return -ENOMEM;
	}
	l->lines = lines;
	l->request = request;
	p->inflight += request;
	return 0;
}

static int unpack_reply(struct peer *p, struct rv_unpack *u)
{
	uint64_t sent = rv_unpack_u64(u), request = rv_unpack_u64(u), tag = rv_unpack_u64(u);
	uint64_t id = rv_unpack_u64(u), status = rv_unpack_u64(u), frame = rv_unpack_u64(u);
	struct rv_unpack text = rv_unpack_blob(u);
	const struct unsent_reply what = {.len = text.left,
		.sent = (size_t)sent,
		.request = (uint32_t)request,
		.tag = (uint32_t)tag,
		.id = id,
		.status = (uint8_t)status,
		.frame = frame != 0};
	struct unsent_reply *r;

	if (!rv_unpack_ok(u) || sent > text.left || status >= RV_STATUS_COUNT) {
		return -EBADMSG;
	}
	r = unsent_add(&p->backlog->unsent, &what);
	if (!r) {
		return -ENOMEM;
	}
	memcpy(r->text, text.data, text.left);
	p->inflight += what.request;
	return 0;
}

static int unpack_each(
	struct peer *p, struct rv_unpack *u, int (*unpack)(struct peer *, struct rv_unpack *))
{
	int r = 0;

	while (r == 0 && rv_unpack_u64(u)) {
		r = unpack(p, u);
	}
	return r < 0 ? r : rv_unpack_ok(u) ? 0 : -EBADMSG;
}

static int unpack_backlog(const struct arrivals *all, struct peer *p, struct rv_unpack *u)
{
	struct backlog *b;
	struct rv_unpack uncut;
	int r;

	if (!rv_unpack_u64(u)) {
		return rv_unpack_ok(u) ? 0 : -EBADMSG;
	}
	b = peer_backlog(p);
	if (!b) {
		return -ENOMEM;
	}
	unpack_cutter(u, &b->cutter);
	uncut = rv_unpack_blob(u);
	b->input_ns = rv_unpack_u64(u);
	if (!rv_unpack_ok(u) || b->cutter.scanned > uncut.left) {
		return -EBADMSG;
	}
	r = bytes_put(&b->uncut, uncut.data, uncut.left);
	r = r < 0 ? r : joiner_unpack(&b->joining, u);
	r = r < 0 ? r : unpack_waiting(all, u, &b->waiting);
	r = r < 0 ? r : unpack_waiting(all, u, &b->addressed);
	r = r < 0 ? r : unpack_each(p, u, unpack_line);
	return r < 0 ? r : unpack_each(p, u, unpack_reply);
}

/* Peers. */

void takeover_unpack_backend(struct rv_takeover *t, struct parcel_in *parcel, struct rv_unpack *u)
{
	uint64_t n = rv_unpack_u64(u);

	*t = (struct rv_takeover){.n_fds = 0};
	if (rv_unpack_ok(u) && n <= parcel->n_fds) {
		t->fds = calloc((size_t)n + 1, sizeof(*t->fds));
	}
	u->failed |= t->fds == NULL;
	for (; t->n_fds < n && rv_unpack_ok(u); t->n_fds++) {
		t->fds[t->n_fds] = parcel_take_fd(parcel, (size_t)rv_unpack_u64(u));
	}
	t->data = rv_unpack_blob(u);
}

void takeover_finish(struct rv_takeover *t)
{
	for (size_t i = 0; i < t->n_fds; i++) {
		if (t->fds[i] >= 0) {
			close(t->fds[i]);
		}
	}
	free(TAKE_PTR(t->fds));
	t->n_fds = 0;
}

/* Makes the peer; what it has unfinished follows when all are there. */
static int arrive(
	struct rv_instance *in, struct takeover_peers *t, struct rv_unpack *u, struct arrival *ret)
{
	struct rv_takeover of_backend;
	uint64_t bits;
	void *block = NULL;
	int r;

	ret->old_client = rv_unpack_u64(u);
	bits = rv_unpack_u64(u);
	takeover_unpack_backend(&of_backend, t->parcel, u);
	ret->backlog = *u;
	r = rv_unpack_ok(u) ? in->ops->take_over_peer(in->block, &of_backend, &block, &ret->closing)
			    : -EBADMSG;
	takeover_finish(&of_backend);
	if (r < 0) {
		return r;
	}
	ret->peer = peer_of(block);
	ret->peer->bits |= (uint16_t)(bits & (PEER_EOF | PEER_NO_READER | PEER_UNCUTTABLE));
	ret->peer->bits |= ret->closing ? PEER_CLOSING : PEER_STOPPED;
	return 0;
}

static void lose(struct rv_instance *in, struct takeover_peers *t, const struct arrival *a)
{
	t->lost++;
	if (a->peer && !(a->peer->bits & PEER_GONE)) {
		in->ops->peer_close(in->block, peer_block(a->peer), RV_CLOSE_NOW);
	}
}

/* Goes on with it: sends, serves and reads what it may. */
static void go_on(struct rv_instance *in, struct arrival *a)
{
	struct peer *p = a->peer;

	if (p->backlog) {
		peer_watch(in, p);
	}
	if (p->bits & PEER_REPLY_ONLY) {
		p->bits &= (uint16_t)~PEER_STOPPED;
	}
	if (!a->closing) {
		input_more(in, p);
	}
}

/* What comes first there may be the end of something: it is skipped, and not waited for longer than
 * for any other rest. */
static void resync(struct rv_instance *in, struct peer *p, void *arg)
{
	struct backlog *b =
		p->bits & PEER_SHARED && p->bits & PEER_STREAM && !(p->bits & PEER_REPLY_ONLY)
			? peer_backlog(p)
			: NULL;

	(void)arg;
	if (b) {
		b->cutter.resync = b->cutter.open = true;
		b->input_ns = worker_now(in->worker);
		peer_watch(in, p);
	}
}

void takeover_unpack(struct rv_instance *in, struct takeover_peers *t)
{
	struct arrivals all = {.v = calloc(t->n + 1, sizeof(*all.v))};

	for (size_t i = t->share; all.v && i < t->n; i += t->shares) {
		struct arrival *a = &all.v[all.n];

		*a = (struct arrival){0};
		if (arrive(in, t, &t->blobs[i], a) < 0) {
			lose(in, t, a);
		} else {
			all.n++;
		}
	}
	for (size_t i = 0; i < all.n; i++) {
		struct arrival *a = &all.v[i];

		if (unpack_backlog(&all, a->peer, &a->backlog) < 0) {
			lose(in, t, a);
			a->peer = NULL;
		}
	}
	for (size_t i = 0; i < all.n; i++) {
		if (all.v[i].peer && !(all.v[i].peer->bits & PEER_GONE)) {
			go_on(in, &all.v[i]);
		}
	}
	t->lost += all.v ? 0 : t->n;
	free(all.v);
	if (t->torn) {
		peers_each(in, resync, NULL);
	}
}
