/* The plots of the page: latency, throughput, cost. */
#pragma once

#include <stdio.h>
#include "bench/plan.h"

/* Writes one <figure> each. */
void plots_put(FILE *, const struct plan *);
