/* The mark of a peer that is kept, see keeper.h: has it something unfinished? */
#pragma once

#include "traffic/peer.h"

#define KEPT_LATER UINT32_MAX /* peer.kept: as soon as it has nothing unfinished */

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
	settled = peer_is_settled(p);
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

/* It has ended: its slot is used no more. */
static inline void mark_gone(struct rv_instance *in, struct peer *p)
{
	struct keeping *k = &in->traffic->keeping;

	if (peer_is_kept(p)) {
		k->marks->clean[p->kept - 1] = false;
		k->live--;
		if (k->live < k->used / 2 || k->live == k->limit - k->limit / 8) {
			worker_want_tick(in->worker);
		}
	}
	p->kept = 0;
}
