/*
 * Runs groups: opens a session for each contender, then round after round one slice
 * for each, in an order that moves on by one each round, so that nobody always comes
 * after the same neighbour.
 */
#pragma once

#include <signal.h>
#include "bench/bench.h"
#include "bench/daemon.h"
#include "bench/machine.h"
#include "bench/peers.h"

struct progress;

struct rounds {
	unsigned rounds;
	uint64_t slice_ns;
	const char *dir; /* private directory */
	struct machine *machine;
	struct daemon *daemon;
	struct daemon *spinning; /* a second one whose endpoints spin; NULL: none */
	struct peers *peers;     /* NULL: none */
	struct progress *progress;
	const volatile sig_atomic_t *stop; /* set by Ctrl-C: end after this slice */
};

/* 0; -EINTR after Ctrl-C; or an error of the daemon or a wrong reply, with a sentence.
 * In each case the group keeps the rounds that are complete. A contender that
 * this machine cannot have gets a note instead. */
int rounds_run(const struct rounds *, struct bench_group *, struct rv_err *) MUST_CHECK;
