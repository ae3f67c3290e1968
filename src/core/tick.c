/*
 * Timeouts. One timer per worker, armed only while something can time out, so
 * that an idle daemon never wakes up; nothing is timed per request.
 */
#include "core/internal.h"

#define REFUSE_NS 1000000000u /* how long a refused peer has for its first request */
#define STALL_NS 250000000u   /* how long `.out` without a reader may hold up a shared input */

/* What is served meanwhile may have a later time than `now`. */
static uint64_t age(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

static void cut_off(struct rv_instance *in, struct peer *p, enum rv_drop why)
{
	count(&in->n.drops[why], 1);
	p->bits |= PEER_CLOSING;
	in->ops->peer_close(in->block, peer_block(p), RV_CLOSE_NOW);
}

/* Lines of a shared peer: its replies go nowhere, so they are dropped, but the
 * input itself goes on for those who are answered elsewhere. */
static void shared_gave_up(struct rv_instance *in, struct peer *p)
{
	struct peer_extra *x = p->extra;

	instance_log(in, LOG_WARNING, "nobody reads the replies to lines of %s: dropping them",
		in->cfg->address);
	held_free(in, p);
	queue_drop(in, p);
	x->stalled_ns = 0;
	p->bits |= PEER_DEAF;
	if (p->bits & PEER_STOPPED) {
		peer_resume(in, p);
	}
}

static void check_shared(struct rv_instance *in, struct peer *p, uint64_t now)
{
	struct peer_extra *x = p->extra;

	if (x->stalled_ns && age(now, x->stalled_ns) >= STALL_NS) {
		shared_gave_up(in, p);
	}
	/* while it is us who do not read, the rest may wait in the kernel */
	if (x->input_ns && !(p->bits & PEER_STOPPED) &&
		age(now, x->input_ns) >= in->limits.fragment_ns) {
		count(&in->n.torn, 1); /* half a line or frame whose writer is gone */
		fifo_free(&x->in);
		x->splitter = (struct splitter){0};
		x->input_ns = 0;
	}
}

static bool is_slow(const struct rv_instance *in, const struct peer *p, uint64_t now)
{
	const struct peer_extra *x = p->extra;

	return x->blocked_ns && in->limits.slow_ns && age(now, x->blocked_ns) >= in->limits.slow_ns;
}

/* A socket is writable only once much of its buffer is free, so a slow reader may
 * have made room that nobody told us of. Returns true if it was cut off. */
static bool cut_slow(struct rv_instance *in, struct peer *p, uint64_t now)
{
	in->ops->flush(in->block, peer_block(p));
	if (p->bits & PEER_GONE || !p->extra || !is_slow(in, p, now)) {
		return p->bits & PEER_GONE;
	}
	count(&in->n.slow_cut, 1);
	cut_off(in, p, RV_DROP_OUTPUT);
	return true;
}

/* Returns true if there is nothing left to watch. */
static bool check_peer(struct rv_instance *in, struct peer *p, uint64_t now)
{
	struct peer_extra *x = p->extra;

	if (p->bits & PEER_GONE) {
		return true;
	}
	if (x->partials || x->lossy_ns) {
		count(&in->n.fragments_lost, join_expire(x, now, in->limits.fragment_ns));
	}
	if (p->bits & PEER_SHARED) {
		check_shared(in, p, now);
	} else if (is_slow(in, p, now)) {
		return cut_slow(in, p, now);
	} else if (p->refuse && age(now, x->input_ns) >= REFUSE_NS) {
		cut_off(in, p, RV_DROP_IO);
		return true;
	}
	return !x->n_partials && !x->lossy_ns && !(x->n_markers && p->bits & PEER_REPLY_ONLY) &&
	       !x->blocked_ns && !x->held && !x->stalled_ns && !x->input_ns;
}

static void check_watched(struct rv_instance *in, uint64_t now)
{
	struct peer_extra *next;

	for (struct peer_extra *x = in->watched; x; x = next) {
		struct peer *p = x->peer;

		next = x->watch_next;
		if (check_peer(in, p, now) && p->extra) {
			peer_unwatch(p->extra);
			if (!(p->bits & PEER_GONE)) {
				peer_extra_trim(in, p);
			}
		}
	}
}

static void check_idle(struct rv_instance *in, uint64_t now)
{
	uint32_t now_ms = (uint32_t)(now / 1000000u);

	for (uint32_t i = 0; i < in->n_chunks * PEER_CHUNK; i++) {
		struct peer *p = peer_at(in, i);

		if (!(p->bits & PEER_USED) || !instance_host.peer_idle(in, peer_block(p)) ||
			p->bits & (PEER_BLOCKED | PEER_STOPPED | PEER_LINE_WAIT) ||
			p->bits & (PEER_GONE | PEER_CLOSING | PEER_SHARED | PEER_REPLY_ONLY)) {
			continue;
		}
		if ((uint64_t)(now_ms - p->active_ms) * 1000000u >= in->limits.idle_ns) {
			count(&in->n.idle_cut, 1);
			p->bits |= PEER_CLOSING;
			in->ops->peer_close(in->block, peer_block(p), RV_CLOSE_FLUSH);
		}
	}
}

void tick_run(struct worker *w)
{
	if (w->used_tickets) {
		tickets_expire(w, worker_now(w));
	}
	for (struct rv_instance *in = w->instances; in; in = in->next) {
		uint64_t now = worker_now(w);

		if (in->watched) {
			check_watched(in, now);
		}
		if (in->limits.idle_ns && in->n.peers) {
			check_idle(in, now);
		}
	}
}

bool tick_needed(const struct worker *w)
{
	if (w->used_tickets) {
		return true;
	}
	for (const struct rv_instance *in = w->instances; in; in = in->next) {
		if (in->watched || (in->limits.idle_ns && in->n.peers)) {
			return true;
		}
	}
	return false;
}
