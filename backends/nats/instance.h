/*
 * An endpoint of NATS on one worker: a connection of its own, a member of the queue group.
 * Worker's thread.
 *
 * A peer is a reply subject. All requests come with the input of one more peer, `source`,
 * which is never answered itself.
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <revd/base/peer_cache.h>
#include "nats/endpoint.h"
#include "nats/link.h"
#include "nats/output.h"
#include "nats/services.h"
#include "nats/subject.h"

#define NATS_BATCH 256 /* messages served at once */
#define NATS_HELD (4 * NATS_BATCH)

struct nats_peer {
	struct nats_instance *in;
	struct rv_peer_cache_entry entry; /* in in->cache, unless it is the source */
	uint32_t turn;                    /* of in, when it was asked for last */
	bool source, ended;
	char subject[NATS_SUBJECT_MAX + 1]; /* where replies go */
};

struct nats_instance {
	const struct rv_host *host;
	struct rv_instance *handle;
	struct nats_endpoint *ep;
	struct nats_link *link;

	/* The connection, while there is one. */
	natsConnection *nc;
	natsSubscription *sub;
	size_t max_payload; /* of the broker, bytes */
	struct event input; /* it has sent something */
	struct event look;  /* from time to time, whether it is still there */
	bool asked;         /* about it; no answer yet */
	bool heard;         /* something, since it was looked at last */
	struct nats_services services;

	/* What comes in. */
	struct nats_peer *source;
	struct rv_peer_cache cache;
	uint32_t turn;      /* batches so far */
	bool stopped;       /* the host wants no more for now */
	bool serving;       /* a batch is with the host */
	bool emptied;       /* all that has come is served */
	struct event again; /* there is more to serve */
	struct rv_msg msgs[NATS_BATCH];
	size_t n_msgs;
	natsMsg *held[NATS_HELD]; /* the messages in which they are, and served ones */
	size_t n_held, held_bytes;

	struct nats_output out;

	/* The end. */
	struct event leave; /* a moment after drain() */
	unsigned patience;  /* looks at whether another endpoint has taken over */
	bool attached, ready, draining, unsubscribed, read_all, drained;
};

void nats_instance_init(struct nats_instance *);
/* The connection and the link end; what is unsent goes on in the background. */
void nats_instance_finish(struct nats_instance *);
/* For nats_link_create(). */
void nats_on_news(void *in, const struct nats_link_news *);
/* Tells the host once all that was read is answered and with the broker. */
void nats_check_drained(struct nats_instance *);
/* The library has closed it, and knows why. */
void nats_closed(struct nats_instance *);
/* There is no connection any more, or it is of no use: ends it and makes another one. */
void nats_lost(struct nats_instance *, const char *why);
