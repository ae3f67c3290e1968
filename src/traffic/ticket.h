/*
 * Requests that a service answers later. A ticket's id is generation << 32 | slot + 1,
 * never a pointer, so that an answer to a request whose peer left, or whose time ran
 * out, is a counted no-op. The tickets of one peer are chained, so that they can be
 * cancelled together when it ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <revd/service.h>
#include "util/macro.h"

struct order_line;
struct rv_instance;
struct rv_service_worker;

struct ticket {
	uint32_t generation, next_free; /* index + 1 in the free list */
	bool used;
	struct rv_instance *in;
	struct rv_service_worker *service;
	uint32_t slot;   /* of the peer to be answered */
	uint64_t client; /* and its id */
	uint32_t *chain; /* where the peer's chain begins: index + 1 */
	uint32_t prev, next;
	uint32_t lines;          /* of a run: those that are not answered; else 0 */
	struct order_line *line; /* a line: its place among the peer's; else NULL */
	uint32_t tag, bytes;     /* bytes: what it counts for in peer->inflight */
	uint64_t id;             /* of a frame */
	uint64_t start_ns, deadline_ns;
};

struct tickets { /* zero is an empty table */
	struct ticket *table;
	uint32_t n, free, used;
	uint32_t generation; /* all ids up to this one may have been used */
};

/* A ticket on the chain; the caller fills in what it is for. NULL: no memory. */
struct ticket *ticket_create(struct tickets *, uint32_t *chain, rv_ticket *ret);

/* NULL: it is answered or cancelled already. */
struct ticket *ticket_find(struct tickets *, rv_ticket);
rv_ticket ticket_id(const struct tickets *, const struct ticket *);
void ticket_free(struct tickets *, struct ticket *);

/* Frees all tickets of the chain. each: called for every one before that. */
void tickets_cancel(struct tickets *, uint32_t *chain, void (*each)(struct ticket *, rv_ticket));

/* Frees a large table that is not used; returns its bytes. */
size_t tickets_trim(struct tickets *);

/* The first ticket from index *at on that is due, or NULL; *at is moved on. */
struct ticket *tickets_due(struct tickets *, uint64_t now_ns, uint32_t *at);

void tickets_finish(struct tickets *);
