/*
 * The core: serves the endpoints of a configuration on its workers.
 *
 * All functions are for the main thread, the one whose event base is given to
 * core_create(). They block only for as long as a worker's current turn takes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/config.h"
#include "util/macro.h"

struct event_base;
struct core;

/* What the core tells the main thread, from inside its event loop. */
struct core_events {
	/* All endpoints are drained, or drain_timeout is over. */
	void (*drained)(void *ctx, bool timed_out);
	/* No endpoint is left: the last one failed, or its work was over. */
	void (*ended)(void *ctx, bool failed);
};

/* Inherited descriptors: fds[i] came under names[i]. An endpoint takes those of
 * its own name; taken[i] is set then. */
struct core_fds {
	size_t n;
	const int *fds;
	const char *const *names;
	bool *taken;
};

/* An event base as core_create() wants it, without locks; NULL: no memory. The
 * caller's, who may add events of its own and frees it after core_destroy(). */
struct event_base *core_base_new(void);

/* Starts n_threads workers. With 0 the calling thread is the only worker, within
 * core_run(): then the process needs no second thread, and its system calls are
 * the cheaper for it. */
int core_create(struct event_base *, unsigned n_threads, const struct core_events *, void *ctx,
	struct core **ret) MUST_CHECK;

/* Takes over the configuration, also on failure, and serves it. On failure
 * nothing is left open; the sentence is in err. */
int core_open(struct core *, struct config *, const struct core_fds *, struct rv_err *) MUST_CHECK;

/* Runs the loop of the main thread until event_base_loopbreak(). */
void core_run(struct core *);

/* Changes over to another configuration, which it takes over, also on failure.
 * Endpoints that mean the same keep their peers. On failure nothing has changed
 * but that peers of an endpoint whose address was to change hands may have been
 * let go. */
int core_reload(struct core *, struct config *, struct rv_err *) MUST_CHECK;

/* Stops accepting, answers what was received; events->drained() follows. */
void core_drain(struct core *);

/* Ends the workers, closes all endpoints, removes their names. */
void core_destroy(struct core *);

/* How many endpoints are being served. */
size_t core_n_endpoints(const struct core *);

/* For a watchdog: asks every worker for a sign of life, and returns whether all
 * of them have answered the question of the call before. */
bool core_alive(struct core *);
