/* What a daemon costs that nobody talks to. */
#pragma once

#include "bench/bench.h"
#include "bench/daemon.h"
#include "bench/figures.h"

#define IDLE_CONNECTIONS 5000u

struct idle {
	struct range ready_ms;       /* from fork() to READY=1, of several starts */
	double pss;                  /* bytes, all transports open, no client */
	double wakeups;              /* context switches per second, no client */
	unsigned connections;        /* that were open for the next two */
	double bytes_per_connection; /* of user memory */
	double wakeups_connected;    /* per second, with all of them idle */
};

/* CPU time that a daemon takes while nobody talks to it, as a share of one CPU. */
double idle_cpu_share(const struct daemon *);

/* Starts private daemons below o->parent, one after the other. The name is set here. */
int idle_measure(struct idle *, const struct daemon_options *, struct rv_err *) MUST_CHECK;
