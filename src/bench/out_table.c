#include "bench/out.h"

#include <string.h>
#include "bench/stats.h"

#define RULE                                                                               \
	"--------------------------------------------------------------------------------" \
	"----------------"

char *out_number(double v, char buf[16])
{
	static const char *const units[] = {"", " k", " M", " G"};
	size_t u = 0;

	while (v >= 999.5 && u + 1 < ARRAY_SIZE(units)) {
		v /= 1000;
		u++;
	}
	snprintf(buf, 16, "%.*f%s",
		v >= 99.95 || (u == 0 && v >= 10) ? 0
		: v >= 9.995                      ? 1
						  : 2,
		v, units[u]);
	return buf;
}

static void put_row(FILE *f, const struct bench_group *g, const struct bench_contender *c)
{
	const struct bench_contender *floor = stats_find(g, BENCH_FLOOR, c->transport);
	struct range rate = stats_rate(c), share = {0};
	struct stats_cost cost = stats_cost(c);
	char number[16];

	if (c->note[0]) {
		fprintf(f, "  %-26s left out: %s\n", c->name, c->note);
		return;
	}
	if (c->n == 0) {
		fprintf(f, "  %-26s no complete round\n", c->name);
		return;
	}
	fprintf(f, "  %-26s %8s/s %8.1f %8.1f %8.1f  %6.2f %6.2f %5.2f", c->name,
		out_number(rate.median, number), stats_latency_us(c, 0.5),
		stats_latency_us(c, 0.99), stats_latency_us(c, 0.999), cost.client_ns / 1000,
		cost.server_ns / 1000, cost.switches);
	if (c->side == BENCH_REVD && floor && stats_comparable(g)) {
		share = stats_ratio(c, floor);
		fprintf(f, "  %4.0f %% (%.0f-%.0f)", 100 * share.median, 100 * share.min,
			100 * share.max);
	}
	fprintf(f, "%s\n", c->samples[0].pinned || g->regime == BENCH_FREE ? "" : "  not pinned");
}

static void put_group(FILE *f, const struct bench_group *g)
{
	char load[96];

	fprintf(f, "\n%s, %s\n", bench_load_text(&g->load, load, sizeof(load)),
		g->regime == BENCH_SPLIT  ? "client and server on a core each"
		: g->regime == BENCH_SAME ? "client and server on one core"
					  : "not pinned");
	fprintf(f, "  %-26s %10s %8s %8s %8s  %6s %6s %5s  %s\n", "", "requests", "p50 us",
		"p99 us", "p99.9", "client", "server", "ctx", "of the floor (range)");
	for (size_t i = 0; i < g->n; i++) {
		put_row(f, g, &g->contenders[i]);
	}
}

void out_table(FILE *f, const struct results *r)
{
	const struct machine *m = r->machine;

	fprintf(f, "%s, %u CPUs, %s, Linux %s, %s\n", m->cpu, m->cpus, m->system, m->kernel,
		m->date);
	fprintf(f, "revd %s, %u rounds of %.0f ms, cores %s, priority %s\n", r->revd_version,
		r->rounds, (double)r->slice_ns / 1e6, m->awake ? "kept awake" : "not kept awake",
		m->raised ? "raised" : "normal");
	for (size_t i = 0; i < m->n_notes; i++) {
		fprintf(f, "note: %s\n", m->notes[i]);
	}
	fprintf(f,
		"%s\nclient, server: CPU time per request in us; ctx: context switches per"
		" request, both sides\n",
		RULE);
	for (size_t i = 0; i < r->plan->n; i++) {
		put_group(f, r->plan->groups[i]);
	}
}
