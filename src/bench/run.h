/* One run of revbench, from the private directory to the report. */
#pragma once

#include <signal.h>
#include "bench/options.h"

/* 0; -errno after an error, which is logged, with what was measured until then
 * reported; 1 if targets were missed. *stop may become true at any time. */
int run_all(const struct options *, const volatile sig_atomic_t *stop) MUST_CHECK;
