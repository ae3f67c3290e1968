/*
 * The daemon that is measured: a private one, started here with a configuration of its
 * own in a directory of its own, or one that already runs somewhere (attached).
 */
#pragma once

#include "bench/bench.h"
#include "bench/proc.h"
#include "bench/session.h"

#define DAEMON_URI 160

struct daemon {
	struct proc proc;
	bool attached; /* it is somebody else's: never pinned, frames only where shared */
	bool serves[BENCH_TRANSPORTS];
	char uri[BENCH_TRANSPORTS][DAEMON_URI];
	bool reverse; /* what its service does; else it echoes */
	char dir[80]; /* "" if attached */
	char version[32];
	char note[256];    /* what it could not be made to serve; "" if nothing */
	uint64_t ready_ns; /* from fork() to READY=1 */
};

struct daemon_options {
	const char *program; /* path of revd */
	const char *parent;  /* an existing private directory */
	const char *name;    /* of the subdirectory, and part of the queue's name */
	const char *spin;    /* the endpoints' `spin` key, NULL: without it */
};

/* Starts a private daemon and waits until it is ready. */
int daemon_start(struct daemon *, const struct daemon_options *, struct rv_err *) MUST_CHECK;

/* Finds out about one that already runs. */
int daemon_attach(struct daemon *, const char *uri, struct rv_err *) MUST_CHECK;

/* Ends a private one and removes its directory. Fine when half made. */
void daemon_stop(struct daemon *);

/* If it has died, says how in *err and returns true. */
bool daemon_died(struct daemon *, struct rv_err *err);

/* Makes a contender of the daemon ready. */
int daemon_session(struct session *, const struct daemon *, const struct bench_contender *,
	const struct bench_load *, struct rv_err *) MUST_CHECK;

/* The path of the revd that belongs to this revbench: beside it, or in the build
 * tree, else found by $PATH. Returns buf. */
char *daemon_find_program(char *buf, size_t size);
