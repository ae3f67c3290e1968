/* Requests that a service answers later, and the host that services call. */
#pragma once

#include "traffic/service_worker.h"

extern const struct rv_service_host deferred_host;

/* Answers those whose time has run out. */
void deferred_expire(struct traffic *, uint64_t now_ns);

/* Answers all of the instance with status stopping, also what waits for the service: it is
 * about to end. */
void deferred_stop(struct rv_instance *);

/* The process will be replaced: services that have requests get no more, what else comes for
 * them waits with its clients. And: those that they still have are answered with stopping. */
void deferred_quiesce(struct traffic *);
void deferred_give_up(struct traffic *);

/* Serves those that waited for services which take requests again. */
void deferred_release(struct traffic *);
