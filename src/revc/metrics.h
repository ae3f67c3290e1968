/* --metrics: the daemon's counters in the text format of Prometheus. */
#pragma once

#include <stdio.h>
#include "revc/arguments.h"

/* Returns the exit code. */
int metrics_run(const struct arguments *);
