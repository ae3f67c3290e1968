/*
 * What has arrived and can't be served yet: messages, or any number of whole lines of
 * a byte stream in one record. Zero is an empty one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "util/bytes.h"

struct waiting {
	struct bytes records;
};

struct waiting_record {
	uint32_t len;      /* bytes of data */
	uint32_t tag;      /* of a message: rv_msg.tag */
	uint32_t reply_to; /* of a message: slot + 1 of whom to answer; 0: the sender */
	bool lines;        /* whole lines of a byte stream; else one message */
	uint64_t client;   /* of whom to answer */
	uint64_t total;    /* of a message: rv_msg.total */
};

/* Puts a record behind the others, with rec->len bytes of data. 0 or -ENOMEM. */
int waiting_put(struct waiting *, const struct waiting_record *rec, const uint8_t *data) MUST_CHECK;

/* The data of the first record, and in *ret what it is; NULL: nothing waits. Valid
 * until the next call. */
const uint8_t *waiting_first(const struct waiting *, struct waiting_record *ret);

/* n bytes of the first record are served; all of them: it is gone. */
void waiting_advance(struct waiting *, size_t n);

/* Forgets all of it; returns how many requests that were. */
size_t waiting_drop(struct waiting *);

/* What it costs in bytes, bookkeeping included. */
static inline size_t waiting_cost(const struct waiting *w)
{
	return w->records.len;
}
