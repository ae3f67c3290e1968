/* Many requests at once: as many under way as the transport takes. */
#pragma once

#include "common/client.h"

struct pump {
	size_t count;
	/* Writes request i, without a terminator, to buf (PUMP_LINE bytes). */
	size_t (*make)(size_t i, char *buf);
	/* The same for the reply that must come. */
	size_t (*want)(size_t i, char *buf);
};

#define PUMP_LINE 512u

/* Sends all of them as lines and checks the replies, in their order. */
void pump_lines(struct client *, const struct pump *);
/* The same as frames, ids from 0, answered in any order. */
void pump_frames(struct client *, const struct pump *);

/* Words that differ by i, and what the reverse service makes of them. */
size_t pump_make_word(size_t i, char *buf);
size_t pump_want_word(size_t i, char *buf);
