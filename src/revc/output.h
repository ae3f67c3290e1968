/* Standard output in large writes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "util/bytes.h"

struct output {
	int fd; /* the caller's */
	struct bytes buf;
	bool open; /* what was put last is a line without its LF: the next puts one first */
	int err;   /* positive errno of the first write that failed; all later ones fail too */
};

void output_init(struct output *, int fd);
void output_finish(struct output *); /* drops what is not flushed */

/* 0 or -errno, and the errno in ->err. */
int output_put(struct output *, const void *p, size_t n) MUST_CHECK;
int output_flush(struct output *) MUST_CHECK;
