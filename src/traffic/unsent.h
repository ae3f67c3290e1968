/*
 * Replies that the transport did not take yet, in the order in which they are to be
 * sent. Zero is an empty list.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unsent_reply {
	struct unsent_reply *next;
	size_t len, sent; /* bytes of the text; of a line with its terminator */
	uint32_t request; /* what its request counts for in peer->inflight until it is sent */
	uint32_t tag;
	uint64_t id;
	uint8_t status;
	bool frame; /* else the text is the whole line */
	uint8_t text[];
};

struct unsent {
	struct unsent_reply *first, *last;
	size_t cost; /* bytes that it takes, bookkeeping included */
};

/* What a reply costs whose text has n bytes, with what malloc() adds. */
static inline size_t unsent_cost(size_t n)
{
	return sizeof(struct unsent_reply) + 16 + n;
}

/* Appends a copy of *what with room for what->len bytes of text, which the caller
 * writes. NULL: no memory. */
struct unsent_reply *unsent_add(struct unsent *, const struct unsent_reply *what);

/* Removes and frees the first one; returns what its request counts for. */
uint32_t unsent_pop(struct unsent *);
