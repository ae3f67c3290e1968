/*
 * The reply peers that are open, found by token: a hash table for the way in,
 * a list in order of use for the way out. The table owns neither the peers nor
 * their descriptors; a struct reply is embedded in the transport's peer.
 */
#pragma once

#include "common/macro.h"

struct reply {
	struct reply *chain;         /* of the bucket */
	struct reply *older, *newer; /* by last use */
	uint32_t hash;
	uint8_t len;
	char token[RV_TOKEN_MAX]; /* not terminated */
};

struct replies { /* all zero at first */
	struct reply **buckets;
	size_t n_buckets; /* a power of two */
	size_t n;
	struct reply *oldest, *newest;
	uint64_t seed;
};

void replies_finish(struct replies *);

/* NULL if there is none; else it is the newest from now on. */
struct reply *replies_find(struct replies *, const char *token, size_t n);
/* A token that is not in there. 0 or -ENOMEM. */
int replies_add(struct replies *, struct reply *, const char *token, size_t n) MUST_CHECK;
void replies_remove(struct replies *, struct reply *);

/* Of the ones longest unused, one for which idle() holds, or NULL: it looks at
 * a few, so that a full table costs a request no more than that. */
struct reply *replies_victim(
	const struct replies *, bool (*idle)(void *ctx, const struct reply *), void *ctx);
