/* --all: the daemon is asked where its endpoints are, and each of these is asked. */
#pragma once

#include "revc/arguments.h"

/* Returns the exit code: that of the first endpoint that failed. */
int all_run(const struct arguments *);
