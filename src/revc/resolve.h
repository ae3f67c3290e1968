/* Lines whose replies begin with NAK, settled by asking again in frames. */
#pragma once

#include "revc/filter.h"

/* `replies` begins with the replies to the first `lines` lines of the input, as lines;
 * nothing is under way. Writes what they come to, in order, and takes it off
 * `replies`; the lines stay in the input. 0, or as filter_frames(). */
int resolve_lines(
	struct filter *, const struct input *, struct bytes *replies, size_t lines) MUST_CHECK;
