/* The plots of the page: latency, throughput, cost. */
#pragma once

#include <stdio.h>
#include "bench/plan.h"

/* Writes one <figure> each. */
void plots_put(FILE *, const struct plan *);

/* The plot of throughput alone, as an SVG file. */
void plots_image(FILE *, const struct plan *, const char *style);
