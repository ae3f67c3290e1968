/*
 * Replies that the transport does not take now are put aside with their peer, up to a
 * limit, and sent when it does, in fragments if need be.
 */
#pragma once

#include "traffic/batch.h"

/* Puts a reply aside whose text, what->len bytes, the caller writes to what is returned.
 * NULL: it is lost, which is counted. */
uint8_t *aside_put(struct rv_instance *, struct peer *, const struct unsent_reply *what);

/* Sends what was put aside for the peer. False: still something left. */
bool aside_send(struct batch *, struct peer *);

/* May a reply of n bytes be put aside? The peer has a backlog. A connection that is held
 * up is not served any further, but many replies may still come out of the service. */
bool aside_has_room(const struct rv_instance *, const struct peer *, size_t n);

/* What the largest reply costs. */
size_t aside_largest(const struct rv_instance *);

/* There is no room for a reply. A client that shares its channel has to miss it; a
 * connection ends, so that its client does not wait for ever. */
void aside_lose(struct rv_instance *, struct peer *);
