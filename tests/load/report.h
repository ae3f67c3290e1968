/* What revload has to say: a table, and the same as JSON. */
#pragma once

#include <stdbool.h>
#include "load/options.h"
#include "load/tally.h"

struct report {
	const struct options *options;
	const struct tally *tallies; /* of each way */
	uint64_t took;               /* ns */
	bool fine;
};

/* Is nothing wrong, the pauses and the events' commands included? */
bool report_judge(const struct options *, const struct tally *tallies);
void report_print(const struct report *);
/* 0 or -errno. */
int report_write(const struct report *, const char *path);
