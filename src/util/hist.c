#include "util/hist.h"

static uint64_t upper_bound(unsigned index)
{
	unsigned shift;

	if (index < HIST_SUB) {
		return index;
	}
	shift = index / HIST_SUB - 1;
	return (((uint64_t)HIST_SUB + index % HIST_SUB + 1) << shift) - 1;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	for (unsigned i = 0; i < HIST_SLOTS; i++) {
		into->slots[i] += from->slots[i];
	}
	into->count += from->count;
	into->sum += from->sum;
	if (from->max > into->max) {
		into->max = from->max;
	}
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	double want = q * (double)h->count;
	uint64_t seen = 0;

	for (unsigned i = 0; i < HIST_SLOTS; i++) {
		seen += h->slots[i];
		if (h->slots[i] && (double)seen >= want) {
			uint64_t v = upper_bound(i);

			return v < h->max ? v : h->max;
		}
	}
	return h->max;
}
