/*
 * Another client of the same endpoint, in a process of its own, that keeps many
 * requests in flight: what somebody else's program does to yours.
 */
#pragma once

#include "bench/daemon.h"

#define NEIGHBOUR_WINDOW 64u

/* Starts one for about ns, and returns when its first requests are on their way. */
int neighbour_start(struct proc *ret, const struct daemon *, const struct bench_contender *,
	uint64_t ns, struct rv_err *) MUST_CHECK;

/* Waits for its end. An error if it was not served well. */
int neighbour_join(struct proc *, struct rv_err *) MUST_CHECK;
