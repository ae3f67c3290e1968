/* Who is answered: reply subjects, a bounded number of them. */
#pragma once

#include "nats/output.h"

/* The peer of a reply subject, or the source (NULL). 0 or -errno. */
int nats_peer_new(struct nats_instance *, const char *subject, struct nats_peer **ret) MUST_CHECK;
void nats_peer_end(struct nats_peer *);

/* rv_backend_ops */
void nats_peer_close(void *in, void *peer, enum rv_close);
