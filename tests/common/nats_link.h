/* A client of a subject as a client_link: messages are texts or frames, each on its own. */
#pragma once

#include "common/client.h"
#include "common/nats_broker.h"

/* Subscribes an inbox of its own, and returns once the subject is served. The link belongs to
 * the client that it is given to. */
struct client_link *nats_link_open(const struct nats_broker *, const char *subject);
