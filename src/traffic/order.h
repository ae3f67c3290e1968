/*
 * Lines that are in a deferring service. Their replies go out in the order of the
 * requests, so one that is ready early waits here for those before it. Zero is an
 * empty list.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "util/macro.h"

/* What a line costs beside the bytes of its reply; not less than it will as an unsent
 * one, error and all, so that what is kept here can be kept there. */
#define ORDER_LINE_COST 96u

struct order_line {
	struct order_line *next;
	bool ready;       /* the reply is known */
	uint8_t status;   /* of the reply */
	uint8_t term;     /* bytes of the terminator */
	uint32_t lines;   /* the text is that many whole lines, as they are sent; 0: it is one */
	uint32_t tag;     /* of the request */
	uint32_t request; /* what it counts for in peer->inflight */
	const void *text; /* of the reply; len bytes */
	size_t len;
	void *memory; /* in which the text is; NULL: it is static */
};

struct order {
	struct order_line *first, *last;
	size_t cost; /* bytes of the replies that wait here, bookkeeping included */
};

/* Appends a line; its reply is not ready. NULL: no memory. */
struct order_line *order_add(struct order *, uint8_t term, uint32_t tag);

/* Puts a line before another one; its reply is not ready. NULL: no memory. */
struct order_line *order_add_before(struct order *, const struct order_line *);

/* Its reply is ready, n bytes at p, which are copied. 0 or -ENOMEM. */
int order_ready(
	struct order *, struct order_line *, uint8_t status, const void *p, size_t n) MUST_CHECK;

/* Its reply is an error and costs nothing more. sentence: static and short. */
void order_refuse(struct order_line *, uint8_t status, const char *sentence);

/* Takes the first line off the list if its reply is ready, else NULL. The caller frees
 * it with order_line_free(). */
struct order_line *order_take(struct order *);
void order_line_free(struct order_line *);

/* Frees a line, wherever it is. */
void order_remove(struct order *, struct order_line *);

/* Frees all; returns how many lines that were. */
size_t order_drop(struct order *);
