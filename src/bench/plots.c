#include "bench/plots.h"

#include <string.h>
#include "bench/figures.h"
#include "bench/svg.h"

static const struct bench_load one_small = {.size = 64, .clients = 1, .window = 1};

/* A line for a transport, solid for the daemon, dashed for what it is compared with. */
static struct svg_series *add_series(struct svg_chart *c, enum bench_transport t, bool dashed)
{
	struct svg_series *s = &c->series[c->n++];

	*s = (struct svg_series){
		.label = bench_transport_name(t),
		.colour = (unsigned)t,
		.dashed = dashed,
	};
	return s;
}

static void add_point(struct svg_series *s, double x, double y)
{
	if (y > 0 && s->n < SVG_POINTS) {
		s->x[s->n] = x;
		s->y[s->n++] = y;
	}
}

static const struct bench_contender *find(const struct plan *p, const struct bench_load *load,
	enum bench_side side, enum bench_transport t)
{
	const struct bench_group *g = plan_find(p, "matrix", load);

	g = g ? g : plan_find(p, "sweep", load);
	return g ? figures_find(g, side, t) : NULL;
}

static void put_figure(FILE *f, const struct svg_chart *c, const char *caption)
{
	fprintf(f, "<figure><h3>%s</h3>\n", c->title);
	svg_draw(f, c);
	fprintf(f, "<figcaption>%s</figcaption></figure>\n", caption);
}

/* x is how many requests one in which is slower: 10 for p90, 1000 for p99.9. */
static void plot_latency(FILE *f, const struct plan *p, const struct bench_load *load,
	const char *title, const char *caption)
{
	static const struct svg_tick ticks[] = {
		{2, "p50"}, {10, "p90"}, {100, "p99"}, {1000, "p99.9"}, {10000, "p99.99"}};
	struct svg_chart c = {
		.title = title,
		.x_title = "percentile",
		.y_title = "µs",
		.y_unit = "µs",
		.x_ticks = ticks,
		.n_x_ticks = ARRAY_SIZE(ticks),
	};

	for (int i = 0; i < 2 * BENCH_TRANSPORTS; i++) {
		enum bench_transport t = (enum bench_transport)(i % BENCH_TRANSPORTS);
		bool floor = i >= BENCH_TRANSPORTS;
		const struct bench_contender *k =
			find(p, load, floor ? BENCH_FLOOR : BENCH_REVD, t);
		struct svg_series *s = add_series(&c, t, floor);

		for (size_t j = 0; k && j < ARRAY_SIZE(ticks); j++) {
			if ((double)k->latency.count >= 10 * ticks[j].at) {
				add_point(
					s, ticks[j].at, figures_latency_us(k, 1 - 1 / ticks[j].at));
			}
		}
	}
	put_figure(f, &c, caption);
}

static const struct svg_tick depths[] = {{1, "1"}, {4, "4"}, {16, "16"}, {64, "64"}, {256, "256"}};

static void make_throughput(struct svg_chart *c, const struct plan *p)
{
	*c = (struct svg_chart){
		.title = "Throughput over the number in flight, 64 bytes",
		.x_title = "requests in flight",
		.y_title = "requests/s",
		.y_unit = "requests/s",
		.x_ticks = depths,
		.n_x_ticks = ARRAY_SIZE(depths),
	};
	for (int t = 0; t < BENCH_TRANSPORTS; t++) {
		struct svg_series *s = add_series(c, (enum bench_transport)t, false);

		for (size_t j = 0; j < ARRAY_SIZE(depths); j++) {
			struct bench_load load = one_small;
			const struct bench_contender *k;

			load.window = (unsigned)depths[j].at;
			k = find(p, &load, BENCH_REVD, (enum bench_transport)t);
			if (k) {
				add_point(s, depths[j].at, figures_rate(k).median);
			}
		}
	}
}

static void plot_throughput(FILE *f, const struct plan *p)
{
	struct svg_chart c;

	make_throughput(&c, p);
	put_figure(f, &c, "One connection. A byte stream carries many requests per system call.");
}

static void plot_cost(FILE *f, const struct plan *p)
{
	static const struct svg_tick ticks[] = {{64, "64 B"}, {1024, "1 KiB"}, {16384, "16 KiB"}};
	struct svg_chart c = {
		.title = "Cost of a request against its size",
		.x_title = "size of the text",
		.y_title = "µs of CPU, client and server",
		.y_unit = "µs",
		.x_ticks = ticks,
		.n_x_ticks = ARRAY_SIZE(ticks),
	};

	for (int i = 0; i < 2 * BENCH_TRANSPORTS; i++) {
		enum bench_transport t = (enum bench_transport)(i % BENCH_TRANSPORTS);
		bool deep = i < BENCH_TRANSPORTS;
		struct svg_series *s = add_series(&c, t, !deep);

		for (size_t j = 0; j < ARRAY_SIZE(ticks); j++) {
			struct bench_load load = {
				.size = (size_t)ticks[j].at, .clients = 1, .window = deep ? 64 : 1};
			const struct bench_contender *k = find(p, &load, BENCH_REVD, t);
			struct figures_cost cost = k ? figures_cost(k) : (struct figures_cost){0};

			add_point(s, ticks[j].at, (cost.client_ns + cost.server_ns) / 1000);
		}
	}
	put_figure(f, &c, "Solid: 64 in flight. Dashed: one in flight.");
}

void plots_put(FILE *f, const struct plan *p)
{
	struct bench_load open = one_small;

	open.rate = p->rate;
	plot_latency(f, p, &one_small, "Latency, one 64-byte request at a time",
		"Solid: through revd. Dashed: the bare floor of the same transport.");
	plot_latency(f, p, &open, "Latency, 64-byte requests sent at fixed times",
		"From the time a request was meant to go out. Dashed: the floor.");
	plot_throughput(f, p);
	plot_cost(f, p);
}

void plots_image(FILE *f, const struct plan *p, const char *style)
{
	struct svg_chart c;

	make_throughput(&c, p);
	c.style = style;
	svg_draw(f, &c);
}
