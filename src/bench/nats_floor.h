/* The floor of NATS: a responder that does nothing but echo, with libnats alone. */
#pragma once

#include "bench/rig.h"

#define NATS_FLOOR_OPTION "--bare-nats" /* this program is that responder: URL SUBJECT */

/* url: of the broker. */
int nats_floor_open(
	struct rig *, const struct bench_load *, const char *url, struct rv_err *) MUST_CHECK;

/* The responder. Returns on failure only, the exit code. */
int nats_floor_run(const char *url, const char *subject);
