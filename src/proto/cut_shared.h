/*
 * Cuts a stream that many writers share (a FIFO) into lines and frames. The damage of
 * one writer must not reach the others, and two facts help: writes of up to PIPE_BUF
 * bytes are atomic, and every frame has a reply token. So a header that is malformed,
 * or a piece in whose middle another whole header begins, was torn: it is skipped up
 * to the next LF or header.
 */
#pragma once

#include "proto/cut.h"

#define CUT_SHARED_FRAME 4096u /* PIPE_BUF: no frame on a shared stream is larger */

/* Like cut_next(). whole: there was nothing more in the pipe. */
size_t cut_next_shared(struct cutter *, const uint8_t *p, size_t n, size_t limit, bool whole,
	struct cut_piece *ret);
