/* The host table: what a backend calls. */
#include "core/internal.h"

#include <errno.h>
#include <string.h>

#define MAX_REFUSED 64 /* peers at a time that are told why they can't be served */

void instance_log(struct rv_instance *in, int prio, const char *fmt, ...)
{
	uint32_t suppressed = 0;
	va_list ap;

	if (prio > log_level() || !log_allow(&in->log_limit, worker_now(in->worker), &suppressed)) {
		return;
	}
	if (suppressed) {
		log_msg(prio, "%s: %u messages suppressed", in->cfg->name, suppressed);
	}
	va_start(ap, fmt);
	log_vmsg(prio, in->cfg->name, fmt, ap);
	va_end(ap);
}

static struct event_base *host_event_base(struct rv_instance *in)
{
	return in->worker->base;
}

static uint64_t host_now(struct rv_instance *in)
{
	return worker_now(in->worker);
}

/* 0, or the status that the peer is to be refused with. */
static int admit(struct rv_instance *in, struct peer *p, const struct rv_peer_info *info)
{
	int r;

	if (info->flags & RV_PEER_SHARED) {
		return 0;
	}
	if (info->denied) {
		return RV_STATUS_DENIED;
	}
	r = endpoint_admit(
		in->endpoint, info->uid, in->limits.max_peers, in->limits.max_peers_per_uid);
	if (r < 0) {
		return RV_STATUS_BUSY;
	}
	p->bits |= PEER_ACCOUNTED;
	return 0;
}

static int refuse(
	struct rv_instance *in, struct peer *p, const struct rv_peer_info *info, int status)
{
	struct peer_extra *x;

	count(&in->n.refused, 1);
	if (info->flags & RV_PEER_REPLY_ONLY || in->n_refused >= MAX_REFUSED) {
		return -EUSERS;
	}
	x = peer_extra(p);
	if (!x) {
		return -ENOMEM;
	}
	x->input_ns = worker_now(in->worker);
	p->refuse = (uint8_t)status;
	in->n_refused++;
	peer_watch(in, p);
	return 0;
}

static int host_peer_new(struct rv_instance *in, const struct rv_peer_info *info, void **ret)
{
	struct peer *p;
	int r = peer_create(in, &p);

	if (r < 0) {
		return r;
	}
	count(&in->n.peers, 1);
	p->bits |= (uint16_t)(info->flags & (PEER_STREAM | PEER_SHARED | PEER_REPLY_ONLY));
	p->max_message = (uint32_t)MIN(info->max_message, UINT32_MAX);
	p->max_line =
		(uint32_t)MIN(info->max_line ? info->max_line : info->max_message, UINT32_MAX);
	p->uid = info->uid;
	p->active_ms = (uint32_t)(worker_now(in->worker) / 1000000u);
	r = admit(in, p, info);
	if (r > 0) {
		r = refuse(in, p, info, r);
	}
	if (r < 0) {
		peer_gone(in, p);
		return r;
	}
	count(&in->n.peers_total, 1);
	if (in->limits.idle_ns) {
		worker_want_tick(in->worker);
	}
	*ret = peer_block(p);
	return 0;
}

static void host_peer_gone(struct rv_instance *in, void *block)
{
	peer_gone(in, peer_of(block));
}

static bool host_peer_idle(struct rv_instance *in, const void *block)
{
	const struct peer *p = peer_of(block);
	const struct peer_extra *x = p->extra;

	(void)in;
	return p->inflight == 0 && !(p->bits & (PEER_DIRTY | PEER_BUSY)) &&
	       !(x && (x->held || x->n_partials || x->in.len || x->queue.len));
}

static enum rv_next host_bytes(
	struct rv_instance *in, void *block, const void *data, size_t n, bool whole)
{
	return serve_bytes(in, peer_of(block), data, n, whole);
}

static enum rv_next host_messages(
	struct rv_instance *in, void *block, const struct rv_msg *v, size_t n)
{
	return serve_messages(in, peer_of(block), v, n);
}

static void host_eof(struct rv_instance *in, void *block)
{
	serve_eof(in, peer_of(block));
}

static void host_blocked(struct rv_instance *in, void *block)
{
	struct peer *p = peer_of(block);
	struct peer_extra *x = peer_extra(p);

	if (!(p->bits & PEER_BLOCKED)) {
		count(&in->n.blocked, 1);
	}
	p->bits |= PEER_BLOCKED;
	if (x) {
		x->blocked_ns = worker_now(in->worker);
		peer_watch(in, p);
	}
}

static void host_writable(struct rv_instance *in, void *block)
{
	struct peer *p = peer_of(block);

	p->bits &= (uint16_t) ~(PEER_BLOCKED | PEER_DEAF);
	p->active_ms = (uint32_t)(worker_now(in->worker) / 1000000u);
	if (p->extra) {
		p->extra->blocked_ns = 0;
	}
	serve_more(in, p);
}

static void host_each_peer(struct rv_instance *in, void (*fn)(void *peer, void *arg), void *arg)
{
	for (uint32_t i = 0; i < in->n_chunks * PEER_CHUNK; i++) {
		struct peer *p = peer_at(in, i);

		if (p->bits & PEER_USED && !(p->bits & PEER_GONE)) {
			fn(peer_block(p), arg);
		}
	}
}

static void host_dropped(struct rv_instance *in, enum rv_drop why, uint64_t n)
{
	count(&in->n.drops[why], n);
}

static void host_drained(struct rv_instance *in)
{
	in->drained = true;
	instance_check_drained(in);
}

static void host_failed(struct rv_instance *in, int err)
{
	if (err) {
		log_error("%s: %s can't be served any more: %s", in->cfg->name, in->cfg->address,
			strerror(err));
	}
	in->endpoint->error = err;
	atomic_store(&in->endpoint->failed, true);
	core_notify(in->endpoint->core);
}

/* Does the core still owe somebody an answer? */
static bool owes(struct rv_instance *in)
{
	for (uint32_t i = 0; i < in->worker->n_tickets; i++) {
		const struct ticket *t = &in->worker->tickets[i];

		if (t->used && t->in == in && peer_find(in, t->slot, t->peer_generation)) {
			return true;
		}
	}
	for (const struct peer_extra *x = in->watched; x; x = x->watch_next) {
		if ((x->held || x->blocked_ns) && !(x->peer->bits & (PEER_SHARED | PEER_GONE))) {
			return true;
		}
	}
	return false;
}

void instance_check_drained(struct rv_instance *in)
{
	if (in->drained && !in->reported && !owes(in)) {
		in->reported = true;
		atomic_fetch_add(&in->endpoint->drained, 1);
		core_notify(in->endpoint->core);
	}
}

void instance_turn_end(struct rv_instance *in)
{
	peers_free_dying(in);
	if (in->draining) {
		instance_check_drained(in);
	}
}

const struct rv_host instance_host = {
	.size = sizeof(struct rv_host),
	.event_base = host_event_base,
	.now = host_now,
	.peer_new = host_peer_new,
	.peer_gone = host_peer_gone,
	.peer_idle = host_peer_idle,
	.bytes = host_bytes,
	.messages = host_messages,
	.eof = host_eof,
	.blocked = host_blocked,
	.writable = host_writable,
	.each_peer = host_each_peer,
	.dropped = host_dropped,
	.drained = host_drained,
	.failed = host_failed,
	.log = instance_log,
};
