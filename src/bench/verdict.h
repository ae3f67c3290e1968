/*
 * Which transport, and why, in words: sentences made from a finished plan, each
 * with the figure behind it. A difference within the noise is said to be one.
 */
#pragma once

#include "bench/plan.h"

#define VERDICT_LINES 12
#define VERDICT_TEXT 640

enum verdict_about {
	VERDICT_LATENCY,
	VERDICT_THROUGHPUT,
	VERDICT_LARGE,
	VERDICT_MANY,
	VERDICT_ISOLATION,
	VERDICT_SPIN,   /* what it is worth to spin */
	VERDICT_FLOOR,  /* how far the daemon is from the bare transport */
	VERDICT_CHOICE, /* all of it in a sentence */
	VERDICT_TOPICS,
};

struct verdict_line {
	enum verdict_about about;
	bool known; /* a best one was found */
	enum bench_transport best;
	char text[VERDICT_TEXT];
};

struct verdict {
	size_t n;
	struct verdict_line lines[VERDICT_LINES];
};

void verdict_make(struct verdict *, const struct plan *);
const char *verdict_topic(enum verdict_about);
