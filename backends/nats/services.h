/*
 * The services protocol of NATS (ADR-32): who asks $SRV.PING, $SRV.INFO or $SRV.STATS, of
 * all, of those of a name, or of one, learns what is served here and how it goes.
 */
#pragma once

#include <nats/nats.h>
#include <revd/base/util.h>

#define NATS_SERVICES_SUBJECTS 9

struct nats_instance;

struct nats_services {
	char id[33];          /* of this instance */
	char started[32];     /* when, RFC 3339 */
	char last_error[128]; /* "" for none yet */
	natsSubscription *subs[NATS_SERVICES_SUBJECTS];
};

void nats_services_init(struct nats_services *);
/* On the connection of the instance; and: not any more. */
natsStatus nats_services_subscribe(struct nats_instance *);
void nats_services_unsubscribe(struct nats_services *);
/* Answers what has come. */
void nats_services_answer(struct nats_instance *);
/* The sentence of an error that was answered. */
void nats_services_note_error(struct nats_services *, const char *, size_t n);
