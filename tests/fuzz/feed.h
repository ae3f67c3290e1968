/* The input of a fuzz target that is a program: bytes are taken from its front, and
 * when it is used up there are zeros. */
#pragma once

#include "fuzz/fuzz.h"

struct feed {
	const uint8_t *p;
	size_t n;
};

static inline uint8_t feed_byte(struct feed *f)
{
	if (f->n == 0) {
		return 0;
	}
	f->n--;
	return *f->p++;
}

/* At most n of the bytes that come next; returns how many. */
static inline size_t feed_bytes(struct feed *f, size_t n, const uint8_t **ret)
{
	n = n < f->n ? n : f->n;
	*ret = f->p;
	f->p += n;
	f->n -= n;
	return n;
}
