/* An endpoint from open() to close(). Main thread, but for what other threads ask of
 * it through its hooks. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include "server/admission.h"
#include "server/config_ref.h"
#include "server/predecessor.h"
#include "server/service.h"
#include "traffic/traffic.h"

struct endpoint {
	struct endpoints *all;
	const struct rv_backend_ops *ops;
	struct config_ref *config;
	struct config_ref *told; /* the backend's: it may keep strings of this one */
	const struct config_endpoint *cfg;
	struct service *service;
	void *block; /* the backend's */
	bool is_open, draining;
	bool adopted; /* its descriptors were inherited */
	atomic_bool failed;
	int error; /* of the failure, a positive errno; 0: its work was over */
	uint64_t drain_deadline;
	unsigned first_worker, n_instances; /* instances are on consecutive workers */
	struct rv_instance *instances;      /* [n_instances] */
	atomic_uint drained;                /* instances that said so */
	unsigned n_down;                    /* instances that are; under all->lock */
	char why_down[160];                 /* likewise */
	struct admission admission;
	struct legacy *legacy; /* of the process before; NULL: none, or it was attached */
	struct endpoint *next;
};

struct wish;

/* All of a server, with what they share. */
struct endpoints {
	struct services services; /* and the workers */
	const struct endpoint_reports *reports;
	pthread_rwlock_t lock; /* the list, its endpoints' cfg, why_down; for readers elsewhere */
	struct endpoint *first;
	struct wish *wishes; /* under the lock */
	unsigned next_worker;
	uint64_t start_ns; /* of the server */
};

/* What an endpoint need not make itself. */
struct endpoint_sources {
	const int *fds; /* inherited ones, taken over on success */
	size_t n_fds;
	struct legacy *legacy; /* NULL: none */
};

/* Opens it without serving it yet, so that all can be opened before the first request
 * is taken. */
int endpoint_open(struct endpoints *, struct config_ref *, const struct config_endpoint *,
	const struct endpoint_sources *, struct endpoint **ret, struct rv_err *) MUST_CHECK;
int endpoint_attach(struct endpoint *, struct rv_err *) MUST_CHECK;
/* Changes it in place. -EBUSY: that can't be done; nothing has changed. */
int endpoint_reconfigure(struct endpoint *, struct config_ref *, const struct config_endpoint *,
	struct rv_err *) MUST_CHECK;
/* Takes nothing new; what is under way may take until the deadline. */
void endpoint_drain(struct endpoint *, uint64_t deadline_ns);
bool endpoint_is_drained(const struct endpoint *);
/* It is in no list any more. */
void endpoint_destroy(struct endpoint *);
