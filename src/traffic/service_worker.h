/*
 * A service on a worker. After a reload that changed it, it lives on until its last
 * deferred reply is gone.
 */
#pragma once

#include <revd/service.h>
#include "traffic/instance.h"

struct rv_service_worker {
	struct traffic *traffic;
	const struct rv_service_ops *ops;
	const char *name;
	void *service; /* the block that all workers share */
	void *block;   /* this worker's */
	/* The host that the service calls. */
	const struct rv_service_host *host;
	void (*lines)(void *svc, void *worker, struct rv_lines *); /* ops->lines, or NULL */
	void (*lines_later)(void *svc, void *worker, struct rv_lines *, rv_ticket); /* likewise */
	uint64_t timeout_us;
	void (*detached)(void *owner); /* the answer to service_worker_retire() */
	void *owner;
	bool attached, draining;
	bool paused;     /* it takes no requests now */
	size_t deferred; /* tickets out */
	struct rv_service_worker *next_retired;
};

/* Makes the block and attaches the service; the fields from ops to owner are set. 0 or
 * -errno, with the sentence. */
int service_worker_attach(struct rv_service_worker *, struct traffic *, struct rv_err *) MUST_CHECK;

/* Tells it, once, that no new requests will come for long. */
void service_worker_drain(struct rv_service_worker *);

/* Detaches it as soon as its last deferred reply is gone, but not in this call, which
 * may come from inside of the service. */
void service_worker_retire(struct rv_service_worker *);

/* Detaches those of which that is true now. At the end of a turn. */
void service_workers_collect(struct traffic *);
