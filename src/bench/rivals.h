/*
 * Other servers of small requests on a Unix socket, driven by the same client in the
 * same rounds: redis-server and memcached, as their Debian packages have them.
 */
#pragma once

#include "bench/rig.h"

enum rival_program {
	RIVAL_REDIS,
	RIVAL_MEMCACHED,
	RIVAL_PROGRAMS,
};

struct rival {
	struct proc proc;
	bool missing; /* the program is not installed */
	struct address address;
};

struct rivals {
	bool started;
	struct rival programs[RIVAL_PROGRAMS];
};

/* Starts those that are installed, below dir. An error is one that is installed and
 * does not start. */
int rivals_start(struct rivals *, const char *dir, struct rv_err *) MUST_CHECK;
void rivals_stop(struct rivals *);

/* The program behind a side; NULL if it is none of a rival's, or they were not started. */
const struct rival *rivals_of_side(const struct rivals *, enum bench_side);

int rivals_open(struct rig *, const struct rivals *, const struct bench_contender *,
	const struct bench_load *, struct rv_err *) MUST_CHECK;
