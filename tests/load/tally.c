#include "load/tally.h"

#include "util/macro.h"

void tally_handed_over(struct tally *t, uint64_t n, uint64_t now)
{
	if (n > 0 && t->pending == 0) {
		t->quiet_since = now;
	}
	t->pending += n;
}

void tally_settled(struct tally *t, uint64_t n)
{
	t->pending -= MIN(t->pending, n);
}

/* The silence so far. */
static void look(struct tally *t, uint64_t now)
{
	uint64_t gap = t->pending > 0 && now > t->quiet_since ? now - t->quiet_since : 0;

	t->pause = MAX(t->pause, gap);
	t->longest = MAX(t->longest, gap);
}

void tally_heard(struct tally *t, uint64_t now)
{
	look(t, now);
	t->quiet_since = now;
}

void tally_event(struct tally *t, uint64_t now, bool count)
{
	look(t, now);
	if (count) {
		hist_add(&t->pauses, t->pause, 1);
	}
	t->pause = 0;
}

uint64_t tally_refused(const struct tally *t, bool busy_too)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < RV_STATUS_COUNT; i++) {
		n += i == RV_STATUS_BUSY && !busy_too ? 0 : t->refused[i];
	}
	return n;
}

/* To be asked to come again is part of the protocol where clients share their way. */
bool tally_is_fine(const struct tally *t, bool losses)
{
	return t->duplicated + t->misdelivered + t->wrong + tally_refused(t, false) == 0 &&
	       (losses || t->lost + t->late + t->broken == 0);
}

void tally_add(struct tally *into, const struct tally *t)
{
	into->sent += t->sent;
	into->answered += t->answered;
	into->lost += t->lost;
	into->late += t->late;
	into->duplicated += t->duplicated;
	into->misdelivered += t->misdelivered;
	into->wrong += t->wrong;
	into->broken += t->broken;
	for (unsigned i = 0; i < RV_STATUS_COUNT; i++) {
		into->refused[i] += t->refused[i];
	}
	into->longest = MAX(into->longest, t->longest);
	hist_merge(&into->pauses, &t->pauses);
}
