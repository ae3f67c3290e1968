/*
 * The lines of a file, a pipe or a terminal, as large reads bring them. What was
 * read stays in place from `start` on until the caller takes it.
 *
 * A line may be as long as `line_max` bytes. A longer one is not kept, so that
 * endless input without a newline stays harmless: its bytes are counted until it ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "util/macro.h"

#define INPUT_LINE_MAX ((size_t)1 << 20) /* to begin with */

struct input {
	int fd;           /* the caller closes it */
	const char *name; /* NULL: standard input */
	uint8_t *data;
	size_t size;       /* of data, bytes */
	size_t start, len; /* what is here and not taken: data[start] to data[len - 1] */
	size_t scanned;    /* from start: bytes that are known to have no LF */
	size_t line_max;
	uint64_t line;    /* number of the line at start, from 1 */
	uint64_t taken;   /* bytes that are done with */
	uint64_t skipped; /* bytes of a too long line that were let go; 0: none is being skipped */
	bool eof;
	bool regular; /* a read never waits */
};

struct input_line {
	const uint8_t *text; /* borrowed until the next fill */
	size_t n;
	size_t term; /* bytes of the terminator behind it: 0, 1 (LF), 2 (CR LF) */
};

enum input_kind {
	INPUT_LINE,
	INPUT_MORE, /* no whole line is here: fill */
	INPUT_LONG, /* line->n bytes, more than line_max: raise it or skip */
	INPUT_END,
};

/* 0 or -ENOMEM. */
int input_init(struct input *, int fd, const char *name) MUST_CHECK;
void input_finish(struct input *);

static inline size_t input_used(const struct input *in)
{
	return in->len - in->start;
}

/* True if a read would not wait. */
bool input_is_ready(const struct input *);

/* Reads once, waiting if there is nothing. 0 (eof is set at the end), -errno. */
int input_fill(struct input *) MUST_CHECK;

/* Looks at the line at start. */
enum input_kind input_next(struct input *, struct input_line *ret);

/* The line at start is done with. */
void input_take(struct input *, const struct input_line *);

/* The n bytes at start, which are `lines` whole lines, are done with. */
void input_take_lines(struct input *, size_t n, uint64_t lines);

/* Lets go of the too long line at start, as far as it is here. True when
 * its end was found: it is taken, *ret_n bytes were its text, *ret_term its terminator. */
bool input_skip(struct input *, uint64_t *ret_n, size_t *ret_term);
