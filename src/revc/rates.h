/* What happened between two snapshots. */
#pragma once

#include "revc/snapshot.h"

struct rate {
	const char *name, *state; /* of the later snapshot */
	double requests, errors, rx, tx; /* a second */
	double p50, p99;                 /* us; negative: not known */
	uint64_t peers, drops;
};

/* Of the i-th endpoint of `now`; before: NULL, or what there was before. */
void rate_of(struct rate *, const struct snapshot *now, size_t i, const struct snapshot *before);
/* "0.2", "999", "12.3k", "4.5M": 6 characters at most. */
const char *rate_format(double v, char buf[static 16]);
