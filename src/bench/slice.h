/*
 * One slice of requests against one side: what it talks to, until when, and what has
 * been answered.
 */
#pragma once

#include <errno.h>
#include "bench/address.h"
#include "bench/link.h"
#include "util/clock.h"

struct revc;

/* What a load talks to; which members are used depends on the load. */
struct slice_target {
	struct link *links; /* loads over open connections */
	size_t n_links;
	struct address address; /* a connection per request: links[0] has the script */
	struct revc *library;   /* BENCH_LIBRARY: links[0] has the script */
};

struct slice {
	const struct bench_load *load;
	enum bench_wait wait;
	struct slice_target *target;
	uint64_t start, end, deadline; /* clock_now() */
	struct hist *latency;          /* ns; NULL while warming up */
	uint64_t requests;             /* answered before end */
	uint64_t answered;             /* those and what was in flight then */
};

/* Counts k replies whose requests began at `began`. */
static inline void slice_count(struct slice *s, uint64_t began, uint64_t now, uint64_t k)
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
static inline int slice_retry(const struct slice *s, int r)
{
	if (r != -EINTR) {
		return r;
	}
	return clock_now() > s->deadline ? -ETIMEDOUT : 0;
}
