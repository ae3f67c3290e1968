#include "bench/figures.h"

#include <stdlib.h>

#define NOISE 0.03

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct range figures_range(double *v, size_t n)
{
	struct range r = {.n = n};

	if (n == 0) {
		return r;
	}
	qsort(v, n, sizeof(*v), compare);
	r.min = v[0];
	r.max = v[n - 1];
	r.median = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
	return r;
}

static double rate(const struct bench_sample *s)
{
	return s->ns ? (double)s->requests * 1e9 / (double)s->ns : 0;
}

struct range figures_rate(const struct bench_contender *c)
{
	double v[BENCH_ROUNDS_MAX];

	for (size_t i = 0; i < c->n; i++) {
		v[i] = rate(&c->samples[i]);
	}
	return figures_range(v, c->n);
}

struct range figures_ratio(const struct bench_contender *a, const struct bench_contender *b)
{
	double v[BENCH_ROUNDS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < MIN(a->n, b->n); i++) {
		double below = rate(&b->samples[i]);

		if (below > 0) {
			v[n++] = rate(&a->samples[i]) / below;
		}
	}
	return figures_range(v, n);
}

struct figures_cost figures_cost(const struct bench_contender *c)
{
	double client = 0, server = 0, switches = 0, answered = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct bench_sample *s = &c->samples[i];

		client += (double)s->client_cpu_ns;
		server += (double)s->server_cpu_ns;
		switches += (double)(s->client_switches + s->server_switches);
		answered += (double)s->answered;
	}
	if (answered <= 0) {
		return (struct figures_cost){0};
	}
	return (struct figures_cost){client / answered, server / answered, switches / answered};
}

double figures_latency_us(const struct bench_contender *c, double q)
{
	return (double)hist_quantile(&c->latency, q) / 1000;
}

bool figures_is_noise(const struct range *r)
{
	return r->n == 0 || (r->min <= 1 && r->max >= 1) ||
	       (r->median > 1 - NOISE && r->median < 1 + NOISE);
}

bool figures_comparable(const struct bench_group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		for (size_t k = 0; k < g->contenders[i].n; k++) {
			if (!g->contenders[i].samples[k].pinned) {
				return false;
			}
		}
	}
	return g->regime != BENCH_FREE;
}

const struct bench_contender *figures_find(
	const struct bench_group *g, enum bench_side side, enum bench_transport t)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct bench_contender *c = &g->contenders[i];

		if (c->side == side && c->transport == t && c->wait == BENCH_BLOCK && !c->spin &&
			!c->neighbour && c->n > 0) {
			return c;
		}
	}
	return NULL;
}

struct figures_row figures_row(const struct bench_group *g, const struct bench_contender *c)
{
	const struct bench_contender *floor = figures_find(g, BENCH_FLOOR, c->transport);
	struct figures_row r = {
		.rate = figures_rate(c),
		.cost = figures_cost(c),
		.p50_us = figures_latency_us(c, 0.5),
		.p99_us = figures_latency_us(c, 0.99),
		.p999_us = figures_latency_us(c, 0.999),
	};

	if (c->side == BENCH_REVD && floor && figures_comparable(g)) {
		r.share = figures_ratio(c, floor);
	}
	return r;
}
