/*
 * Cuts a stream that many writers share (a FIFO) into lines and frames.
 *
 * Writes of up to PIPE_BUF bytes are atomic: an honest frame lies in the stream in one
 * piece, but what lies before and behind it may be anybody's. It begins with a *marker*,
 * four bytes:
 *
 *	0xFF, 0x01, any byte but LF, 0x02 or 0x03
 *
 * Wherever a marker lies, a frame begins, and what had begun before it was torn. Honest
 * frames hold no other one and do not end in a part of one. So none of them is torn by
 * what lies around it, and no piece reaches into one: as no marker ends in what another
 * begins with, nothing before a frame can hide its marker either.
 */
#pragma once

#include "proto/cut.h"

#define CUT_MARKER 4u          /* bytes */
#define CUT_SHARED_FRAME 4096u /* PIPE_BUF: no frame on a shared stream is larger */

/* The offset in [from, n) at which a marker begins, or what the end of the n bytes
 * leaves of one. n: there is none. */
size_t cut_marker(const uint8_t *p, size_t from, size_t n);

/* Like cut_next(). whole: there was nothing more in the pipe, so that a frame of which
 * a part is missing was torn. */
size_t cut_next_shared(struct cutter *, const uint8_t *p, size_t n, size_t limit, bool whole,
	struct cut_piece *ret);
