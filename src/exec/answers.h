/*
 * What a process prints, cut into answers; as lines, in the order of its requests, or as
 * frames, in any order. It may print anything: what is not an answer to a request that it
 * has got is an error, and nothing is kept but the one answer that is incomplete, up to a
 * limit.
 */
#pragma once

#include "exec/flights.h"
#include "util/bytes.h"

struct answers {
	struct bytes partial;
	size_t max; /* bytes of an answer */
	void *ctx;
	/* lines: of the run that they answer, data being whole lines; 0: a single request. */
	void (*answer)(void *ctx, rv_ticket, size_t lines, enum rv_status, const void *data,
		size_t n);
};

/* n bytes were printed. NULL, or a sentence: the process must end. */
const char *answers_lines(struct answers *, struct flights *, const uint8_t *data, size_t n);
const char *answers_frames(struct answers *, struct flights *, const uint8_t *data, size_t n);
