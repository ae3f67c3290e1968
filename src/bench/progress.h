/* The line on standard error that says how far it is; silent unless that is a terminal. */
#pragma once

#include "bench/bench.h"

struct progress {
	bool shown;
	uint64_t slice_ns, slices, done;
};

void progress_init(struct progress *, bool quiet, uint64_t slice_ns, uint64_t slices);
void progress_slice(struct progress *, const struct bench_group *, unsigned round);
/* Wipes the line, so that the next output starts on a clean one. */
void progress_end(struct progress *);
