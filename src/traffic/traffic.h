/*
 * The door of this room: what the main thread does with a worker's traffic. Each call
 * runs on the worker and waits for it.
 */
#pragma once

#include "traffic/handover.h"
#include "traffic/instance.h"
#include "traffic/service_worker.h"

/* Starts the worker: on base, which is the main thread's, or as a thread (NULL). 0 or
 * -errno; traffic_stop() is to be called in any case. */
int traffic_start(struct traffic *, unsigned index, struct event_base *base) MUST_CHECK;
/* Its instances are detached. */
void traffic_stop(struct traffic *);

/* What of an instance may change while it runs. The strings are the caller's until it
 * is detached or has got others. */
struct instance_settings {
	const char *name, *address; /* of the endpoint */
	const struct config_endpoint *cfg;
	struct rv_service_worker *service;
	struct limits limits;
};

/* Zeroed memory becomes an instance that is not attached. */
int instance_init(struct rv_instance *, struct traffic *, const struct rv_backend_ops *,
	const struct endpoint_hooks *, const struct endpoint_reports *, void *owner) MUST_CHECK;
/* It is not attached, and perhaps was never begun. */
void instance_finish(struct rv_instance *);

/* peers: of the process before, may be NULL. */
int instance_attach(struct rv_instance *, void *endpoint_block, const struct instance_settings *,
	struct takeover_peers *peers, struct rv_err *) MUST_CHECK;
void instance_update(struct rv_instance *, const struct instance_settings *);
/* endpoint_hooks.drained() follows. */
void instance_drain(struct rv_instance *);
/* Nothing of its peers is under way. The worker has halted, or this is its thread. */
bool instance_is_idle(struct rv_instance *);
/* Ends it, with all its peers. */
void instance_detach(struct rv_instance *);

int traffic_add_service(struct traffic *, struct rv_service_worker *, struct rv_err *) MUST_CHECK;
void traffic_drain_service(struct traffic *, struct rv_service_worker *);
/* sw->detached() follows. */
void traffic_retire_service(struct traffic *, struct rv_service_worker *);

/* Another process is to go on. First, services that answer later get nothing more; when
 * nothing is pending, the worker halts for good, and handover_pack() may follow. */
void traffic_quiesce(struct traffic *);
size_t traffic_pending(struct traffic *);
/* Answers what is pending with status stopping. */
void traffic_give_up(struct traffic *);
void traffic_halt(struct traffic *);

/* Answers a request that endpoint_reports.control() handed to the main thread. */
void traffic_answer(struct traffic *, rv_ticket, enum rv_status, const char *sentence);
