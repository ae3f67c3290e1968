/* Requests that a process each answers: some at once, the others wait with their clients. */
#pragma once

#include "exec/run.h"
#include "util/log.h"

struct requests {
	struct run_ground ground;
	struct reaper reaper;
	struct run *first; /* n of them */
	size_t n;
	bool paused;
	/* How many this worker may run at once now. */
	size_t (*share)(void *ctx);
	void *ctx;
	struct log_limit limit;
};

/* Zeroed memory; share and ctx are set. */
void requests_init(struct requests *, const struct rv_service_host *, struct rv_service_worker *,
	const struct program *);
/* Ends them all, with all that they have started. */
void requests_finish(struct requests *);

/* Starts one. Returns what call() is to return. */
int requests_call(struct requests *, const struct rv_request *, struct rv_reply *);
/* Nobody waits for that answer any more. */
void requests_cancel(struct requests *, rv_ticket);
