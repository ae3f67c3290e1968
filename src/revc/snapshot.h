/* The daemon's counters at one time, as STATS tells them with its histograms. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include "revc/ask.h"
#include "util/hist.h"

struct snapshot_endpoint {
	const char *name, *transport, *service, *state; /* as long as the snapshot lives */
	uint64_t requests, rx_bytes, tx_bytes, peers, peers_total, refused, errors, drops;
	double p50, p99; /* us, since the start: of older daemons there is no histogram */
	bool has_hist;
	struct hist hist;   /* by the least ns of its steps */
	json_t *by_status;  /* counts by name */
	json_t *by_drop, *by_operation;
};

struct snapshot {
	json_t *stats; /* NULL: it was not had */
	const char *version;
	uint64_t pid, workers;
	double uptime; /* s */
	uint64_t at_ns;
	struct snapshot_endpoint *endpoints;
	size_t n;
};

/* Asks. Returns the exit code; if it is not 0, *why has a sentence and there is nothing to
 * finish. */
int snapshot_take(struct snapshot *, struct ask *, char *why, size_t size);
void snapshot_finish(struct snapshot *);
