/* Inputs for the tests of the text library. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Pseudo-random numbers, the same in every run. */
struct samples_random {
	uint64_t state; /* not 0 */
};

uint32_t samples_next(struct samples_random *);
/* 0 to below - 1. */
uint32_t samples_below(struct samples_random *, uint32_t below);

/* Kinds of text: ASCII, text of 2-, 3-, 4-byte code points, mixtures. */
#define SAMPLES_KINDS 7u

/* Fills n bytes with valid text of that kind. */
void samples_text(unsigned kind, struct samples_random *, uint8_t *buf, size_t n);

/* Lengths at which loops end: 0 to 70, and around each power of two; ends with SIZE_MAX. */
extern const size_t samples_lengths[];

/* Code points that have something to do with clusters, at least one of each class. */
extern const uint32_t samples_points[];
extern const size_t samples_n_points;

/* Ill-formed sequences of all sorts. */
struct samples_bad {
	const char *bytes;
	size_t n;
};

extern const struct samples_bad samples_bad[];
extern const size_t samples_n_bad;
