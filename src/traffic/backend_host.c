#include "traffic/backend_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "traffic/drain.h"
#include "traffic/input.h"
#include "traffic/keeper.h"
#include "traffic/mark.h"
#include "traffic/post.h"

#define MAX_REFUSED 64 /* peers at a time that are told why they can't be served */

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
	r = in->hooks->admit(in->owner, info->uid);
	if (r < 0) {
		return RV_STATUS_BUSY;
	}
	p->bits |= PEER_ACCOUNTED;
	return 0;
}

static int refuse(
	struct rv_instance *in, struct peer *p, const struct rv_peer_info *info, int status)
{
	count(&in->n.refused, 1);
	instance_log_client(in, info->uid, "it is refused: %s",
		status == RV_STATUS_DENIED ? "it may not use the endpoint" : "too many clients");
	if (info->flags & RV_PEER_REPLY_ONLY || in->n_refused >= MAX_REFUSED) {
		return -EUSERS;
	}
	if (!peer_backlog(p)) {
		return -ENOMEM;
	}
	p->backlog->input_ns = worker_now(in->worker);
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
	p->gid = info->gid;
	p->since_s = (uint32_t)(worker_now(in->worker) / 1000000000u) & PEER_SINCE_MAX;
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
	keeper_expect(in);
	*ret = peer_block(p);
	return 0;
}

static void host_peer_gone(struct rv_instance *in, void *block)
{
	peer_gone(in, peer_of(block));
}

static bool host_peer_idle(struct rv_instance *in, const void *block)
{
	(void)in;
	return peer_is_idle(peer_of(block));
}

static void host_blocked(struct rv_instance *in, void *block)
{
	struct peer *p = peer_of(block);

	if (!(p->bits & PEER_BLOCKED)) {
		count(&in->n.blocked, 1);
	}
	p->bits |= PEER_BLOCKED;
	if (peer_backlog(p)) {
		p->backlog->blocked_ns = worker_now(in->worker);
		if (p->backlog->stalled_ns) {
			p->backlog->stalled_ns = p->backlog->blocked_ns; /* some of it went out */
		}
		peer_watch(in, p);
	}
}

static void host_writable(struct rv_instance *in, void *block)
{
	struct peer *p = peer_of(block);

	p->bits &= (uint16_t) ~(PEER_BLOCKED | PEER_NO_READER);
	if (!(p->bits & PEER_GONE)) {
		p->active_ms = (uint32_t)(worker_now(in->worker) / 1000000u);
	}
	if (p->backlog) {
		p->backlog->blocked_ns = 0;
	}
	input_more(in, p);
}

struct visit {
	void (*fn)(void *peer, void *arg);
	void *arg;
};

static void visit(struct rv_instance *in, struct peer *p, void *arg)
{
	const struct visit *v = arg;

	(void)in;
	v->fn(peer_block(p), v->arg);
}

static void host_each_peer(struct rv_instance *in, void (*fn)(void *peer, void *arg), void *arg)
{
	struct visit v = {fn, arg};

	peers_each(in, visit, &v);
}

static void host_dropped(struct rv_instance *in, enum rv_drop why, uint64_t n)
{
	count(&in->n.drops[why], n);
}

static void host_drained(struct rv_instance *in)
{
	in->drained = true;
	drain_check(in);
}

static void host_failed(struct rv_instance *in, int err)
{
	err = abs(err); /* an endpoint that fails should not fail to say why */
	if (err) {
		log_error("%s: %s can't be served any more: %s", in->name, in->address,
			strerror(err));
	}
	in->hooks->failed(in->owner, err);
}

static void host_down(struct rv_instance *in, const char *why)
{
	bool first = !in->down;

	if (first) {
		instance_log(in, LOG_WARNING, "%s is not served now: %s", in->address, why);
	}
	in->down = true;
	in->hooks->down(in->owner, why, first);
}

static void host_up(struct rv_instance *in)
{
	if (in->down) {
		in->down = false;
		instance_log(in, LOG_NOTICE, "%s is served again", in->address);
		in->hooks->down(in->owner, NULL, false);
	}
}

static void host_totals(struct rv_instance *in, struct rv_totals *ret)
{
	*ret = (struct rv_totals){
		.requests = in->n.requests, .timed = in->latency.count, .ns = in->latency.sum};
	for (unsigned i = 1; i < RV_STATUS_COUNT; i++) {
		ret->errors += in->n.status[i];
	}
}

static void *volatile *host_serving(struct rv_instance *in)
{
	struct keeping *k = &in->traffic->keeping;

	return k->store ? &k->marks->serving : NULL;
}

static bool host_kept(struct rv_instance *in, const void *block)
{
	(void)in;
	return peer_is_kept(peer_of(block));
}

const struct rv_host backend_host = {
	.size = sizeof(struct rv_host),
	.event_base = host_event_base,
	.now = host_now,
	.peer_new = host_peer_new,
	.peer_gone = host_peer_gone,
	.peer_idle = host_peer_idle,
	.bytes = input_bytes,
	.messages = input_messages,
	.eof = input_eof,
	.blocked = host_blocked,
	.writable = host_writable,
	.each_peer = host_each_peer,
	.dropped = host_dropped,
	.drained = host_drained,
	.failed = host_failed,
	.down = host_down,
	.up = host_up,
	.post = post_add,
	.log = instance_log,
	.totals = host_totals,
	.serving = host_serving,
	.kept = host_kept,
};
