/*
 * The load generator: runs a slice by the loop that its load wants. A slice ends by
 * itself after its time, and with -ETIMEDOUT if replies fail to come for
 * GENERATOR_STALL_NS: an interval timer interrupts the calls that block.
 */
#pragma once

#include "bench/slice.h"

#define GENERATOR_STALL_NS 3000000000u

/* Installs the handler that lets the interval timer interrupt blocking calls. */
int generator_init(void) MUST_CHECK;

/* Runs for ns. Sets start, end, deadline, requests. 0, or -errno and a sentence. */
int generator_run(struct slice *, uint64_t ns, struct rv_err *err) MUST_CHECK;
