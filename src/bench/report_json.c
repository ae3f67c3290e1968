#include "bench/figures.h"
#include "bench/report.h"
#include "util/json.h"

#define LINES 5 /* members of a contender have a line each */

/* The quantiles of latency that are written down. */
static const double quantiles[] = {
	0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1};

static void put_range(struct json_writer *j, const char *key, const struct range *r)
{
	if (r->n == 0) {
		json_write_null(j, key);
		return;
	}
	json_write_object(j, key);
	json_write_double(j, "median", r->median, -1);
	json_write_double(j, "min", r->min, -1);
	json_write_double(j, "max", r->max, -1);
	json_write_end(j);
}

static void put_machine(struct json_writer *j, const struct machine *m)
{
	json_write_object(j, "machine");
	json_write_string(j, "cpu", m->cpu);
	json_write_uint(j, "cpus", m->cpus);
	json_write_string(j, "system", m->system);
	json_write_string(j, "kernel", m->kernel);
	json_write_double(j, "load", m->load, 2);
	json_write_bool(j, "pinned", m->can_pin);
	json_write_bool(j, "kept_awake", m->awake);
	json_write_bool(j, "raised", m->raised);
	json_write_array(j, "notes");
	for (size_t i = 0; i < m->n_notes; i++) {
		json_write_string(j, NULL, m->notes[i]);
	}
	json_write_end(j);
	json_write_end(j);
}

static void put_latency(struct json_writer *j, const struct bench_contender *c)
{
	json_write_array(j, "latency_us");
	for (size_t i = 0; i < ARRAY_SIZE(quantiles) && c->latency.count; i++) {
		json_write_array(j, NULL);
		json_write_double(j, NULL, quantiles[i], 4);
		json_write_double(j, NULL, figures_latency_us(c, quantiles[i]), 3);
		json_write_end(j);
	}
	json_write_end(j);
}

static void put_sample(struct json_writer *j, const struct bench_sample *s)
{
	json_write_object(j, NULL);
	json_write_uint(j, "requests", s->requests);
	json_write_double(j, "seconds", (double)s->ns / 1e9, 4);
	json_write_uint(j, "answered", s->answered);
	json_write_double(j, "client_cpu_s", (double)s->client_cpu_ns / 1e9, 6);
	json_write_double(j, "server_cpu_s", (double)s->server_cpu_ns / 1e9, 6);
	json_write_uint(j, "client_switches", s->client_switches);
	json_write_uint(j, "server_switches", s->server_switches);
	json_write_bool(j, "pinned", s->pinned);
	json_write_end(j);
}

static void put_contender(
	struct json_writer *j, const struct bench_group *g, const struct bench_contender *c)
{
	static const char *const waits[] = {"block", "spin", "library"};
	struct figures_row row = figures_row(g, c);

	json_write_object(j, NULL);
	json_write_string(j, "name", c->name);
	json_write_string(j, "side", bench_side_name(c->side));
	json_write_string(j, "transport", bench_transport_key(c->transport));
	json_write_string(j, "wait", waits[c->wait]);
	json_write_bool(j, "server_spins", c->spin);
	json_write_string(j, "left_out", c->note);
	put_range(j, "requests_per_second", &row.rate);
	put_range(j, "of_floor", &row.share);
	json_write_double(j, "client_cpu_us", row.cost.client_ns / 1000, 4);
	json_write_double(j, "server_cpu_us", row.cost.server_ns / 1000, 4);
	json_write_double(j, "switches", row.cost.switches, 4);
	put_latency(j, c);
	json_write_array(j, "samples");
	for (size_t i = 0; i < c->n; i++) {
		put_sample(j, &c->samples[i]);
	}
	json_write_end(j);
	json_write_end(j);
}

static void put_group(struct json_writer *j, const struct bench_group *g)
{
	json_write_object(j, NULL);
	json_write_string(j, "purpose", g->purpose);
	json_write_string(j, "regime", bench_regime_name(g->regime));
	json_write_uint(j, "size", g->load.size);
	json_write_uint(j, "clients", g->load.clients);
	json_write_uint(j, "in_flight", g->load.window);
	json_write_double(j, "rate", g->load.rate, 0);
	json_write_bool(j, "connection_per_request", g->load.connect);
	json_write_array(j, "contenders");
	for (size_t i = 0; i < g->n; i++) {
		put_contender(j, g, &g->contenders[i]);
	}
	json_write_end(j);
	json_write_end(j);
}

static void put_verdict(struct json_writer *j, const struct verdict *v)
{
	json_write_array(j, "verdict");
	for (size_t i = 0; i < v->n; i++) {
		const struct verdict_line *l = &v->lines[i];

		json_write_object(j, NULL);
		json_write_string(j, "about", verdict_topic(l->about));
		json_write_string(j, "best", l->known ? bench_transport_key(l->best) : "");
		json_write_string(j, "text", l->text);
		json_write_end(j);
	}
	json_write_end(j);
}

void report_json(FILE *f, const struct report *r)
{
	struct json_writer j = {.file = f, .lines = LINES};

	json_write_object(&j, NULL);
	json_write_string(&j, "program", "revbench " REVD_VERSION);
	json_write_string(&j, "revd", r->revd_version);
	json_write_string(&j, "command", r->command);
	json_write_string(&j, "date", r->machine->date);
	json_write_uint(&j, "rounds", r->rounds);
	json_write_double(&j, "slice_ms", (double)r->slice_ns / 1e6, 0);
	json_write_string(&j, "error", r->error ? r->error : "");
	put_machine(&j, r->machine);
	json_write_array(&j, "groups");
	for (size_t i = 0; i < r->plan->n; i++) {
		put_group(&j, r->plan->groups[i]);
	}
	json_write_end(&j);
	put_verdict(&j, r->verdict);
	json_write_end(&j);
	fputc('\n', f);
}
