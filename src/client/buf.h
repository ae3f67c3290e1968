/* A growing byte buffer: bytes come in at the end and leave at the front. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "util/macro.h"

/* Zero is an empty buffer. What it holds is data[pos] to data[len - 1]. */
struct buf {
	uint8_t *data;
	size_t pos, len, size;
};

static inline size_t buf_used(const struct buf *b)
{
	return b->len - b->pos;
}

static inline const uint8_t *buf_head(const struct buf *b)
{
	return b->data + b->pos;
}

static inline void buf_finish(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

/* Makes room for n bytes at data + len; moves what is held. 0 or -ENOMEM. */
int buf_reserve(struct buf *, size_t n) MUST_CHECK;
int buf_append(struct buf *, const void *p, size_t n) MUST_CHECK;

/* The first n bytes have left. An empty buffer begins again at its start, so
 * that a steady stream never moves bytes. */
static inline void buf_consume(struct buf *b, size_t n)
{
	b->pos += n;
	if (b->pos == b->len) {
		b->pos = b->len = 0;
	}
}
