/* What the service manager shows of the daemon (STATUS=), told when it has changed. */
#pragma once

#include "server/server.h"

struct status {
	struct server *server;
	char text[512];        /* told last */
	struct rv_err refused; /* why the last reload was; "": it was not */
	uint64_t requests, at_ns; /* when the rate was looked at last */
	uint64_t rate;            /* a second */
	uint64_t connections;
	bool ready;
};

/* Tells it, behind `prefix` (lines, or ""), which is sent in any case. */
void status_tell(struct status *, const char *prefix);
/* Now and then, not more often than every few seconds: what flows. */
void status_measure(struct status *);
