/* The results, for terminals, for programs, and for a browser. */
#pragma once

#include <stdio.h>
#include "bench/machine.h"
#include "bench/plan.h"
#include "bench/verdict.h"

/* The quantiles of latency that are written down, from the smallest to the largest. */
#define OUT_QUANTILES 12
extern const double out_quantiles[OUT_QUANTILES];

struct results {
	const struct machine *machine;
	const struct plan *plan;
	const struct verdict *verdict;
	unsigned rounds;
	uint64_t slice_ns;
	const char *revd_version;
	const char *command; /* to repeat it */
	const char *error;   /* why the run ended early; NULL if it did not */
};

void out_table(FILE *, const struct results *);
void out_verdict(FILE *, const struct results *);
void out_json(FILE *, const struct results *);
void out_html(FILE *, const struct results *);
void out_svg(FILE *, const struct results *); /* the plot of throughput alone */

/* "412 k", "1.23 M": three digits. buf: 16 bytes. Returns buf. */
char *out_number(double v, char buf[16]);
/* Text for HTML or SVG: & < > " escaped. */
void out_escaped(FILE *, const char *text);
