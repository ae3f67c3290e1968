/*
 * What a client has to write, in pieces: a message, a frame, or a part of one. A piece may ask for
 * a pause behind it, so that the daemon gets the rest of something later.
 */
#pragma once

#include <stdbool.h>
#include "load/wire.h"
#include "util/bytes.h"

struct outbox {
	struct bytes data, pieces;
	uint64_t hold_until; /* CLOCK_MONOTONIC, ns; 0: no pause */
	bool full;           /* the wire took no more at the last try */
};

struct piece {
	uint32_t n;
	uint32_t hold_us;
	bool last; /* a request ends here */
};

int outbox_put(struct outbox *, const struct piece *, const void *data) MUST_CHECK;
static inline bool outbox_is_empty(const struct outbox *o)
{
	return o->data.len == 0;
}
/* Writes what the wire takes now. Returns how many requests ended in it, or -errno: the wire is
 * broken. */
ssize_t outbox_send(struct outbox *, struct wire *, uint64_t now) MUST_CHECK;
/* Forgets all; the memory is freed. */
void outbox_clear(struct outbox *);
