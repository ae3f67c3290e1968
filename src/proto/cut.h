/*
 * Cuts input into lines and frames, as revd-protocol(7) says. Pure: no memory
 * of its own, no system calls; what is not complete stays with the caller. On a
 * connection a malformed header is the end: the stream can no longer be cut. How a
 * stream with many writers is cut is in cut_shared.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <revd/wire.h>

enum cut_kind {
	CUT_MORE,        /* nothing complete: keep the rest and come back with more */
	CUT_LINE,        /* data, len: the text; term: bytes of its terminator */
	CUT_FRAME,       /* frame, data, len: the body */
	CUT_LONG_LINE,   /* a line over the limit has ended; total: bytes of its text */
	CUT_LARGE_FRAME, /* frame: over the limit; its body is skipped from here on */
	CUT_BAD,         /* malformed header; frame.id is 0 where it could not be read */
	CUT_SKIPPED,     /* shared streams: something torn, which data is the beginning of */
};

struct cut_piece {
	enum cut_kind kind;
	const uint8_t *data;
	size_t len;
	unsigned term; /* 0 (end of stream), 1 (LF) or 2 (CR LF) */
	uint64_t total;
	struct rv_frame frame;
};

/* What must be kept between two calls while input is incomplete; zero to begin. */
struct cutter {
	uint64_t skip;  /* bytes of a too large frame's body still to come */
	uint64_t line;  /* bytes of an over-long line seen so far; 0: none */
	size_t scanned; /* bytes at the start that have no LF */
	bool line_cr;   /* the last byte of the over-long line seen was CR */
	bool resync;    /* shared: skipping what is torn */
	bool open;      /* one of these: what comes next is no beginning of a line or frame */
};

/* Cuts the first piece off the n bytes at p. limit: max_request. Returns the
 * bytes it takes; what a CUT_MORE leaves has to be given again, with more
 * behind it. Loop until CUT_MORE: it may take bytes, too. */
size_t cut_next(struct cutter *, const uint8_t *p, size_t n, size_t limit, struct cut_piece *ret);

/* The stream has ended with n bytes left: at most one more piece. Returns false
 * if there is none. */
bool cut_end(struct cutter *, const uint8_t *p, size_t n, size_t limit, struct cut_piece *ret);

/* A message is one line or one frame by itself. */
void cut_message(const uint8_t *p, size_t n, size_t limit, struct cut_piece *ret);

/* Takes the token off the body of a frame that has RV_FRAME_REPLY_TO: moves data
 * and len to the payload. False: the token is malformed. */
bool cut_token(struct cut_piece *, const uint8_t **ret_token, size_t *ret_n);

/* For every kind of stream: a line or the rest of one, cut like cut_next(). */
size_t cut_line(struct cutter *, const uint8_t *p, size_t n, size_t limit, struct cut_piece *ret);

/* May a request have such a header? */
bool cut_header_ok(const struct rv_frame *);
