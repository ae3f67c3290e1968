/* Requests: from the messages that the broker has sent to the host. */
#pragma once

#include "nats/peers.h"

/* Serves what has been read; a bounded amount, more in the next turn. */
void nats_serve(struct nats_instance *);
/* Frees the messages that were served. */
void nats_release(struct nats_instance *);
