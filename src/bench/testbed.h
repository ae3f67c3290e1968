/*
 * What a measurement stands on: the machine kept still, a private directory, the servers,
 * and the signals that end it.
 */
#pragma once

#include <signal.h>
#include "bench/daemon.h"
#include "bench/machine.h"
#include "bench/nats_server.h"
#include "bench/rivals.h"

struct testbed_options {
	const char *revd;    /* the program to start, */
	const char *uri;     /* unless this one runs already; else NULL */
	bool spins;          /* also a daemon whose endpoints spin, if revd can */
	const char *plugins; /* see daemon.h */
	bool nats;           /* a broker, too */
	bool rivals;
	bool raise; /* run before other programs */
};

struct testbed {
	struct machine machine;
	struct daemon daemon;
	struct daemon spinning; /* without a process: there is none */
	struct rivals rivals;
	struct nats_server broker;
	char dir[64];
};

/* Signals and limits of this process. Returns the flag that SIGINT and SIGTERM set: end after
 * this slice; NULL with errno set. */
const volatile sig_atomic_t *testbed_prepare(void) MUST_CHECK;

/* 0, or -errno with a sentence; testbed_close() is due in both cases. */
int testbed_open(struct testbed *, const struct testbed_options *, struct rv_err *) MUST_CHECK;
void testbed_close(struct testbed *);

/* The daemon that spins; NULL: there is none. */
struct daemon *testbed_spinning(struct testbed *);
