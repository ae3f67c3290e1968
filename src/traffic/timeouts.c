#include "traffic/timeouts.h"

#include <revd/quote.h>
#include "traffic/deferred.h"
#include "traffic/input.h"

#define REFUSE_NS 1000000000u /* how long a refused peer has for its first request */
#define STALL_NS 250000000u   /* how long `.out` without a reader may hold up a shared input */

/* What is served meanwhile may have a later time than `now`. */
static uint64_t age(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

static void cut_off(struct rv_instance *in, struct peer *p, enum rv_drop why, const char *sentence)
{
	count(&in->n.drops[why], 1);
	instance_log_client(in, p->uid, "it is cut off: %s", sentence);
	peer_close(in, p, RV_CLOSE_NOW);
}

/* The replies to lines of a shared peer go nowhere, so they are dropped, but the
 * input itself goes on for those who are answered elsewhere. */
static void give_up_lines(struct rv_instance *in, struct peer *p)
{
	size_t n;

	instance_log(in, LOG_WARNING, "nobody reads the replies to lines of %s: dropping them",
		in->address);
	peer_drop_unsent(in, p);
	n = waiting_drop(&p->backlog->waiting);
	count(&in->n.requests, n);
	count(&in->n.drops[RV_DROP_OUTPUT], n);
	p->backlog->stalled_ns = 0;
	p->bits |= PEER_NO_READER;
	if (p->bits & PEER_STOPPED && !(p->bits & PEER_HELD)) {
		input_resume(in, p);
	}
}

/* Half a line or frame, whose writer is gone. */
static void drop_torn(struct rv_instance *in, struct backlog *b)
{
	char start[48];

	count(&in->n.torn, !b->cutter.resync); /* else it is counted already */
	instance_log(in, LOG_DEBUG, "half a line or frame is dropped, its end did not come: %s",
		rv_quote(bytes_head(&b->uncut), b->uncut.len, start, sizeof(start)));
	bytes_free(&b->uncut);
	b->cutter = (struct cutter){0};
	b->input_ns = 0;
}

static void check_shared(struct rv_instance *in, struct peer *p, uint64_t now)
{
	struct backlog *b = p->backlog;
	bool no_reader = p->bits & PEER_BLOCKED || b->unsent.first;

	if (b->stalled_ns && no_reader && age(now, b->stalled_ns) >= STALL_NS) {
		give_up_lines(in, p);
		b = p->backlog;
	}
	/* while it is us who do not read, the rest may wait in the kernel */
	if (b && b->input_ns && !(p->bits & PEER_STOPPED) &&
		age(now, b->input_ns) >= in->limits.fragment_ns) {
		drop_torn(in, b);
	}
}

static bool is_slow(const struct rv_instance *in, const struct peer *p, uint64_t now)
{
	const struct backlog *b = p->backlog;

	return b->blocked_ns && in->limits.slow_ns && age(now, b->blocked_ns) >= in->limits.slow_ns;
}

/* A socket is writable only once much of its buffer is free, so a slow reader may
 * have made room that nobody told us of. Returns true if it was cut off. */
static bool cut_slow(struct rv_instance *in, struct peer *p, uint64_t now)
{
	in->ops->flush(in->block, peer_block(p));
	if (p->bits & PEER_GONE || !p->backlog || !is_slow(in, p, now)) {
		return p->bits & PEER_GONE;
	}
	count(&in->n.slow_cut, 1);
	cut_off(in, p, RV_DROP_OUTPUT, "it took no replies for slow_timeout");
	return true;
}

static bool is_waiting(const struct peer *p)
{
	const struct backlog *b = p->backlog;
	bool markers_end = b->joining.n_markers && p->bits & PEER_REPLY_ONLY;

	return b->joining.n_messages || b->joining.lossy_ns || markers_end || b->blocked_ns ||
	       b->unsent.first || b->stalled_ns || b->input_ns;
}

/* Returns true if there is nothing left to watch. A backend that goes on reading, or
 * that can send, may empty the backlog meanwhile, this one or another. */
static bool check_peer(struct rv_instance *in, struct peer *p, uint64_t now)
{
	struct backlog *b = p->backlog;
	size_t cost, lost;

	if (p->bits & PEER_GONE) {
		return true;
	}
	cost = b->joining.cost;
	lost = joiner_expire(&b->joining, now, in->limits.fragment_ns, p->bits & PEER_REPLY_ONLY);
	if (lost > 0) {
		count(&in->n.fragments_lost, lost);
		instance_log_client(in, p->uid,
			"%zu %s lost: the next fragment did not come in time", lost,
			lost == 1 ? "message is" : "messages are");
	}
	in->traffic->freed += cost - b->joining.cost;
	if (p->bits & PEER_SHARED) {
		check_shared(in, p, now);
	} else if (is_slow(in, p, now)) {
		return cut_slow(in, p, now);
	} else if (p->refuse && age(now, b->input_ns) >= REFUSE_NS) {
		cut_off(in, p, RV_DROP_IO, "it was refused and sent no request");
		return true;
	}
	return !p->backlog || !is_waiting(p);
}

static void check_watched(struct rv_instance *in, uint64_t now)
{
	struct backlog_list *l = &in->watched;

	for (struct backlog *b = LIST_FIRST(&l->all); b; b = l->next) {
		struct peer *p = b->peer;

		l->next = LIST_NEXT(b, watch);
		if (check_peer(in, p, now) && p->backlog) {
			backlog_unwatch(p->backlog);
			if (!(p->bits & PEER_GONE)) {
				peer_trim(in, p);
			}
		}
	}
}

static void check_idle_peer(struct rv_instance *in, struct peer *p, void *arg)
{
	const uint16_t spared =
		PEER_BLOCKED | PEER_STOPPED | PEER_CLOSING | PEER_SHARED | PEER_REPLY_ONLY;
	uint64_t now = *(const uint64_t *)arg;
	uint32_t idle_ms = (uint32_t)(now / 1000000u) - p->active_ms;

	if (p->bits & spared || !peer_is_idle(p)) {
		return;
	}
	if ((uint64_t)idle_ms * 1000000u >= in->limits.idle_ns) {
		count(&in->n.idle_cut, 1);
		instance_log_client(in, p->uid, "it is cut off: idle for idle_timeout");
		peer_close(in, p, RV_CLOSE_FLUSH);
	}
}

static bool may_idle(const struct rv_instance *in)
{
	return in->limits.idle_ns && in->n.peers;
}

bool timeouts_check(struct traffic *t)
{
	bool again = false;

	if (t->tickets.used) {
		deferred_expire(t, worker_now(&t->worker));
	}
	t->freed += tickets_trim(&t->tickets);
	for (struct rv_instance *in = t->instances; in; in = in->next) {
		uint64_t now = worker_now(&t->worker);

		check_watched(in, now);
		if (may_idle(in)) {
			peers_each(in, check_idle_peer, &now);
		}
		again |= !LIST_EMPTY(&in->watched.all) || may_idle(in);
	}
	return again || t->tickets.used;
}
