/* What became of the requests over one way: the counts, and how long nothing came. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <revd/wire.h>
#include "util/hist.h"

struct tally {
	uint64_t sent;
	uint64_t answered; /* rightly */
	uint64_t lost;     /* no reply */
	uint64_t late;     /* a reply after it was taken for lost: a part of answered */
	uint64_t duplicated, misdelivered, wrong, broken;
	uint64_t refused[RV_STATUS_COUNT];

	/* A pause: no reply while requests were under way. */
	uint64_t pending;        /* handed over, no reply so far */
	uint64_t quiet_since;    /* CLOCK_MONOTONIC, ns */
	uint64_t pause, longest; /* the longest since the last event; of all */
	struct hist pauses;      /* the longest of each event, ns */
};

/* n requests have been handed over; n of these have had a reply, or were given up. */
void tally_handed_over(struct tally *, uint64_t n, uint64_t now);
void tally_settled(struct tally *, uint64_t n);
/* Something came. */
void tally_heard(struct tally *, uint64_t now);
/* What began with the last event, and has not ended, is a pause as long as it is by now; a new
 * event begins. count: the time before the first event is no pause of one. */
void tally_event(struct tally *, uint64_t now, bool count);

uint64_t tally_refused(const struct tally *, bool busy_too);
/* Is nothing wrong? losses: may requests be lost, and connections be broken? */
bool tally_is_fine(const struct tally *, bool losses);
/* Adds up the counts and the pauses; the longest pause is the longest of both. */
void tally_add(struct tally *into, const struct tally *);
