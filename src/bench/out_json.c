#include "bench/out.h"

#include <string.h>
#include "bench/stats.h"

const double out_quantiles[OUT_QUANTILES] = {
	0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1};

/* A JSON string; the texts are ours or quoted already, but a path may hold anything. */
static void put_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			fprintf(f, "\\%c", c);
		} else if (c < 0x20) {
			fprintf(f, "\\u%04x", c);
		} else {
			fputc(c, f);
		}
	}
	fputc('"', f);
}

static void put_key(FILE *f, const char *key, const char *value)
{
	fprintf(f, "\"%s\": ", key);
	put_string(f, value);
}

static void put_range(FILE *f, const char *key, const struct range *r)
{
	if (r->n == 0) {
		fprintf(f, "\"%s\": null", key);
		return;
	}
	fprintf(f, "\"%s\": {\"median\": %.6g, \"min\": %.6g, \"max\": %.6g}", key, r->median,
		r->min, r->max);
}

static void put_machine(FILE *f, const struct machine *m)
{
	fputs("  \"machine\": {", f);
	put_key(f, "cpu", m->cpu);
	fprintf(f, ", \"cpus\": %u, ", m->cpus);
	put_key(f, "system", m->system);
	fputs(", ", f);
	put_key(f, "kernel", m->kernel);
	fprintf(f,
		", \"load\": %.2f, \"pinned\": %s, \"kept_awake\": %s, \"raised\": %s,"
		" \"notes\": [",
		m->load, m->can_pin ? "true" : "false", m->awake ? "true" : "false",
		m->raised ? "true" : "false");
	for (size_t i = 0; i < m->n_notes; i++) {
		fputs(i ? ", " : "", f);
		put_string(f, m->notes[i]);
	}
	fputs("]},\n", f);
}

static void put_latency(FILE *f, const struct bench_contender *c)
{
	fputs("         \"latency_us\": [", f);
	for (size_t i = 0; i < OUT_QUANTILES && c->latency.count; i++) {
		fprintf(f, "%s[%.4f, %.3f]", i ? ", " : "", out_quantiles[i],
			stats_latency_us(c, out_quantiles[i]));
	}
	fputs("],\n", f);
}

static void put_samples(FILE *f, const struct bench_contender *c)
{
	fputs("         \"samples\": [", f);
	for (size_t i = 0; i < c->n; i++) {
		const struct bench_sample *s = &c->samples[i];

		fprintf(f,
			"%s\n          {\"requests\": %llu, \"seconds\": %.4f, \"answered\": %llu,"
			" \"client_cpu_s\": %.6f, \"server_cpu_s\": %.6f,"
			" \"client_switches\": %llu, \"server_switches\": %llu, \"pinned\": %s}",
			i ? "," : "", (unsigned long long)s->requests, (double)s->ns / 1e9,
			(unsigned long long)s->answered, (double)s->client_cpu_ns / 1e9,
			(double)s->server_cpu_ns / 1e9, (unsigned long long)s->client_switches,
			(unsigned long long)s->server_switches, s->pinned ? "true" : "false");
	}
	fputs("]", f);
}

static void put_contender(
	FILE *f, const struct bench_group *g, const struct bench_contender *c, bool last)
{
	static const char *const waits[] = {"block", "spin", "library"};
	const struct bench_contender *floor = stats_find(g, BENCH_FLOOR, c->transport);
	struct range rate = stats_rate(c), share = {0};
	struct stats_cost cost = stats_cost(c);

	if (floor && floor != c && stats_comparable(g)) {
		share = stats_ratio(c, floor);
	}
	fputs("        {", f);
	put_key(f, "name", c->name);
	fputs(", ", f);
	put_key(f, "side", bench_side_name(c->side));
	fputs(", ", f);
	put_key(f, "transport", bench_transport_key(c->transport));
	fputs(", ", f);
	put_key(f, "wait", waits[c->wait]);
	fprintf(f, ", \"server_spins\": %s,\n         ", c->spin ? "true" : "false");
	put_key(f, "left_out", c->note);
	fputs(", ", f);
	put_range(f, "requests_per_second", &rate);
	fputs(",\n         ", f);
	put_range(f, "of_floor", &share);
	fprintf(f, ", \"client_cpu_us\": %.4f, \"server_cpu_us\": %.4f, \"switches\": %.4f,\n",
		cost.client_ns / 1000, cost.server_ns / 1000, cost.switches);
	put_latency(f, c);
	put_samples(f, c);
	fprintf(f, "}%s\n", last ? "" : ",");
}

static void put_group(FILE *f, const struct bench_group *g, bool last)
{
	fputs("    {", f);
	put_key(f, "purpose", g->purpose);
	fputs(", ", f);
	put_key(f, "regime", bench_regime_name(g->regime));
	fprintf(f,
		", \"size\": %zu, \"clients\": %u, \"in_flight\": %u, \"rate\": %.0f,"
		" \"connection_per_request\": %s,\n      \"contenders\": [\n",
		g->load.size, g->load.clients, g->load.window, g->load.rate,
		g->load.connect ? "true" : "false");
	for (size_t i = 0; i < g->n; i++) {
		put_contender(f, g, &g->contenders[i], i + 1 == g->n);
	}
	fprintf(f, "      ]}%s\n", last ? "" : ",");
}

static void put_verdict(FILE *f, const struct verdict *v)
{
	fputs("  \"verdict\": [\n", f);
	for (size_t i = 0; i < v->n; i++) {
		fputs("    {", f);
		put_key(f, "about", verdict_topic(v->lines[i].about));
		fputs(", ", f);
		put_key(f, "best", v->lines[i].known ? bench_transport_key(v->lines[i].best) : "");
		fputs(", ", f);
		put_key(f, "text", v->lines[i].text);
		fprintf(f, "}%s\n", i + 1 == v->n ? "" : ",");
	}
	fputs("  ]\n", f);
}

void out_json(FILE *f, const struct results *r)
{
	fputs("{\n  ", f);
	put_key(f, "program", "revbench " REVD_VERSION);
	fputs(",\n  ", f);
	put_key(f, "revd", r->revd_version);
	fputs(",\n  ", f);
	put_key(f, "command", r->command);
	fputs(",\n  ", f);
	put_key(f, "date", r->machine->date);
	fprintf(f, ",\n  \"rounds\": %u, \"slice_ms\": %.0f,\n  ", r->rounds,
		(double)r->slice_ns / 1e6);
	put_key(f, "error", r->error ? r->error : "");
	fputs(",\n", f);
	put_machine(f, r->machine);
	fputs("  \"groups\": [\n", f);
	for (size_t i = 0; i < r->plan->n; i++) {
		put_group(f, r->plan->groups[i], i + 1 == r->plan->n);
	}
	fputs("  ],\n", f);
	put_verdict(f, r->verdict);
	fputs("}\n", f);
}
