/* The mark of a peer that is kept, see keeper.h: has it something unfinished? */
#pragma once

#include "traffic/peer.h"

static inline bool peer_is_kept(const struct peer *p)
{
	return p->kept && p->kept != KEPT_LATER;
}

/* All that was read of it is answered, and the answer is the kernel's. */
static inline bool peer_is_settled(const struct peer *p)
{
	const uint16_t unsettled = PEER_BUSY | PEER_DIRTY | PEER_GONE | PEER_CLOSING | PEER_EOF |
				   PEER_BLOCKED | PEER_HELD | PEER_UNCUTTABLE;

	return !p->backlog && !p->inflight && !p->refuse && !(p->bits & unsettled);
}

/* It may have become one that has something unfinished, or one that has not. */
static inline void mark_peer(struct rv_instance *in, struct peer *p)
{
	bool settled;

	if (!p->kept) {
		return;
	}
	settled = LIKELY(peer_is_settled(p));
	if (p->kept != KEPT_LATER) {
		volatile uint8_t *clean = &in->traffic->keeping.marks->clean[p->kept - 1];

		if (*clean != settled) {
			*clean = settled;
		}
	} else if (settled) {
		p->kept = 0;
		worker_want_tick(in->worker);
	}
}

/* What it was waiting for may have been that alone. Where its batch is not over yet, and the mark
 * still says that it is settled, the end of the batch tells. */
static inline void mark_flushed(struct rv_instance *in, struct peer *p)
{
	if (UNLIKELY(p->kept) &&
		(p->kept == KEPT_LATER || !in->traffic->keeping.marks->clean[p->kept - 1])) {
		mark_peer(in, p);
	}
}
