/*
 * One piece of input, a line or a frame, to its reply: who gets it, whether it is
 * refused, which operation it is, whether fragments of it are missing.
 */
#pragma once

#include "traffic/reply.h"

/* Where a piece came from, beside its peer. */
struct origin {
	uint32_t tag;
	struct peer *reply_to; /* named beside the message; NULL: as the protocol says */
};

/* Serves one piece of the peer's input; CUT_MORE is nothing. */
void request_serve(struct batch *, struct peer *, struct cut_piece *, const struct origin *);

/* Does serving the piece mean calling the service? */
bool request_calls(const struct peer *, const struct cut_piece *);
