/*
 * Cuts input into lines and frames, as revd-protocol(7) says. Pure: no memory
 * of its own, no system calls; what is not complete stays with the caller.
 *
 * Two kinds of stream. On a connection a malformed header is the end: the
 * stream can no longer be cut. On a *shared* stream (a FIFO with many writers)
 * the damage of one writer must not reach the others, and two facts help:
 * writes of up to PIPE_BUF bytes are atomic, and every frame has a reply
 * token. So a header that is malformed, or a piece in whose middle another
 * whole header begins, was torn: it is skipped up to the next LF or header.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <revd/wire.h>

#define SPLIT_SHARED_FRAME 4096u /* PIPE_BUF: no frame on a shared stream is larger */

enum split_kind {
	SPLIT_MORE,        /* nothing complete: keep the rest and come back with more */
	SPLIT_LINE,        /* data, len: the text; term: bytes of its terminator */
	SPLIT_FRAME,       /* frame, data, len: the body */
	SPLIT_LONG_LINE,   /* a line over the limit has ended; total: bytes of its text */
	SPLIT_LARGE_FRAME, /* frame: over the limit; its body is skipped from here on */
	SPLIT_BAD,         /* malformed header; frame.id is 0 where it could not be read */
	SPLIT_SKIPPED,     /* shared streams: something torn was skipped */
};

struct split_piece {
	enum split_kind kind;
	const uint8_t *data;
	size_t len;
	unsigned term; /* 0 (end of stream), 1 (LF) or 2 (CR LF) */
	uint64_t total;
	struct rv_frame frame;
};

/* What must be kept between two calls while input is incomplete; zero to begin. */
struct splitter {
	uint64_t skip;  /* bytes of a too large frame's body still to come */
	uint64_t line;  /* bytes of an over-long line seen so far; 0: none */
	size_t scanned; /* bytes at the start that have no LF */
	bool line_cr;   /* the last byte of the over-long line seen was CR */
	bool resync;    /* shared: skipping to the next LF or header */
};

static inline bool splitter_is_clean(const struct splitter *s)
{
	return !s->skip && !s->line && !s->resync;
}

/* Cuts the first piece off the n bytes at p. limit: max_request. Returns the
 * bytes it takes; what a SPLIT_MORE leaves has to be given again, with more
 * behind it. Loop until SPLIT_MORE: it may take bytes, too. */
size_t split_next(
	struct splitter *, const uint8_t *p, size_t n, size_t limit, struct split_piece *ret);

/* The same for a shared stream. whole: there was nothing more in the pipe. */
size_t split_next_shared(struct splitter *, const uint8_t *p, size_t n, size_t limit, bool whole,
	struct split_piece *ret);

/* The stream has ended with n bytes left: at most one more piece. Returns false
 * if there is none. */
bool split_end(
	struct splitter *, const uint8_t *p, size_t n, size_t limit, struct split_piece *ret);

/* A message is one line or one frame by itself. */
void split_message(const uint8_t *p, size_t n, size_t limit, struct split_piece *ret);

/* Takes the token off the body of a frame that has RV_FRAME_REPLY_TO: moves data
 * and len to the payload. False: the token is malformed. */
bool split_token(struct split_piece *, const uint8_t **ret_token, size_t *ret_n);
