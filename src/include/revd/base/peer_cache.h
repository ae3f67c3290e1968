/*
 * The reply peers that are open, found by token, or whatever tells their addresses apart: a
 * hash table for the way in, a list in order of use for the way out. The table owns neither
 * the peers nor their descriptors; a struct rv_peer_cache_entry is embedded in the
 * transport's peer.
 */
#pragma once

#include <revd/base/util.h>

struct rv_peer_cache_entry {
	struct rv_peer_cache_entry *chain;         /* of the bucket */
	struct rv_peer_cache_entry *older, *newer; /* by last use */
	const char *token;                         /* not terminated */
	uint32_t hash, len;
};

struct rv_peer_cache { /* all zero at first */
	struct rv_peer_cache_entry **buckets;
	size_t n_buckets; /* a power of two */
	size_t n;
	struct rv_peer_cache_entry *oldest, *newest;
	uint64_t seed;
};

void rv_peer_cache_finish(struct rv_peer_cache *);

/* NULL if there is none; else it is the newest from now on. */
struct rv_peer_cache_entry *rv_peer_cache_find(struct rv_peer_cache *, const char *token, size_t n);
/* Makes room for one more. 0 or -ENOMEM. */
int rv_peer_cache_reserve(struct rv_peer_cache *) MUST_CHECK;
/* A token that is not in there; there is room for it. Its n bytes stay where they are until
 * the entry is removed. */
void rv_peer_cache_add(
	struct rv_peer_cache *, struct rv_peer_cache_entry *, const char *token, size_t n);
void rv_peer_cache_remove(struct rv_peer_cache *, struct rv_peer_cache_entry *);

/* Of the ones longest unused, one for which idle() holds, or NULL: it looks at
 * a few, so that a full table costs a request no more than that. */
struct rv_peer_cache_entry *rv_peer_cache_victim(const struct rv_peer_cache *,
	bool (*idle)(void *ctx, const struct rv_peer_cache_entry *), void *ctx);
