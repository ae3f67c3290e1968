/*
 * Services: one block for all workers, and one for each. A reload that changes a
 * service makes a new one; the old one lives until its last deferred reply is gone.
 * Main thread.
 */
#pragma once

#include <stdatomic.h>
#include "server/config_ref.h"
#include "traffic/traffic.h"

struct service {
	struct services *all;
	const struct rv_service_ops *ops;
	struct config_ref *config;
	const struct config_service *cfg;
	void *block;
	unsigned endpoints;  /* that use it */
	bool retired;        /* it serves nobody new */
	atomic_uint workers; /* how many still have it attached */
	struct service *next;
	struct rv_service_worker *on; /* [all->n_workers] */
};

/* All of a server. */
struct services {
	struct traffic *traffics; /* the workers'; [n_workers] */
	unsigned n_workers;
	int notify_fd; /* told when a retired one may be collected */
	struct service *first;
};

/* The service that cfg means, for one more endpoint: one that is there or a new one.
 * NULL: err says why. */
struct service *service_get(
	struct services *, struct config_ref *, const struct config_service *cfg, struct rv_err *);
/* An endpoint does not use it any more. */
void service_put(struct service *);

/* The daemon stops. */
void services_drain(struct services *);
/* Retires those that nobody uses, frees those that are retired and detached. */
void services_collect(struct services *);
