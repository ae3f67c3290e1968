/*
 * The mean of many numbers, of which none gets lost: what a sum of doubles rounds away
 * is summed up beside it (Neumaier's variant of Kahan's summation), so that the result
 * is as good as one rounding, in whatever order they come.
 */
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include "util/macro.h"

struct mean { /* zeroed: of none */
	double sum, lost;
	uint64_t n;
};

/* Numbers are added as 2^-64 of themselves: a sum of large ones would be infinite where
 * their mean is not. What that takes from numbers below 10^-288 nobody can print. */
#define MEAN_SCALE 0x1p-64

static inline void mean_add(struct mean *m, double x)
{
	double scaled = x * MEAN_SCALE, sum = m->sum + scaled;

	if (fabs(m->sum) >= fabs(scaled)) {
		m->lost += (m->sum - sum) + scaled;
	} else {
		m->lost += (scaled - sum) + m->sum;
	}
	m->sum = sum;
	m->n++;
}

/* Of at least one number. */
double mean_value(const struct mean *);

/* What is wrong with a list. */
struct mean_error {
	int error;        /* -ENODATA: it has no number; else what decimal_parse() said of */
	size_t item;      /* this one, counted from 1 */
	const uint8_t *s; /* in the list */
	size_t n;
};

#define MEAN_SENTENCE 160 /* bytes for what mean_sentence() writes */

/* Of the list in the n bytes of text, which need not be terminated. Between numbers are
 * spaces, tabs, commas and ends of lines, as many as you like. 0 or -errno, with *err. */
int mean_of_list(const void *text, size_t n, double *ret, struct mean_error *err) MUST_CHECK;
/* "item 3, '1.2.3': not a number". buf: MEAN_SENTENCE bytes. Returns buf. */
char *mean_sentence(const struct mean_error *, char *buf);
