/* --ping, --info, --stats: one question, one answer. */
#pragma once

#include "client/options.h"

/* Returns the exit code; failures are on standard error by then. */
int command_run(const struct options *);
