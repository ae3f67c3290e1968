/*
 * The server: serves the endpoints of a configuration on its workers.
 *
 * All functions are for the main thread, the one whose event base is given to
 * server_create(). They block only for as long as a worker's current turn takes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/config.h"
#include "server/endpoints.h"
#include "traffic/keeping.h"
#include "util/macro.h"

struct event_base;
struct server;

/* What the server tells the main thread, from inside its event loop. */
struct server_events {
	/* All endpoints are drained, or drain_timeout is over. */
	void (*drained)(void *ctx, bool timed_out);
	/* No endpoint is left: the last one failed, or its work was over. */
	void (*ended)(void *ctx, bool failed);
	/* A client asks for a reload. Returns what server_reload() does, or another
	 * -errno, with the sentence that the client gets. */
	int (*reload)(void *ctx, struct rv_err *);
	/* What server_describe() says may have changed. */
	void (*changed)(void *ctx);
	/* The answer to server_quiesce(). */
	void (*quiet)(void *ctx);
};

/* An event base as server_create() wants it, without locks; NULL: no memory. The
 * caller's, who may add events of its own and frees it after server_destroy(). */
struct event_base *server_base_new(void);

/* Starts n_threads workers. With 0 the calling thread is the only worker, within
 * server_run(): then the process needs no second thread, and its system calls are
 * the cheaper for it. */
int server_create(struct event_base *, unsigned n_threads, const struct server_events *, void *ctx,
	struct server **ret) MUST_CHECK;

/* Connections are kept for the case of a crash, see traffic/keeper.h. Before server_open(). */
void server_keep(struct server *, const struct keeper_store *);

/* Takes over the configuration, also on failure, and serves it. On failure
 * nothing is left open; the sentence is in err. */
int server_open(
	struct server *, struct config *, const struct inherited_fds *, struct rv_err *) MUST_CHECK;

/* Runs the loop of the main thread until event_base_loopbreak(). */
void server_run(struct server *);

/* Changes over to another configuration, which it takes over, also on failure.
 * Endpoints that mean the same keep their peers. On failure nothing has changed
 * but that peers of an endpoint whose address was to change hands may have been
 * let go. */
int server_reload(struct server *, struct config *, struct rv_err *) MUST_CHECK;

/* Stops accepting, answers what was received; events->drained() follows. */
void server_drain(struct server *);

/* Another process is to go on: services that answer later get nothing more, endpoints that can't
 * be handed over are drained; all others serve on. events->quiet() follows when nothing is in a
 * service any more, or after drain_timeout. */
void server_quiesce(struct server *);
/* Then: halts, and packs what the other process gets. Nothing but exit or exec may follow: names
 * stay. */
void server_hand_over(struct server *, struct parcel *);

/* Ends the workers, closes all endpoints, removes their names. */
void server_destroy(struct server *);

/* Writes "serving 3 endpoints", or which of them are down and why. */
void server_describe(struct server *, char *buf, size_t size);

/* What flows, since the start. */
struct server_activity {
	uint64_t requests;
	uint64_t connections; /* now; clients that share a channel are not counted */
};
/* Waits for no worker: it can be asked while one hangs. */
struct server_activity server_activity(const struct server *);
/* Is something in a service? Waits for the workers' turns. */
bool server_is_unfinished(struct server *);

/* The name of an endpoint whose names nobody else holds; NULL: all are inherited. */
const char *server_find_own(const struct server *);
/* Halts all workers; true if then nobody is connected and nothing is unfinished, so that the
 * process may end. */
bool server_halt_if_idle(struct server *) MUST_CHECK;

/* Logs what was served, a line for each endpoint. */
void server_log_stats(struct server *);

/* For a watchdog: asks every worker for a sign of life, and returns whether all
 * of them have answered the question of the call before. */
bool server_alive(struct server *);
