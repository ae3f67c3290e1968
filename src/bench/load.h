/*
 * The load generator: one slice of requests against one side.
 *
 * All loads run in this one thread, so that the client costs each side the same. A
 * slice ends by itself after its time, and with -ETIMEDOUT if replies fail to
 * come for LOAD_STALL_NS: an interval timer interrupts the calls that block.
 */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include "bench/bench.h"
#include "bench/link.h"

#define LOAD_STALL_NS 3000000000u
#define LOAD_OPEN_MAX 4096u /* in flight at most when requests go out at fixed times */

struct revc;

/* What a load talks to; which members are used depends on the load. */
struct load_target {
	struct link *links; /* loads over open connections */
	size_t n_links;
	struct sockaddr_un address; /* a connection per request: links[0] has the wire */
	socklen_t address_len;
	struct revc *library; /* BENCH_LIBRARY: links[0] has the wire */
};

struct load_slice {
	const struct bench_load *load;
	enum bench_wait wait;
	struct load_target *target;
	uint64_t start, end, deadline; /* clock_now() */
	struct hist *latency;          /* ns; NULL while warming up */
	uint64_t requests;             /* answered before end */
	uint64_t answered;             /* those and what was in flight then */
};

/* Installs the handler that lets the interval timer interrupt blocking calls. */
int load_init(void) MUST_CHECK;

/* True if its client may block in write(): what is in flight surely fits into the kernel's
 * buffers, so that the server never waits for a client that waits for it. */
bool load_may_block(const struct bench_load *);

/* How many requests a connection of this load has in flight, for wire_init(). */
unsigned load_in_flight(const struct bench_load *);

/* Runs for ns. Sets start, end, deadline, requests. 0, or -errno and a sentence. */
int load_run(struct load_slice *, uint64_t ns, struct rv_err *err) MUST_CHECK;

/* For the loops: counts k replies whose requests began at `began`. */
static inline void load_count(struct load_slice *s, uint64_t began, uint64_t now, uint64_t k)
{
	s->answered += k;
	if (now <= s->end) {
		s->requests += k;
		if (s->latency) {
			hist_add(s->latency, now - began, k);
		}
	}
}

/* An interrupted call is tried again until the deadline. 0: go on. */
int load_retry(const struct load_slice *, int r);

/* The loops; each returns 0 or -errno. */
int load_ping(struct load_slice *, struct rv_err *err) MUST_CHECK;
int load_window(struct load_slice *, struct rv_err *err) MUST_CHECK;
int load_many(struct load_slice *, struct rv_err *err) MUST_CHECK;
int load_open(struct load_slice *, struct rv_err *err) MUST_CHECK;
int load_connect(struct load_slice *, struct rv_err *err) MUST_CHECK;
int load_library(struct load_slice *, struct rv_err *err) MUST_CHECK;
