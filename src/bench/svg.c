#include "bench/svg.h"

#include <math.h>
#include "bench/bench.h"
#include "bench/markup.h"

#define WIDTH 640
#define HEIGHT 360
#define LEFT 62
#define RIGHT 116
#define TOP 16
#define BOTTOM 48
#define LABEL_GAP 15.0 /* px between the names at the ends of the lines */

struct scale {
	double x0, x1, y0, y1; /* logarithms of the data */
};

static double on_x(const struct scale *s, double v)
{
	double t = (log10(v) - s->x0) / (s->x1 - s->x0);

	return LEFT + t * (WIDTH - LEFT - RIGHT);
}

static double on_y(const struct scale *s, double v)
{
	return HEIGHT - BOTTOM - (log10(v) - s->y0) / (s->y1 - s->y0) * (HEIGHT - TOP - BOTTOM);
}

static bool find_scale(const struct svg_chart *c, struct scale *s)
{
	*s = (struct scale){INFINITY, -INFINITY, INFINITY, -INFINITY};
	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->series[i].n; k++) {
			double x = log10(c->series[i].x[k]), y = log10(c->series[i].y[k]);

			s->x0 = fmin(s->x0, x);
			s->x1 = fmax(s->x1, x);
			s->y0 = fmin(s->y0, y);
			s->y1 = fmax(s->y1, y);
		}
	}
	if (!isfinite(s->y0) || !isfinite(s->y1)) {
		return false;
	}
	if (s->x1 - s->x0 < 1e-9) {
		s->x0 -= 0.5;
		s->x1 += 0.5;
	}
	s->y0 -= 0.06;
	s->y1 = fmax(s->y1 + 0.06, s->y0 + 0.4);
	return true;
}

/* attributes: class and what else there is, as they stand in the tag. */
static void put_text(FILE *f, double x, double y, const char *text, const char *attributes)
{
	char tag[128];

	snprintf(tag, sizeof(tag), "text class=%s x=\"%.1f\" y=\"%.1f\"", attributes, x, y);
	markup_element(f, tag, text);
	fputc('\n', f);
}

static void put_line(FILE *f, const char *class, double y)
{
	fprintf(f, "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>\n", class,
		LEFT, WIDTH - RIGHT, y, y);
}

/* v: 1, 2 or 5 times a power of ten and the like, written as short as can be. */
static void draw_y_tick(FILE *f, const struct scale *s, double v)
{
	double y = on_y(s, v);
	char text[32];

	if (log10(v) < s->y0 || log10(v) > s->y1) {
		return;
	}
	put_line(f, "grid", y);
	snprintf(text, sizeof(text), "%g%s",
		v >= 1e6   ? v / 1e6
		: v >= 1e3 ? v / 1e3
			   : v,
		v >= 1e6   ? "M"
		: v >= 1e3 ? "k"
			   : "");
	put_text(f, LEFT - 8, y + 4, text, "\"tick\" text-anchor=\"end\"");
}

/* Of each decade as many round numbers as there is room for. */
static void draw_y_axis(FILE *f, const struct svg_chart *c, const struct scale *s)
{
	static const double coarse[] = {1}, usual[] = {1, 2, 5},
			    fine[] = {1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9};
	double decades = s->y1 - s->y0;
	const double *steps = decades > 3 ? coarse : decades > 0.9 ? usual : fine;
	size_t n_steps = decades > 3     ? ARRAY_SIZE(coarse)
			 : decades > 0.9 ? ARRAY_SIZE(usual)
					 : ARRAY_SIZE(fine);

	for (int d = (int)floor(s->y0); d <= (int)ceil(s->y1); d++) {
		for (size_t i = 0; i < n_steps; i++) {
			draw_y_tick(f, s, steps[i] * pow(10, d));
		}
	}
	/* Turned by a quarter, its x runs upwards. */
	put_text(f, -(TOP + (HEIGHT - TOP - BOTTOM) / 2.0), 14, c->y_title,
		"\"axis\" transform=\"rotate(-90)\" text-anchor=\"middle\"");
}

