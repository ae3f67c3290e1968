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
	uint64_t max = hist_get(&from->max);

	for (unsigned i = 0; i < HIST_SLOTS; i++) {
		into->slots[i] += hist_get(&from->slots[i]);
	}
	into->count += hist_get(&from->count);
	into->sum += hist_get(&from->sum);
	if (max > into->max) {
		into->max = max;
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
