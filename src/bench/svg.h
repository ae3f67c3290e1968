/*
 * Line charts as SVG, both axes logarithmic, to stand inside an HTML page that styles them: the
 * colours come from the classes s0..s7 of the page, so that light and dark are its matter.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define SVG_POINTS 16
#define SVG_SERIES 12

struct svg_series {
	const char *label;
	unsigned colour; /* class sN */
	bool dashed;     /* and without a label of its own */
	size_t n;
	double x[SVG_POINTS], y[SVG_POINTS];
};

struct svg_tick {
	double at;
	const char *label;
};

struct svg_chart {
	const char *title; /* for those who can't see it */
	const char *x_title, *y_title;
	const char *y_unit; /* of the values shown at points */
	const struct svg_tick *x_ticks;
	size_t n_x_ticks;
	const char *style; /* for an image of its own: its style sheet; NULL: part of a page */
	size_t n;
	struct svg_series series[SVG_SERIES];
};

/* Draws nothing but a sentence if there is no point with y > 0. */
void svg_draw(FILE *, const struct svg_chart *);
