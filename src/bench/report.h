/* The results, for terminals, for programs, and for a browser. */
#pragma once

#include <stdio.h>
#include "bench/machine.h"
#include "bench/plan.h"
#include "bench/verdict.h"

struct report {
	const struct machine *machine;
	const struct plan *plan;
	const struct verdict *verdict; /* not needed for the table */
	unsigned rounds;
	uint64_t slice_ns;
	const char *revd_version;
	const char *command; /* to repeat it */
	const char *error;   /* why the run ended early; NULL if it did not */
};

void report_table(FILE *, const struct report *);
void report_verdict(FILE *, const struct report *);
void report_json(FILE *, const struct report *);
void report_html(FILE *, const struct report *);
void report_svg(FILE *, const struct report *); /* the plot of throughput alone */
