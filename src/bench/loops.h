/*
 * The loops of the load generator, one for each kind of load. All loads run in one
 * thread, so that the client costs each side the same. Each returns 0 or -errno, with
 * a sentence where errno does not tell.
 */
#pragma once

#include "bench/slice.h"

/* One request in flight: over an open connection, over one of its own, through librevc. */
int loop_ping(struct slice *, struct rv_err *) MUST_CHECK;
int loop_connect(struct slice *, struct rv_err *) MUST_CHECK;
int loop_library(struct slice *, struct rv_err *) MUST_CHECK;

/* Many on one connection: a fixed number, or sent at fixed times whatever the replies do. */
int loop_window(struct slice *, struct rv_err *) MUST_CHECK;
int loop_open(struct slice *, struct rv_err *) MUST_CHECK;

/* Many connections. */
int loop_many(struct slice *, struct rv_err *) MUST_CHECK;
