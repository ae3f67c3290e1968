/* Which groups are run: the matrix of the standard run, the short one, one's own. */
#pragma once

#include "bench/bench.h"

#define PLAN_GROUPS_MAX 64

struct plan {
	struct bench_group *groups[PLAN_GROUPS_MAX];
	size_t n;
	/* What every group that is added takes part in. */
	bool serves[BENCH_TRANSPORTS];
	bool can_split; /* else `same` stands in for `split` */
	bool spins;     /* there is a daemon whose endpoints spin */
	bool attached;  /* `free` stands in for both: the daemon is not ours to move */
	double rate;    /* of the open loop, requests/s */
};

/* Each adds groups; 0 or -ENOMEM. */
int plan_quick(struct plan *) MUST_CHECK;
int plan_standard(struct plan *) MUST_CHECK;
int plan_rivals(struct plan *) MUST_CHECK;
int plan_custom(struct plan *, const struct bench_load *) MUST_CHECK;

/* A group of one's own; on success it is the plan's. NULL: no memory. */
struct bench_group *plan_add(
	struct plan *, const char *purpose, const struct bench_load *, enum bench_regime);
struct bench_contender *plan_contender(
	struct bench_group *, enum bench_side, enum bench_transport, enum bench_wait);

void plan_finish(struct plan *);

/* The first group of a purpose with this load, NULL if none. */
const struct bench_group *plan_find(
	const struct plan *, const char *purpose, const struct bench_load *);
