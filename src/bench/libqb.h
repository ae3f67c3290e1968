/* libqb's shared-memory IPC, as corosync and pacemaker use it: one client, and a server
 * that echoes. Where revbench was built without the library, there is none. */
#pragma once

#include "bench/rig.h"

/* Why it can't take part; NULL if it can. */
const char *libqb_missing(const struct bench_load *);

/* Starts the server and connects to it. */
int libqb_open(struct rig *, const struct bench_load *, struct rv_err *) MUST_CHECK;
