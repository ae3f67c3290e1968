/*
 * What one thread counts and others may read: numbers, and a log-linear histogram of non-negative 64-bit values (latencies in ns): 16
 * linear steps per power of two, so a value is known to within 1/16 (6.25 %).
 * Values below 16 are exact. Histograms of the same kind merge by adding. The
 * model is HdrHistogram's (hdrhistogram.org).
 *
 * Single writer; a concurrent reader sees each count whole, but not one moment.
 */
#pragma once

#include <stdint.h>

#define HIST_SUB_BITS 4
#define HIST_SUB (1u << HIST_SUB_BITS)
#define HIST_SLOTS ((64 - HIST_SUB_BITS + 1) * HIST_SUB)

struct hist {
	uint64_t count, sum, max;
	uint64_t slots[HIST_SLOTS];
};

static inline unsigned hist_index(uint64_t v)
{
	unsigned shift;

	if (v < HIST_SUB) {
		return (unsigned)v;
	}
	shift = 63u - (unsigned)__builtin_clzll(v) - HIST_SUB_BITS;
	return (shift + 1) * HIST_SUB + (unsigned)((v >> shift) & (HIST_SUB - 1));
}

/* The least value of a slot. */
static inline uint64_t hist_floor(unsigned i)
{
	return i < 2 * HIST_SUB ? i : (uint64_t)(HIST_SUB + i % HIST_SUB) << (i / HIST_SUB - 1);
}

/* Adds to a word that other threads may read meanwhile: a plain store to the processor,
 * and no data race to the language. */
static inline void count(uint64_t *word, uint64_t n)
{
	__atomic_store_n(word, *word + n, __ATOMIC_RELAXED);
}

static inline uint64_t hist_get(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* n values v at once. */
static inline void hist_add(struct hist *h, uint64_t v, uint64_t n)
{
	uint64_t *slot = &h->slots[hist_index(v)];

	count(slot, n);
	count(&h->count, n);
	count(&h->sum, v * n);
	if (v > h->max) {
		count(&h->max, v - h->max);
	}
}

void hist_merge(struct hist *into, const struct hist *from);

/* The smallest recorded step such that at least fraction q (0..1) of the values
 * are not above it: its upper bound, never above max. 0 if empty. */
uint64_t hist_quantile(const struct hist *h, double q);
