/*
 * Replies: what a service writes goes into an arena, and frames for one peer share a message
 * as far as the broker takes it.
 */
#pragma once

#include "nats/publish.h"

#define NATS_PLAIN 1u /* rv_msg.tag of a request that is a text and no frame */

void nats_output_finish(struct nats_output *);
/* Forgets what is not sent for this peer. */
void nats_output_forget(struct nats_output *, const struct nats_peer *);

/* rv_backend_ops */
int nats_reserve(void *in, void *peer, size_t min, struct rv_room *ret);
void nats_commit(void *in, void *peer, size_t used, uint32_t tag);
void nats_commit_error(void *in, void *peer, size_t used, uint32_t tag, enum rv_status);
void nats_flush(void *in, void *peer);
