#include "bench/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEP 64u
#define MANY 50u

static const size_t sizes[] = {64, 1024, 16384};
static const unsigned sweep[] = {4, 16, 256};

struct bench_group *plan_add(struct plan *p, const char *purpose, const struct bench_load *load,
	enum bench_regime regime)
{
	struct bench_group *g = p->n < PLAN_GROUPS_MAX ? calloc(1, sizeof(*g)) : NULL;

	if (!g) {
		return NULL;
	}
	g->purpose = purpose;
	g->load = *load;
	g->regime = p->attached ? BENCH_FREE : p->can_split ? regime : BENCH_SAME;
	p->groups[p->n++] = g;
	return g;
}

struct bench_contender *plan_contender(
	struct bench_group *g, enum bench_side side, enum bench_transport t, enum bench_wait wait)
{
	static const char *const waits[] = {
		[BENCH_BLOCK] = "", [BENCH_SPIN] = ", client spins", [BENCH_LIBRARY] = ", librevc"};
	struct bench_contender *c = &g->contenders[g->n++];

	c->side = side;
	c->transport = t;
	c->wait = wait;
	if (side == BENCH_FLOOR || side == BENCH_REVD) {
		snprintf(c->name, sizeof(c->name), "%s %s%s", bench_side_name(side),
			bench_transport_name(t), waits[wait]);
	} else {
		snprintf(c->name, sizeof(c->name), "%s", bench_side_name(side));
	}
	return c;
}

int plan_pairs(struct plan *p, const char *purpose, const struct bench_load *load,
	enum bench_regime regime)
{
	struct bench_group *g = plan_add(p, purpose, load, regime);

	if (!g) {
		return -ENOMEM;
	}
	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		if (p->serves[i]) {
			plan_contender(g, BENCH_FLOOR, (enum bench_transport)i, BENCH_BLOCK);
			plan_contender(g, BENCH_REVD, (enum bench_transport)i, BENCH_BLOCK);
		}
	}
	return 0;
}

int plan_quick(struct plan *p)
{
	struct bench_load one = {.size = sizes[0], .clients = 1, .window = 1};
	struct bench_load deep = {.size = sizes[0], .clients = 1, .window = DEEP};
	int r = plan_pairs(p, "matrix", &one, BENCH_SPLIT);

	return r < 0 ? r : plan_pairs(p, "matrix", &deep, BENCH_SPLIT);
}

static int plan_matrix(struct plan *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const struct bench_load loads[] = {
			{.size = sizes[i], .clients = 1, .window = 1},
			{.size = sizes[i], .clients = 1, .window = DEEP},
			{.size = sizes[i], .clients = MANY, .window = 1},
		};

		for (size_t j = 0; j < ARRAY_SIZE(loads); j++) {
			int r = plan_pairs(p, "matrix", &loads[j], BENCH_SPLIT);

			if (r < 0) {
				return r;
			}
		}
	}
	return 0;
}

/* The pure cost in CPU time, where moving between cores is no part of it. */
static int plan_same(struct plan *p)
{
	struct bench_load one = {.size = sizes[0], .clients = 1, .window = 1};
	struct bench_load deep = {.size = sizes[0], .clients = 1, .window = DEEP};
	int r;

	if (p->attached || !p->can_split) {
		return 0; /* it is the same as the matrix */
	}
	r = plan_pairs(p, "matrix", &one, BENCH_SAME);
	return r < 0 ? r : plan_pairs(p, "matrix", &deep, BENCH_SAME);
}

/* More points for the plot of throughput over the number in flight. */
static int plan_sweep(struct plan *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(sweep); i++) {
		struct bench_load load = {.size = sizes[0], .clients = 1, .window = sweep[i]};
		struct bench_group *g = plan_add(p, "sweep", &load, BENCH_SPLIT);

		for (int t = 0; g && t < BENCH_TRANSPORTS; t++) {
			if (p->serves[t]) {
				plan_contender(g, BENCH_REVD, (enum bench_transport)t, BENCH_BLOCK);
			}
		}
		if (!g) {
			return -ENOMEM;
		}
	}
	return 0;
}

