/* Requests: from the messages that the broker has sent to the host, and whom to answer. */
#pragma once

#include "nats/instance.h"

/* Serves what has been read; a bounded amount, more in the next turn. */
void nats_serve(struct nats_instance *);
/* Frees the messages that were served. */
void nats_release(struct nats_instance *);
/* The peer of a reply subject, or the source (NULL). 0 or -errno. */
int nats_peer_new(struct nats_instance *, const char *subject, struct nats_peer **ret) MUST_CHECK;
void nats_peer_end(struct nats_peer *);

/* rv_backend_ops */
void nats_peer_close(void *in, void *peer, enum rv_close);
