/*
 * When to look for something again and again instead of sleeping until it comes.
 *
 * To be woken up costs two CPUs tens of microseconds; looking for as long costs one
 * of them no more than that, and saves it where something comes meanwhile. Where
 * nothing does, because the other side is slow or waits for this very CPU, the
 * time is lost. So a failure makes the next wait go straight to sleep, the second
 * in a row the next three, and so on up to 1023: what it costs to be wrong is
 * bounded, and a change for the better is noticed.
 */
#pragma once

#include <stdbool.h>

#define SPIN_SKIP_MAX 1023u

struct spinner { /* zero to begin with */
	unsigned skip, penalty;
};

/* Is this wait to begin with looking? Then spin_end() follows. */
static inline bool spin_begin(struct spinner *s)
{
	if (s->skip > 0) {
		s->skip--;
		return false;
	}
	return true;
}

static inline void spin_end(struct spinner *s, bool found)
{
	if (found) {
		s->penalty /= 2;
	} else {
		s->penalty = s->penalty < SPIN_SKIP_MAX ? 2 * s->penalty + 1 : SPIN_SKIP_MAX;
		s->skip = s->penalty;
	}
}
