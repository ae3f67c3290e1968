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
#include "nats/subject.h"

#define NATS_BATCH 256 /* messages served at once */
#define NATS_HELD (4 * NATS_BATCH)

#define NATS_QUESTIONS 9 /* subjects of the services protocol */

struct nats_instance;

struct nats_peer {
	struct nats_instance *in;
	struct rv_peer_cache_entry entry; /* in in->cache, unless it is the source */
	uint32_t turn;                    /* of in, when it was asked for last */
	bool source, ended;
	char subject[NATS_SUBJECT_MAX + 1]; /* where replies go */
};

/* Replies on their way. */
struct nats_output {
	uint8_t *mem;
	size_t size;
	struct nats_peer *owner; /* whose frames are in mem, from first to end */
	size_t first, end;
	struct event flush, room; /* at the end of the turn; the socket takes more */
	struct event noted;       /* all is sent, or the connection has ended */
	size_t pending;           /* bytes that wait for the broker */
	uint64_t n_pending;       /* messages published since none waited */
	bool full;                /* the socket takes no more: `room` waits */
	struct nats_kept *first_kept, *last_kept; /* until there is a broker */
};

struct nats_services {
	char id[33];          /* of this instance */
	char host[65];        /* this machine */
	char started[32];     /* when, RFC 3339 */
	char last_error[128]; /* the sentence that was answered last, "" for none yet */
	natsSubscription *subs[NATS_QUESTIONS];
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
