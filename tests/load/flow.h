/*
 * A client: keeps `depth` requests under way over one wire, and judges what comes. When the wire
 * breaks it connects again; what had no reply by then is lost.
 */
#pragma once

#include "load/outbox.h"
#include "load/window.h"
#include "load/wire.h"

struct flow {
	struct wire wire;
	struct window window;
	struct outbox outbox;
	struct bytes in;     /* what is no whole reply yet */
	struct bytes *parts; /* of replies in fragments: a ring of WINDOW, by the number */
	unsigned depth;
	bool whole;        /* no fragments */
	uint64_t again_at; /* not open: when to try it again */
};

/* kind, address and lines stand in flow->wire, the rest is zero. */
int flow_init(struct flow *, uint32_t client, unsigned depth, struct tally *) MUST_CHECK;
void flow_finish(struct flow *);

/* Takes what has come, asks for more if it may, and writes. True if something moved. */
bool flow_turn(struct flow *, uint64_t now, bool ask);
