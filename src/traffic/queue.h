/*
 * Requests whose turn has not come: messages, and the lines of a shared peer, wait in
 * the backlog until the output is free, or until the service takes more.
 */
#pragma once

#include "traffic/peer.h"
#include "traffic/request.h"

/* What all that waits costs, in bytes. */
static inline size_t queue_cost(const struct backlog *b)
{
	return waiting_cost(&b->waiting) + waiting_cost(&b->addressed);
}

/* Must the piece stay where it is until the service takes more? The peer is held
 * (PEER_HELD) then. */
bool queue_must_hold(struct rv_instance *, struct peer *, const struct cut_piece *);

/* Puts whole lines of a shared stream aside. */
void queue_lines(struct rv_instance *, struct peer *, const uint8_t *data, size_t n);

/* Serves a message that has just come, or puts it aside. */
void queue_message(struct batch *, struct peer *, const struct rv_msg *);

/* Serves what waits, as far as may be. */
void queue_serve(struct batch *, struct peer *);
