/* --ping, --info and --stats: one endpoint is asked. */
#pragma once

#include "revc/arguments.h"

/* Returns the exit code; failures are on standard error by then. */
int command_run(const struct arguments *);
