/* What a daemon that runs says of itself. */
#pragma once

#include "bench/bench.h"

struct query {
	enum bench_transport transport; /* of the URI */
	char version[32];
	pid_t pid;
	bool reverse; /* what its service does; else it echoes */
};

/* Asks it over one connection. An error if its service does neither. */
int query_daemon(struct query *ret, const char *uri, struct rv_err *) MUST_CHECK;
