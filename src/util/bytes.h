/* A byte buffer: bytes come in at the end and leave at the front. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "util/macro.h"

/* Zero is an empty buffer. What it holds are len bytes from data + head on. */
struct bytes {
	uint8_t *data; /* owned; size bytes; NULL: none yet */
	size_t head, len, size;
};

static inline uint8_t *bytes_head(const struct bytes *b)
{
	return b->data ? b->data + b->head : NULL;
}

/* Where the next bytes go: as many as bytes_reserve() made room for. */
static inline uint8_t *bytes_tail(const struct bytes *b)
{
	return b->data ? b->data + b->head + b->len : NULL;
}

/* Bytes that may be written there. */
static inline size_t bytes_room(const struct bytes *b)
{
	return b->size - b->head - b->len;
}

/* Makes room for n bytes at the tail; moves what is held. 0 or -ENOMEM. The memory
 * is at most twice what was ever held at once, and some 256 bytes. */
int bytes_reserve(struct bytes *, size_t n) MUST_CHECK;

/* Appends n bytes. 0 or -ENOMEM, then nothing has changed. */
int bytes_put(struct bytes *, const void *p, size_t n) MUST_CHECK;

/* The first n bytes have left. An empty buffer begins again at its start, so that
 * a steady stream never moves bytes. */
static inline void bytes_take(struct bytes *b, size_t n)
{
	b->head += n;
	b->len -= n;
	if (b->len == 0) {
		b->head = 0;
	}
}

/* Frees the memory; an empty buffer is left. */
static inline void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){0};
}
