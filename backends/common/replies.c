#include "common/replies.h"

#include <stdlib.h>
#include <sys/random.h>

#define FIRST_BUCKETS 64u
#define VICTIM_TRIES 16

void replies_finish(struct replies *r)
{
	free(r->buckets);
	*r = (struct replies){0};
}

/* FNV-1a with a secret start: clients choose the tokens. */
static uint32_t hash_token(const struct replies *r, const char *token, size_t n)
{
	uint64_t h = r->seed ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ (uint8_t)token[i]) * 0x100000001b3u;
	}
	return (uint32_t)(h ^ h >> 32);
}

static bool is_token(const struct reply *e, const char *token, size_t n)
{
	return e->len == n && memcmp(e->token, token, n) == 0;
}

static void list_append(struct replies *r, struct reply *e)
{
	e->newer = NULL;
	e->older = r->newest;
	*(r->newest ? &r->newest->newer : &r->oldest) = e;
	r->newest = e;
}

static void list_remove(struct replies *r, struct reply *e)
{
	*(e->older ? &e->older->newer : &r->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &r->newest) = e->older;
}

struct reply *replies_find(struct replies *r, const char *token, size_t n)
{
	struct reply *e = r->newest;

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

static void chain_in(struct replies *r, struct reply *e)
{
	struct reply **b = &r->buckets[e->hash & (r->n_buckets - 1)];

	e->chain = *b;
	*b = e;
}

static int grow(struct replies *r)
{
	size_t n = r->n_buckets ? 2 * r->n_buckets : FIRST_BUCKETS;
	struct reply **buckets = calloc(n, sizeof(struct reply *));

	if (!buckets) {
		return -ENOMEM;
	}
	if (!r->buckets && getrandom(&r->seed, sizeof(r->seed), GRND_NONBLOCK) < 0) {
		r->seed = (uintptr_t)buckets; /* at early boot: better than a constant */
	}
	free(r->buckets);
	r->buckets = buckets;
	r->n_buckets = n;
	for (struct reply *e = r->oldest; e; e = e->newer) {
		chain_in(r, e);
	}
	return 0;
}

int replies_add(struct replies *r, struct reply *e, const char *token, size_t n)
{
	/* Too few buckets are slow, none at all is fatal. */
	if (r->n >= r->n_buckets && grow(r) < 0 && !r->buckets) {
		return -ENOMEM;
	}
	e->len = (uint8_t)n;
	memcpy(e->token, token, n);
	e->hash = hash_token(r, token, n);
	chain_in(r, e);
	list_append(r, e);
	r->n++;
	return 0;
}

void replies_remove(struct replies *r, struct reply *e)
{
	struct reply **at = &r->buckets[e->hash & (r->n_buckets - 1)];

	while (*at != e) {
		at = &(*at)->chain;
	}
	*at = e->chain;
	list_remove(r, e);
	r->n--;
}

struct reply *replies_victim(
	const struct replies *r, bool (*idle)(void *ctx, const struct reply *), void *ctx)
{
	struct reply *e = r->oldest;

	for (int i = 0; e && i < VICTIM_TRIES; i++, e = e->newer) {
		if (idle(ctx, e)) {
			return e;
		}
	}
	return NULL;
}
