/*
 * Cuts a stream that many writers share (a FIFO) into lines and frames. What one of
 * them writes must not become a part of another's request, and two facts make that
 * possible: writes of up to PIPE_BUF bytes are not mixed, and every frame says to whom
 * its reply goes. So
 *
 * - whatever looks like the beginning of such a frame is one. The frame or the line
 *   around it is dropped, whatever its length says. A frame that has this in its payload
 *   can't be sent here, nor one whose end could be the beginning of it;
 * - a frame of which a part is missing when the pipe is empty was not written whole, and
 *   is dropped;
 * - a malformed header is skipped up to the next LF or header.
 */
#pragma once

#include "proto/cut.h"

#define CUT_SHARED_FRAME 4096u /* PIPE_BUF: no frame on a shared stream is larger */

/* Like cut_next(). whole: there was nothing more in the pipe. */
size_t cut_next_shared(struct cutter *, const uint8_t *p, size_t n, size_t limit, bool whole,
	struct cut_piece *ret);

/* The frame of n bytes holds bytes, behind its first, that are or may become what looks
 * like the beginning of another one: it would be dropped. */
bool cut_shared_hides_header(const uint8_t *p, size_t n);
