/*
 * The performance targets of the project, P1 to P10: groups that are compared, and
 * what the comparison must show.
 */
#pragma once

#include <stdio.h>
#include "targets/idle.h"
#include "bench/plan.h"

/* Adds the groups of the targets to an empty plan. 0 or -ENOMEM. */
int targets_plan(struct plan *) MUST_CHECK;

/* What is measured of a daemon at rest. */
struct targets_idle {
	struct idle idle;
	bool spins;      /* a daemon that spins was there */
	double spin_cpu; /* idle_cpu_share() of it */
};

/* Writes a line for each: wanted, measured, range, met or missed. idle: NULL if not
 * measured. Returns how many were missed. */
unsigned targets_report(FILE *, const struct plan *, const struct targets_idle *);
