#include "bench/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void add_revd(struct bench_group *g, enum bench_transport t)
{
	plan_contender(g, BENCH_REVD, t, BENCH_BLOCK);
}

static void add_pair(struct bench_group *g, enum bench_transport t)
{
	plan_contender(g, BENCH_FLOOR, t, BENCH_BLOCK);
	add_revd(g, t);
}

/* A client alone, and beside one that keeps many requests in flight. */
static void add_isolation(struct bench_group *g, enum bench_transport t)
{
	struct bench_contender *c = plan_contender(g, BENCH_REVD, t, BENCH_BLOCK);

	c->frames = true;
	c = plan_contender(g, BENCH_REVD, t, BENCH_BLOCK);
	c->neighbour = true;
	snprintf(c->name, sizeof(c->name), "%s, neighbour", bench_transport_name(t));
}

/* What `spin` is worth. */
static void add_spin(struct bench_group *g, enum bench_transport t)
{
	struct bench_contender *c;

	add_revd(g, t);
	c = plan_contender(g, BENCH_REVD, t, BENCH_BLOCK);
	c->spin = true;
	snprintf(c->name, sizeof(c->name), "%s, spin = " BENCH_SPIN_TIME, bench_transport_name(t));
}

static void add_rivals(struct bench_group *g, enum bench_transport t)
{
	if (t == BENCH_STREAM) {
		add_revd(g, t);
		for (int side = BENCH_LIBEVENT; side < BENCH_LIBQB; side++) {
			if (side != BENCH_REVD) {
				plan_contender(g, (enum bench_side)side, t, BENCH_BLOCK);
			}
		}
	} else if (t == BENCH_SHM) {
		add_revd(g, t);
		plan_contender(g, BENCH_LIBQB, t, BENCH_BLOCK);
	}
}

struct entry {
	const char *purpose;
	struct bench_load load; /* any rate: that of the plan */
	enum bench_regime regime;
	void (*add)(struct bench_group *, enum bench_transport);
};

static const struct entry quick[] = {
	{"matrix", {64, 1, 1}, BENCH_SPLIT, add_pair},
	{"matrix", {64, 1, 64}, BENCH_SPLIT, add_pair},
};

static const struct entry standard[] = {
	{"matrix", {64, 50, 1}, BENCH_SPLIT, add_pair},
	{"matrix", {1024, 1, 1}, BENCH_SPLIT, add_pair},
	{"matrix", {1024, 1, 64}, BENCH_SPLIT, add_pair},
	{"matrix", {1024, 50, 1}, BENCH_SPLIT, add_pair},
	{"matrix", {16384, 1, 1}, BENCH_SPLIT, add_pair},
	{"matrix", {16384, 1, 64}, BENCH_SPLIT, add_pair},
	{"matrix", {16384, 50, 1}, BENCH_SPLIT, add_pair},
	{"matrix", {64, 1, 1, .rate = 1}, BENCH_SPLIT, add_pair},
	/* The pure cost in CPU time, where moving between cores is no part of it. */
	{"matrix", {64, 1, 1}, BENCH_SAME, add_pair},
	{"matrix", {64, 1, 64}, BENCH_SAME, add_pair},
	{"isolation", {64, 1, 1}, BENCH_SPLIT, add_isolation},
	{"spin", {64, 1, 1}, BENCH_SPLIT, add_spin},
	/* More points for the plot of throughput over the number in flight. */
	{"sweep", {64, 1, 4}, BENCH_SPLIT, add_revd},
	{"sweep", {64, 1, 16}, BENCH_SPLIT, add_revd},
	{"sweep", {64, 1, 256}, BENCH_SPLIT, add_revd},
};

static const struct entry rivals[] = {
	{"peers", {64, 1, 1}, BENCH_SPLIT, add_rivals},
	{"peers", {64, 1, 64}, BENCH_SPLIT, add_rivals},
	{"peers", {64, 50, 1}, BENCH_SPLIT, add_rivals},
	{"peers", {64, 50, 64}, BENCH_SPLIT, add_rivals},
};

/* Is it of use here? `same` has been measured where nothing can be split; spinning needs a
 * core to spare; rivals have
 * streams, or shared memory. */
static bool wanted(const struct plan *p, const struct entry *e)
{
	if (e->regime == BENCH_SAME) {
		return p->can_split && !p->attached;
	}
	if (e->add == add_spin) {
		return p->can_split && p->spins;
	}
	return e->add != add_rivals || p->serves[BENCH_STREAM] || p->serves[BENCH_SHM];
}

static int add(struct plan *p, const struct entry *entries, size_t n)
{
	for (const struct entry *e = entries; e < entries + n; e++) {
		struct bench_load load = e->load;
		struct bench_group *g;

		load.rate = load.rate > 0 ? p->rate : 0;
		if (!wanted(p, e)) {
			continue;
		}
		g = plan_add(p, e->purpose, &load, e->regime);
		if (!g) {
			return -ENOMEM;
		}
		for (int t = 0; t < BENCH_TRANSPORTS; t++) {
			if (p->serves[t]) {
				e->add(g, (enum bench_transport)t);
			}
		}
	}
	return 0;
}

int plan_quick(struct plan *p)
{
	return add(p, quick, ARRAY_SIZE(quick));
}

int plan_standard(struct plan *p)
{
	int r = plan_quick(p);

	return r < 0 ? r : add(p, standard, ARRAY_SIZE(standard));
}

int plan_rivals(struct plan *p)
{
	return add(p, rivals, ARRAY_SIZE(rivals));
}

int plan_custom(struct plan *p, const struct bench_load *load)
{
	const struct entry entries[] = {
		{"matrix", *load, BENCH_SPLIT, add_pair},
		{"matrix", *load, BENCH_SAME, add_pair},
	};

	return add(p, entries, ARRAY_SIZE(entries));
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

const struct bench_group *plan_find(
	const struct plan *p, const char *purpose, const struct bench_load *load)
{
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->groups[i]->purpose, purpose) == 0 &&
			same_load(&p->groups[i]->load, load)) {
			return p->groups[i];
		}
	}
	return NULL;
}
