/* A bare server of this program made ready: BENCH_FLOOR, BENCH_EPOLL, BENCH_LIBEVENT. */
#pragma once

#include "bench/rig.h"

/* dir: a private directory for names. */
int floor_open(struct rig *, const struct bench_contender *, const struct bench_load *,
	const char *dir, struct rv_err *) MUST_CHECK;
