/* The requests that a process has got and not answered, in order. Zero is empty. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <revd/service.h>
#include "util/macro.h"

struct flight {
	rv_ticket ticket; /* 0: it is answered */
	uint32_t lines;   /* of a run, that are left; 0: a single request */
	uint64_t start;   /* where it begins in all that the process gets */
	uint64_t since;   /* when it came, ns */
};

struct flights {
	struct flight *ring; /* of size places, a power of two */
	size_t size, head, n;
	uint64_t first; /* the number of the first one, since the process began */
};

int flights_push(struct flights *, const struct flight *) MUST_CHECK;
void flights_pop(struct flights *);
void flights_free(struct flights *);

static inline struct flight *flights_at(const struct flights *f, size_t i)
{
	return &f->ring[(f->head + i) & (f->size - 1)];
}
