/*
 * The services protocol of NATS (ADR-32): who asks $SRV.PING, $SRV.INFO or $SRV.STATS, of
 * all, of those of a name, or of one, learns what is served here and how it goes.
 */
#pragma once

#include "nats/publish.h"

void nats_services_init(struct nats_services *);
/* On the connection of the instance; and: not any more. */
natsStatus nats_services_subscribe(struct nats_instance *);
void nats_services_unsubscribe(struct nats_services *);
/* Answers what has come. */
void nats_services_answer(struct nats_instance *);