static void draw_x_axis(FILE *f, const struct svg_chart *c, const struct scale *s)
{
	for (size_t i = 0; i < c->n_x_ticks; i++) {
		double at = log10(c->x_ticks[i].at), x = on_x(s, c->x_ticks[i].at);

		if (at < s->x0 - 1e-9 || at > s->x1 + 1e-9) {
			continue;
		}
		put_text(f, x, HEIGHT - BOTTOM + 18, c->x_ticks[i].label,
			"\"tick\" text-anchor=\"middle\"");
	}
	put_line(f, "base", HEIGHT - BOTTOM);
	put_text(f, LEFT + (WIDTH - LEFT - RIGHT) / 2.0, HEIGHT - 8, c->x_title,
		"\"axis\" text-anchor=\"middle\"");
}

static void draw_series(FILE *f, const struct svg_chart *c, const struct scale *s, size_t i)
{
	const struct svg_series *v = &c->series[i];

	fprintf(f, "<g class=\"s%u%s\"><polyline points=\"", v->colour, v->dashed ? " dashed" : "");
	for (size_t k = 0; k < v->n; k++) {
		fprintf(f, "%.1f,%.1f ", on_x(s, v->x[k]), on_y(s, v->y[k]));
	}
	fputs("\"/>\n", f);
	for (size_t k = 0; k < v->n; k++) {
		char number[16];

		fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"><title>", on_x(s, v->x[k]),
			on_y(s, v->y[k]), v->dashed ? "2" : "3.5");
		markup_text(f, v->label);
		fprintf(f, ": %s %s</title></circle>\n", bench_number(v->y[k], number), c->y_unit);
	}
	fputs("</g>\n", f);
}

/* The names at the right end of the lines, moved apart where they would overlap. */
static void draw_names(FILE *f, const struct svg_chart *c, const struct scale *s)
{
	size_t order[SVG_SERIES], n = 0;
	double last = -INFINITY;

	for (size_t i = 0; i < c->n; i++) {
		size_t at = n;

		if (c->series[i].dashed || c->series[i].n == 0) {
			continue;
		}
		while (at > 0 && c->series[order[at - 1]].y[c->series[order[at - 1]].n - 1] <
					 c->series[i].y[c->series[i].n - 1]) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
		n++;
	}
	for (size_t i = 0; i < n; i++) {
		const struct svg_series *v = &c->series[order[i]];
		double room = HEIGHT - BOTTOM - LABEL_GAP * (double)(n - 1 - i);
		double y = fmin(on_y(s, v->y[v->n - 1]) + 4, room);
		char class[16];

		last = fmax(y, last + LABEL_GAP);
		snprintf(class, sizeof(class), "\"name s%u\"", v->colour);
		put_text(f, on_x(s, v->x[v->n - 1]) + 9, last, v->label, class);
	}
}

void svg_draw(FILE *f, const struct svg_chart *c)
{
	struct scale s;

	if (!find_scale(c, &s)) {
		fputs("<p class=\"none\">Not measured in this run.</p>\n", f);
		return;
	}
	fprintf(f, "<svg viewBox=\"0 0 %d %d\" role=\"img\"", WIDTH, HEIGHT);
	if (c->style) {
		fprintf(f, " xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\"",
			WIDTH, HEIGHT);
	}
	fputs(" aria-label=\"", f);
	markup_text(f, c->title);
	fputs("\">\n", f);
	if (c->style) {
		fprintf(f, "<style>%s</style>\n", c->style);
	}
	draw_y_axis(f, c, &s);
	draw_x_axis(f, c, &s);
	for (size_t i = 0; i < c->n; i++) {
		if (c->series[i].n > 0) {
			draw_series(f, c, &s, i);
		}
	}
	draw_names(f, c, &s);
	fputs("</svg>\n", f);
}
