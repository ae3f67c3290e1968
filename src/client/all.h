/* --all: every endpoint of a configuration is asked. */
#pragma once

#include "client/options.h"

/* Returns the exit code: that of the first endpoint that failed. */
int all_run(const struct options *);
