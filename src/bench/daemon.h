/*
 * The daemon that is measured: a private one, started here with a configuration of its
 * own in a directory of its own, or one that already runs somewhere (attached).
 */
#pragma once

#include <string.h>
#include "bench/bench.h"
#include "bench/proc.h"

#define DAEMON_URI 160

struct daemon {
	struct proc proc;
	bool attached; /* it is somebody else's: never pinned, frames only where shared */
	bool serves[BENCH_TRANSPORTS];
	char uri[BENCH_TRANSPORTS][DAEMON_URI];
	bool reverse; /* what its service does; else it echoes */
	char dir[80]; /* "" if attached */
	char version[32];
	char broker[DAEMON_URI - 32]; /* of nats; "": none */
	char note[256];               /* what it could not be made to serve; "" if nothing */
	uint64_t ready_ns;            /* from fork() to READY=1 */
};

struct daemon_options {
	const char *program; /* path of revd */
	const char *parent;  /* an existing private directory */
	const char *name;    /* of the subdirectory, and part of the queue's name */
	const char *spin;    /* the endpoints' `spin` key, NULL: without it */
	const char *broker;  /* nats://HOST:PORT, NULL: without nats */
	const char *plugins; /* where the plugin for nats is, NULL: where it is installed */
};

/* Starts a private daemon and waits until it is ready. */
int daemon_start(struct daemon *, const struct daemon_options *, struct rv_err *) MUST_CHECK;

/* Finds out about one that already runs. */
int daemon_attach(struct daemon *, const char *uri, struct rv_err *) MUST_CHECK;

/* Ends a private one and removes its directory. Fine when half made. */
void daemon_stop(struct daemon *);

/* If it has died, says how in *err and returns true. */
bool daemon_died(struct daemon *, struct rv_err *err);

/* What stands in its configuration for that transport: a path, a queue, a subject. */
static inline const char *daemon_address(const struct daemon *d, enum bench_transport t)
{
	return t == BENCH_NATS ? strrchr(d->uri[t], '/') + 1 : strchr(d->uri[t], ':') + 1;
}

/* The path or the queue's name of a transport that it serves: its URI without the scheme. */
static inline const char *daemon_name(const struct daemon *d, enum bench_transport t)
{
	return strchr(d->uri[t], ':') + 1;
}
