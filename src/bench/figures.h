/* Figures of a group: medians over its rounds, and ratios inside of them. */
#pragma once

#include "bench/bench.h"

struct range {
	double median, min, max;
	size_t n; /* 0: there is none */
};

/* Of n values, which are sorted in place. */
struct range figures_range(double *values, size_t n);

/* Requests/s of one contender. */
struct range figures_rate(const struct bench_contender *);

/* Rate of a divided by the rate of b, round by round. */
struct range figures_ratio(const struct bench_contender *a, const struct bench_contender *b);

/* Per answered request, over all rounds: CPU time in ns of the client and the
 * server, and context switches of both. */
struct figures_cost {
	double client_ns, server_ns, switches;
};

struct figures_cost figures_cost(const struct bench_contender *);

/* Microseconds, 0 if nothing was recorded. */
double figures_latency_us(const struct bench_contender *, double q);

/* True if a ratio can't be told from 1: its range holds 1, or it is within 3 %. */
bool figures_is_noise(const struct range *ratio);

/* False if somebody in it ran where the scheduler liked: two on one core are many times as
 * fast as the same two apart, so such figures are shown, and not compared. */
bool figures_comparable(const struct bench_group *);

/* What is told of a contender. share: of the floor's rate, for the daemon only. */
struct figures_row {
	struct range rate, share;
	struct figures_cost cost;
	double p50_us, p99_us, p999_us;
};

struct figures_row figures_row(const struct bench_group *, const struct bench_contender *);

/* The contender of a group; NULL if it isn't there or has no samples. */
const struct bench_contender *figures_find(
	const struct bench_group *, enum bench_side, enum bench_transport);