/* A client alone, and beside one that keeps many requests in flight. */
static int plan_isolation(struct plan *p)
{
	struct bench_load load = {.size = sizes[0], .clients = 1, .window = 1};
	struct bench_group *g = plan_add(p, "isolation", &load, BENCH_SPLIT);

	for (int i = 0; g && i < BENCH_TRANSPORTS; i++) {
		enum bench_transport t = (enum bench_transport)i;
		struct bench_contender *c;

		if (!p->serves[i]) {
			continue;
		}
		plan_contender(g, BENCH_REVD, t, BENCH_BLOCK)->frames = true;
		c = plan_contender(g, BENCH_REVD, t, BENCH_BLOCK);
		c->neighbour = true;
		snprintf(c->name, sizeof(c->name), "%s, neighbour", bench_transport_name(t));
	}
	return g ? 0 : -ENOMEM;
}

/* What `spin` is worth: it needs a core to spare. */
static int plan_spin(struct plan *p)
{
	struct bench_load load = {.size = sizes[0], .clients = 1, .window = 1};
	struct bench_group *g;

	if (!p->spins || !p->can_split) {
		return 0;
	}
	g = plan_add(p, "spin", &load, BENCH_SPLIT);
	for (int i = 0; g && i < BENCH_TRANSPORTS; i++) {
		enum bench_transport t = (enum bench_transport)i;
		struct bench_contender *c;

		if (!p->serves[i]) {
			continue;
		}
		plan_contender(g, BENCH_REVD, t, BENCH_BLOCK);
		c = plan_contender(g, BENCH_REVD, t, BENCH_BLOCK);
		c->spin = true;
		snprintf(c->name, sizeof(c->name), "%s, spin = " BENCH_SPIN_TIME,
			bench_transport_name(t));
	}
	return g ? 0 : -ENOMEM;
}

int plan_standard(struct plan *p)
{
	struct bench_load open = {.size = sizes[0], .clients = 1, .window = 1, .rate = p->rate};
	int r = plan_matrix(p);

	r = r < 0 ? r : plan_pairs(p, "matrix", &open, BENCH_SPLIT);
	r = r < 0 ? r : plan_same(p);
	r = r < 0 ? r : plan_isolation(p);
	r = r < 0 ? r : plan_spin(p);
	return r < 0 ? r : plan_sweep(p);
}

static int plan_peer_group(struct plan *p, const struct bench_load *load)
{
	struct bench_group *g = plan_add(p, "peers", load, BENCH_SPLIT);

	if (!g) {
		return -ENOMEM;
	}
	plan_contender(g, BENCH_REVD, BENCH_STREAM, BENCH_BLOCK);
	plan_contender(g, BENCH_LIBEVENT, BENCH_STREAM, BENCH_BLOCK);
	plan_contender(g, BENCH_REDIS_ECHO, BENCH_STREAM, BENCH_BLOCK);
	plan_contender(g, BENCH_REDIS_EVAL, BENCH_STREAM, BENCH_BLOCK);
	plan_contender(g, BENCH_MEMCACHED, BENCH_STREAM, BENCH_BLOCK);
	return 0;
}

int plan_peers(struct plan *p)
{
	static const struct bench_load loads[] = {
		{.size = 64, .clients = 1, .window = 1},
		{.size = 64, .clients = 1, .window = DEEP},
		{.size = 64, .clients = MANY, .window = 1},
		{.size = 64, .clients = MANY, .window = DEEP},
	};

	for (size_t i = 0; i < ARRAY_SIZE(loads) && p->serves[BENCH_STREAM]; i++) {
		int r = plan_peer_group(p, &loads[i]);

		if (r < 0) {
			return r;
		}
	}
	return 0;
}

int plan_custom(struct plan *p, const struct bench_load *load)
{
	int r = plan_pairs(p, "matrix", load, BENCH_SPLIT);

	if (r < 0 || p->attached || !p->can_split) {
		return r;
	}
	return plan_pairs(p, "matrix", load, BENCH_SAME);
}

uint64_t plan_slices(const struct plan *p, unsigned rounds)
{
	uint64_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		n += p->groups[i]->n * rounds;
	}
	return n;
}

void plan_finish(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->groups[i]);
	}
	p->n = 0;
}

static bool same_load(const struct bench_load *a, const struct bench_load *b)
{
	return a->size == b->size && a->clients == b->clients && a->window == b->window &&
	       (a->rate > 0) == (b->rate > 0) && a->connect == b->connect;
}

const struct bench_group *plan_find(const struct plan *p, const char *purpose,
	const struct bench_load *load, enum bench_regime regime)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct bench_group *g = p->groups[i];

		if (strcmp(g->purpose, purpose) == 0 && same_load(&g->load, load) &&
			(regime == BENCH_REGIMES || g->regime == regime)) {
			return g;
		}
	}
	return NULL;
}
