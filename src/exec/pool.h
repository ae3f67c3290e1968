/* The co-processes of a service on a worker: started when there is work, and again when
 * they have ended. */
#pragma once

#include "exec/backoff.h"
#include "exec/process.h"
#include "util/log.h"

struct pool_setup {
	const struct rv_service_host *host;
	struct rv_service_worker *handle;
	const struct program *program;
	bool frames, terminal, at_once;
	uint64_t backoff_ns;
	/* How many this worker may have now. */
	size_t (*share)(void *ctx);
	void *ctx;
};

struct pool {
	struct pool_setup setup;
	struct process_ground ground;
	struct reaper reaper;
	struct process **all; /* n of size */
	size_t n, size;
	struct backoff backoff;
	struct event *flush, *tick, *start;
	bool paused, flushing, ticking, stopped;
	size_t max;            /* the largest answer that anybody has asked for */
	char why[PROCESS_WHY]; /* the last one has ended */
	struct log_limit limit;
};

/* Zeroed memory. 0 or -ENOMEM; pool_finish() in any case. */
int pool_init(struct pool *, const struct pool_setup *) MUST_CHECK;
/* Ends them all, with all that they have started. */
void pool_finish(struct pool *);

/* The one that has least to do, or a new one. max: bytes of an answer. NULL: there is none
 * now, see why. */
struct process *pool_pick(struct pool *, size_t max, char why[PROCESS_WHY]);
/* It was asked something: it is written at the end of the turn. */
void pool_asked(struct pool *);
