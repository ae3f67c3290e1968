/* The connection of an instance: its beginning, its end, and what is heard of it. */
#pragma once

#include "nats/instance.h"

void nats_connection_init(struct nats_instance *);
/* The connection and the link end; what is unsent goes on in the background. */
void nats_connection_finish(struct nats_instance *);
/* For nats_link_create(). */
void nats_connection_news(void *in, const struct nats_link_news *);
/* It takes no more requests but those that are on their way. */
void nats_connection_unsubscribe(struct nats_instance *);
