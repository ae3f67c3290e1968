/*
 * Runs groups: opens a rig for each contender, then round after round one slice for
 * each, in an order that moves on by one each round, so that nobody always comes after
 * the same neighbour.
 */
#pragma once

#include "bench/plan.h"
#include "bench/testbed.h"

struct rounds {
	unsigned rounds;
	uint64_t slice_ns;
	struct testbed *bed;
	bool quiet;                        /* no progress line */
	const volatile sig_atomic_t *stop; /* set by Ctrl-C: end after this slice */
};

/* All groups of the plan, with the cores kept awake. 0; -EINTR after Ctrl-C; or an error of the
 * daemon or a wrong reply, with a sentence. In each case the groups keep the rounds that are
 * complete. A contender that this machine cannot have gets a note instead. */
int rounds_run(const struct rounds *, struct plan *, struct rv_err *) MUST_CHECK;
