/*
 * An instance: an endpoint on one worker, with its peers and counters; and the
 * traffic of a worker: all its instances and what they share.
 *
 * This room is the way of a request, from the bytes that a backend has read to the
 * bytes of the reply. All of it is touched by the worker's thread only, but for the
 * counters, which others may read. What it needs from the room above it asks through
 * the hooks of the endpoint.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <revd/backend.h>
#include "loop/worker.h"
#include "traffic/backlog.h"
#include "traffic/counters.h"
#include "traffic/ticket.h"
#include "util/hist.h"
#include "util/log.h"
#include "util/macro.h"

struct config_endpoint;
struct rv_instance;
struct rv_service_worker;
struct traffic;

/* What an instance asks of its endpoint, `owner`; from the worker's thread. */
struct endpoint_hooks {
	/* May one more peer of this uid come? 0, or -EUSERS, -EDQUOT. */
	int (*admit)(void *owner, uid_t uid);
	void (*leave)(void *owner, uid_t uid); /* an admitted one has ended */
	void (*drained)(void *owner);          /* this instance has answered all */
	/* The endpoint can't go on (err: a positive errno), or its work is over (0). */
	void (*failed)(void *owner, int err);
	/* why: a sentence; NULL: it is served again. first: it was served before. */
	void (*down)(void *owner, const char *why, bool first);
};

/* The answers to INFO and STATS, as JSON; *ret is the caller's to free. */
struct endpoint_reports {
	int (*info)(const struct rv_instance *, char **ret, size_t *ret_n);
	int (*stats)(void *owner, bool histogram, char **ret, size_t *ret_n);
	/* The main thread is to do that (RV_OP_RELOAD, RV_OP_PEERS), for n bytes of payload,
	 * and to answer the ticket: traffic_answer(). 0 or -ENOMEM. */
	int (*control)(void *owner, enum rv_op, const uint8_t *data, size_t n, struct traffic *,
		rv_ticket);
};

struct post;

struct rv_instance {
	struct traffic *traffic;
	struct worker *worker; /* &traffic->worker */
	const struct rv_backend_ops *ops;
	void *block; /* the backend's */
	const struct endpoint_hooks *hooks;
	const struct endpoint_reports *reports;
	void *owner;
	const struct config_endpoint *cfg; /* for reports->info(), as of the last command */
	const char *name, *address;        /* of the endpoint, likewise */
	bool attached, draining, drained, reported;
	bool stopping;      /* the service gets no more requests */
	bool down;          /* the backend is trying to come back */
	bool tells_errors;  /* it has commit_error() */
	unsigned n_refused; /* peers that wait to be told so */
	size_t n_tickets;   /* requests in the service */
	struct rv_service_worker *service;
	struct limits limits;
	struct counters n;
	struct hist latency; /* ns, from reading a request to sending its reply */

	size_t stride;               /* of a peer with its block */
	char **chunks;               /* of PEER_CHUNK peers each */
	uint32_t n_chunks, n_slots;  /* n_slots: that were ever used */
	uint32_t free_slot, dying;   /* lists by slot + 1; 0 ends */
	struct backlog_list watched; /* of peers that a timeout may end */
	uint32_t *dirty;             /* slots with committed output to flush */
	size_t n_dirty, dirty_size;
	struct backlog_queue held; /* of peers that wait for the service */
	struct log_limit log_limit;
	pthread_mutex_t post_lock;
	struct post *posts, **posts_end; /* see post.h */
	struct rv_instance *next;        /* of the worker */
	struct rv_instance *next_polled; /* of those whose backend has poll() */
};

struct traffic {
	struct worker worker;
	struct rv_instance *instances, *polled;
	struct rv_service_worker *retired; /* with deferred replies still out */
	struct rv_service_worker *control; /* for requests that the main thread answers */
	struct tickets tickets;
	uint64_t last_client; /* the id given last */
	bool in_call;         /* a service is being called: it must not complete() */
	bool held;            /* what services complete is sent when they say so */
	bool release;         /* a service takes requests again */
	bool quiescing;       /* services that answer later get nothing more */
	size_t freed;         /* bytes of backlogs, since malloc() gave memory back */
	uint8_t *scratch;     /* replies that do not fit the transport's memory */
	size_t scratch_size;
};

/* Rate-limited, prefixed by the endpoint's name. */
void instance_log(struct rv_instance *, int prio, const char *fmt, ...) PRINTF(3, 4);
/* The same about a client, for debugging; (uid_t)-1: whose is not known. */
void instance_log_client(struct rv_instance *, uid_t, const char *fmt, ...) PRINTF(3, 4);

/* Memory for n bytes, the same one each time. NULL: there is none. */
uint8_t *traffic_scratch(struct traffic *, size_t n);
