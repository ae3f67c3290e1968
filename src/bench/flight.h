/*
 * When the requests in flight of one connection began, oldest first. Requests
 * that began together are one entry, so a reply costs the fraction of a clock read.
 */
#pragma once

#include <stdlib.h>
#include "bench/slice.h"

struct flight_entry {
	uint64_t began;
	uint32_t n;
};

struct flight {
	struct flight_entry *ring;
	unsigned size, head, used; /* entries */
	unsigned in_flight;        /* requests */
};

/* max: requests in flight at most. */
static inline int flight_init(struct flight *f, unsigned max)
{
	*f = (struct flight){.ring = calloc(max, sizeof(*f->ring)), .size = max};
	return f->ring ? 0 : -ENOMEM;
}

static inline void flight_finish(struct flight *f)
{
	free(f->ring);
	f->ring = NULL;
}

static inline void flight_begin(struct flight *f, uint64_t began, unsigned n)
{
	f->ring[(f->head + f->used++) % f->size] = (struct flight_entry){began, n};
	f->in_flight += n;
}

/* k replies came at `now`. More than are in flight is the caller's -EBADMSG. */
static inline int flight_end(struct flight *f, struct slice *s, uint64_t now, unsigned k)
{
	if (k > f->in_flight) {
		return -EBADMSG;
	}
	f->in_flight -= k;
	while (k > 0) {
		struct flight_entry *e = &f->ring[f->head];
		uint32_t n = MIN(e->n, k);

		slice_count(s, e->began, now, n);
		e->n -= n;
		k -= n;
		if (e->n == 0) {
			f->head = (f->head + 1) % f->size;
			f->used--;
		}
	}
	return 0;
}
