/*
 * Lines in bulk, over a stream socket: blocks of input go out as they are, replies
 * are written as they come. Each reply line belongs to the next request line, so
 * counting LFs is all that is left to do per line.
 */
#pragma once

#include "revc/filter.h"

/* All of the input: in bulk where that goes; what is left then, because there was no
 * stream, or none any more after a restart, in frames. 0, or -errno as
 * filter_arguments(). */
int bulk_input(struct filter *, struct input *) MUST_CHECK;
