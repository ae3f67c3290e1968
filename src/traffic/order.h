/*
 * Lines that are in a deferring service. Their replies go out in the order of the
 * requests, so one that is ready early waits here for those before it. Zero is an
 * empty list.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "util/bytes.h"

struct order_line {
	struct order_line *next;
	bool ready;        /* the reply is known */
	uint8_t status;    /* of the reply */
	uint8_t term;      /* bytes of the terminator */
	uint32_t tag;      /* of the request */
	uint32_t request;  /* what it counts for in peer->inflight */
	struct bytes text; /* of the reply */
};

struct order {
	struct order_line *first, *last;
	size_t cost; /* bytes of the replies that wait here, bookkeeping included */
};

/* Appends a line; its reply is not ready. NULL: no memory. */
struct order_line *order_add(struct order *, uint8_t term, uint32_t tag);

/* Its reply is ready, n bytes at p, which are copied. 0 or -ENOMEM. */
int order_ready(
	struct order *, struct order_line *, uint8_t status, const void *p, size_t n) MUST_CHECK;

/* Takes the first line off the list if its reply is ready, else NULL. The caller frees
 * it with order_line_free(). */
struct order_line *order_take(struct order *);
void order_line_free(struct order_line *);

/* Frees a line, wherever it is. */
void order_remove(struct order *, struct order_line *);

/* Frees all; returns how many lines that were. */
size_t order_drop(struct order *);
