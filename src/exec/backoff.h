/* How long a program that fails again and again is left alone. Zero: it has not failed. */
#pragma once

#include <stdint.h>

#define BACKOFF_FIRST_NS 100000000u

struct backoff {
	unsigned failures; /* in a row */
	uint64_t until;    /* ns; not to be started before */
};

/* It has failed: after 100 ms it may be started again, then after twice that, and so on
 * up to `most` ns. */
void backoff_failed(struct backoff *, uint64_t now, uint64_t most);

/* How many ns are left. */
static inline uint64_t backoff_left(const struct backoff *b, uint64_t now)
{
	return b->until > now ? b->until - now : 0;
}
