/* What an instance counts, and the limits that it keeps. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <revd/backend.h>
#include "util/hist.h"

/* All of it words, with one writer, its worker; racy to read from other threads. */
struct counters {
	uint64_t requests, replies, rx_bytes, tx_bytes;
	uint64_t status[RV_STATUS_COUNT];
	uint64_t ops[RV_OP_COUNT];
	uint64_t lines, frames, fragments;
	uint64_t peers, peers_total, refused;
	uint64_t pauses;         /* times a peer's input was stopped */
	uint64_t blocked;        /* times the kernel took no more output */
	uint64_t slow_cut;       /* peers ended by slow_timeout */
	uint64_t idle_cut;       /* and by idle_timeout */
	uint64_t torn;           /* pieces skipped on a shared stream */
	uint64_t fragments_lost; /* messages dropped by fragment_timeout */
	uint64_t late;           /* replies whose peer had left */
	uint64_t unaddressed;    /* frames without a usable reply address */
	uint64_t drops[RV_DROP_COUNT];
};

/* Copied from the configuration, so that a reload can change them between two turns.
 * Times in ns; 0: never. */
struct limits {
	size_t max_request, max_inflight; /* bytes */
	uint64_t idle_ns, slow_ns, fragment_ns, service_ns, spin_ns;
};

/* What a request that waits, or a reply that does, counts for in max_inflight beside
 * its bytes: about what it takes to remember it. */
#define REQUEST_COST 64u
