#include "bench/figures.h"
#include "bench/report.h"

#define RULE                                                                               \
	"--------------------------------------------------------------------------------" \
	"----------------"

static void put_row(FILE *f, const struct bench_group *g, const struct bench_contender *c)
{
	struct figures_row r = figures_row(g, c);
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
		bench_number(r.rate.median, number), r.p50_us, r.p99_us, r.p999_us,
		r.cost.client_ns / 1000, r.cost.server_ns / 1000, r.cost.switches);
	if (r.share.n > 0) {
		fprintf(f, "  %4.0f %% (%.0f-%.0f)", 100 * r.share.median, 100 * r.share.min,
			100 * r.share.max);
	}
	fprintf(f, "%s\n", c->samples[0].pinned || g->regime == BENCH_FREE ? "" : "  not pinned");
}

static void put_group(FILE *f, const struct bench_group *g)
{
	char load[96];

	fprintf(f, "\n%s, %s\n", bench_load_text(&g->load, load, sizeof(load)),
		bench_regime_text(g->regime));
	fprintf(f, "  %-26s %10s %8s %8s %8s  %6s %6s %5s  %s\n", "", "requests", "p50 us",
		"p99 us", "p99.9", "client", "server", "ctx", "of the floor (range)");
	for (size_t i = 0; i < g->n; i++) {
		put_row(f, g, &g->contenders[i]);
	}
}

void report_table(FILE *f, const struct report *r)
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

void report_verdict(FILE *f, const struct report *r)
{
	fprintf(f, "\nVerdict%s\n", r->error ? " (of the part that was measured)" : "");
	for (size_t i = 0; i < r->verdict->n; i++) {
		fprintf(f, "  %-13s %s\n", verdict_topic(r->verdict->lines[i].about),
			r->verdict->lines[i].text);
	}
}
