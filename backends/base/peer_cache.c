#include <revd/base/peer_cache.h>

#include <stdlib.h>
#include <sys/random.h>

#define FIRST_BUCKETS 64u
#define VICTIM_TRIES 16

void rv_peer_cache_finish(struct rv_peer_cache *r)
{
	free(r->buckets);
	*r = (struct rv_peer_cache){0};
}

/* FNV-1a with a secret start: clients choose the tokens. */
static uint32_t hash_token(const struct rv_peer_cache *r, const char *token, size_t n)
{
	uint64_t h = r->seed ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ (uint8_t)token[i]) * 0x100000001b3u;
	}
	return (uint32_t)(h ^ h >> 32);
}

static bool is_token(const struct rv_peer_cache_entry *e, const char *token, size_t n)
{
	return e->len == n && memcmp(e->token, token, n) == 0;
}

static void list_append(struct rv_peer_cache *r, struct rv_peer_cache_entry *e)
{
	e->newer = NULL;
	e->older = r->newest;
	*(r->newest ? &r->newest->newer : &r->oldest) = e;
	r->newest = e;
}

static void list_remove(struct rv_peer_cache *r, struct rv_peer_cache_entry *e)
{
	*(e->older ? &e->older->newer : &r->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &r->newest) = e->older;
}

struct rv_peer_cache_entry *rv_peer_cache_find(struct rv_peer_cache *r, const char *token, size_t n)
{
	struct rv_peer_cache_entry *e = r->newest;

	if (!e || is_token(e, token, n)) {
		return e;
	}
	e = r->buckets[hash_token(r, token, n) & (r->n_buckets - 1)];
	while (e && !is_token(e, token, n)) {
		e = e->chain;
	}
	if (e) {
		list_remove(r, e);
		list_append(r, e);
	}
	return e;
}

static void chain_in(struct rv_peer_cache *r, struct rv_peer_cache_entry *e)
{
	struct rv_peer_cache_entry **b = &r->buckets[e->hash & (r->n_buckets - 1)];

	e->chain = *b;
	*b = e;
}

static int grow(struct rv_peer_cache *r)
{
	size_t n = r->n_buckets ? 2 * r->n_buckets : FIRST_BUCKETS;
	struct rv_peer_cache_entry **buckets = calloc(n, sizeof(struct rv_peer_cache_entry *));

	if (!buckets) {
		return -ENOMEM;
	}
	if (!r->buckets && getrandom(&r->seed, sizeof(r->seed), GRND_NONBLOCK) < 0) {
		r->seed = (uintptr_t)buckets; /* at early boot: better than a constant */
	}
	free(r->buckets);
	r->buckets = buckets;
	r->n_buckets = n;
	for (struct rv_peer_cache_entry *e = r->oldest; e; e = e->newer) {
		chain_in(r, e);
	}
	return 0;
}

int rv_peer_cache_reserve(struct rv_peer_cache *r)
{
	/* Too few buckets are slow, none at all is fatal. */
	return r->n >= r->n_buckets && grow(r) < 0 && !r->buckets ? -ENOMEM : 0;
}

void rv_peer_cache_add(
	struct rv_peer_cache *r, struct rv_peer_cache_entry *e, const char *token, size_t n)
{
	e->token = token;
	e->len = (uint32_t)n;
	e->hash = hash_token(r, token, n);
	chain_in(r, e);
	list_append(r, e);
	r->n++;
}

void rv_peer_cache_remove(struct rv_peer_cache *r, struct rv_peer_cache_entry *e)
{
	struct rv_peer_cache_entry **at = &r->buckets[e->hash & (r->n_buckets - 1)];

	while (*at != e) {
		at = &(*at)->chain;
	}
	*at = e->chain;
	list_remove(r, e);
	r->n--;
}

struct rv_peer_cache_entry *rv_peer_cache_victim(const struct rv_peer_cache *r,
	bool (*idle)(void *ctx, const struct rv_peer_cache_entry *), void *ctx)
{
	struct rv_peer_cache_entry *e = r->oldest;

	for (int i = 0; e && i < VICTIM_TRIES; i++, e = e->newer) {
		if (idle(ctx, e)) {
			return e;
		}
	}
	return NULL;
}
