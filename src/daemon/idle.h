/* exit_on_idle: ends a daemon that nobody has used for a while, where the service manager holds
 * all of its names and starts it again. */
#pragma once

#include "daemon/restart.h"

struct idle {
	struct server *server;
	struct restart *restart;
	struct event *timer; /* NULL: not wanted, or not possible */
	uint64_t timeout_us;
	uint64_t requests, since_ns; /* nothing has changed since then */
	bool ended;                  /* by this */
};

/* Begins, ends or changes as the configuration says; what stands in the way is logged. */
void idle_apply(struct idle *, struct event_base *, const struct config *);
void idle_finish(struct idle *);
