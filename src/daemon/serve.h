/* revd at work: starting, reloading, stopping. */
#pragma once

#include "daemon/configuration.h"
#include "daemon/presets.h"

/* Serves the configuration until it is told to stop, or nothing is left to serve. demo:
 * printed once it serves; NULL: none. Returns the exit code. */
int serve(struct configuration *, const struct demo *demo);
