#include "targets/targets.h"

#include <errno.h>
#include <stdio.h>
#include "bench/figures.h"

#define FLOOD 8192u /* lines in flight: more than the kernel's buffers hold */

enum {
	ONE_STREAM,
	ONE_STREAM_SAME,
	ONE_SPLIT,
	ONE_SAME,
	SPINNING,
	DEEP_SPLIT,
	DEEP_SAME,
	MANY_ONE,
	MANY_DEEP,
	FLOOD_BYTES,
	FLOOD_MESSAGES,
	SHM_ONE,
	SHM_ONE_SAME,
	SHM_DEEP,
	SHM_FLOOD,
	CONNECT,
	N_GROUPS,
};

struct who {
	enum bench_side side;
	enum bench_transport transport;
	enum bench_wait wait;
	bool spin;
};

struct target_group {
	struct bench_load load;
	enum bench_regime regime;
	size_t n;
	struct who who[BENCH_CONTENDERS_MAX];
};

#define PAIR(t)                                     \
	{BENCH_FLOOR, (t), BENCH_BLOCK, false},     \
	{                                           \
		BENCH_REVD, (t), BENCH_BLOCK, false \
	}
#define TRIPLE(t)                                                                     \
	{BENCH_FLOOR, (t), BENCH_BLOCK, false}, {BENCH_REVD, (t), BENCH_BLOCK, true}, \
	{                                                                             \
		BENCH_REVD, (t), BENCH_SPIN, true                                     \
	}
#define RIVALS                                                        \
	{BENCH_REVD, BENCH_STREAM, BENCH_BLOCK, false},               \
		{BENCH_REDIS_ECHO, BENCH_STREAM, BENCH_BLOCK, false}, \
		{BENCH_REDIS_EVAL, BENCH_STREAM, BENCH_BLOCK, false}, \
		{BENCH_MEMCACHED, BENCH_STREAM, BENCH_BLOCK, false},  \
	{                                                             \
		BENCH_LIBEVENT, BENCH_STREAM, BENCH_BLOCK, false      \
	}

#define OURS                                                                                     \
	{BENCH_REVD, BENCH_SHM, BENCH_BLOCK, false}, {BENCH_REVD, BENCH_STREAM, BENCH_BLOCK, false}, \
		{BENCH_REVD, BENCH_FIFO, BENCH_BLOCK, false},                                    \
	{                                                                                        \
		BENCH_REVD, BENCH_MQUEUE, BENCH_BLOCK, false                                     \
	}

/* clang-format off */
static const struct target_group groups[N_GROUPS] = {
	[ONE_STREAM] = {{64, 1, 1, 0, false}, BENCH_SPLIT, 3,
		{PAIR(BENCH_STREAM), {BENCH_REVD, BENCH_STREAM, BENCH_LIBRARY, false}}},
	[ONE_STREAM_SAME] = {{64, 1, 1, 0, false}, BENCH_SAME, 3,
		{{BENCH_EPOLL, BENCH_STREAM, BENCH_BLOCK, false},
		 {BENCH_REVD, BENCH_STREAM, BENCH_BLOCK, false},
		 {BENCH_LIBEVENT, BENCH_STREAM, BENCH_BLOCK, false}}},
	[ONE_SPLIT] = {{64, 1, 1, 0, false}, BENCH_SPLIT, 6,
		{PAIR(BENCH_SEQPACKET), PAIR(BENCH_FIFO), PAIR(BENCH_MQUEUE)}},
	[ONE_SAME] = {{64, 1, 1, 0, false}, BENCH_SAME, 6,
		{PAIR(BENCH_SEQPACKET), PAIR(BENCH_FIFO), PAIR(BENCH_MQUEUE)}},
	[SPINNING] = {{64, 1, 1, 0, false}, BENCH_SPLIT, 12,
		{TRIPLE(BENCH_STREAM), TRIPLE(BENCH_SEQPACKET), TRIPLE(BENCH_FIFO),
		 TRIPLE(BENCH_MQUEUE)}},
	[DEEP_SPLIT] = {{64, 1, 64, 0, false}, BENCH_SPLIT, 5, {RIVALS}},
	[DEEP_SAME] = {{64, 1, 64, 0, false}, BENCH_SAME, 5, {RIVALS}},
	[MANY_ONE] = {{64, 50, 1, 0, false}, BENCH_SPLIT, 5, {RIVALS}},
	[MANY_DEEP] = {{64, 50, 64, 0, false}, BENCH_SPLIT, 5, {RIVALS}},
	[FLOOD_BYTES] = {{64, 1, FLOOD, 0, false}, BENCH_SPLIT, 4,
		{PAIR(BENCH_STREAM), PAIR(BENCH_FIFO)}},
	[FLOOD_MESSAGES] = {{64, 1, 256, 0, false}, BENCH_SPLIT, 4,
		{PAIR(BENCH_SEQPACKET), PAIR(BENCH_MQUEUE)}},
	[SHM_ONE] = {{64, 1, 1, 0, false}, BENCH_SPLIT, 8,
		{TRIPLE(BENCH_SHM), OURS, {BENCH_LIBQB, BENCH_SHM, BENCH_BLOCK, false}}},
	[SHM_ONE_SAME] = {{64, 1, 1, 0, false}, BENCH_SAME, 6,
		{{BENCH_FLOOR, BENCH_SHM, BENCH_BLOCK, false}, OURS,
		 {BENCH_LIBQB, BENCH_SHM, BENCH_BLOCK, false}}},
	[SHM_DEEP] = {{64, 1, 64, 0, false}, BENCH_SPLIT, 3,
		{PAIR(BENCH_SHM), {BENCH_LIBQB, BENCH_SHM, BENCH_BLOCK, false}}},
	[SHM_FLOOD] = {{64, 1, FLOOD, 0, false}, BENCH_SPLIT, 3,
		{PAIR(BENCH_SHM), {BENCH_REVD, BENCH_STREAM, BENCH_BLOCK, false}}},
	[CONNECT] = {{64, 1, 1, 0, true}, BENCH_SPLIT, 2, {PAIR(BENCH_STREAM)}},
};
/* clang-format on */

/* Contender `a` of a group must reach `min` times contender `b`; b -1: `min` a second. */
struct target {
	const char *id, *what;
	int group, a, b;
	double min;
};

static const struct target targets[] = {
	{"P1", "stream, one in flight, any client, of the floor", ONE_STREAM, 1, 0, 1.05},
	{"P1", "stream, one in flight, librevc, of the floor", ONE_STREAM, 2, 0, 1.25},
	{"P1", "stream, one core, of a raw epoll server", ONE_STREAM_SAME, 1, 0, 0.95},
	{"P1", "stream, one core, of a bare libevent server", ONE_STREAM_SAME, 1, 2, 0.95},
	{"P2", "seqpacket, one in flight, of the floor", ONE_SPLIT, 1, 0, 0.95},
	{"P2", "fifo, one in flight, of the floor", ONE_SPLIT, 3, 2, 0.95},
	{"P2", "mqueue, one in flight, of the floor", ONE_SPLIT, 5, 4, 0.95},
	{"P2", "seqpacket, one core, of the floor", ONE_SAME, 1, 0, 0.85},
	{"P2", "fifo, one core, of the floor", ONE_SAME, 3, 2, 0.85},
	{"P2", "mqueue, one core, of the floor", ONE_SAME, 5, 4, 0.85},
	{"P3", "stream, server spins, of the floor", SPINNING, 1, 0, 1.45},
	{"P3", "stream, both spin, of the floor", SPINNING, 2, 0, 4},
	{"P3", "seqpacket, server spins, of the floor", SPINNING, 4, 3, 1.45},
	{"P3", "seqpacket, both spin, of the floor", SPINNING, 5, 3, 4},
	{"P3", "fifo, server spins, of the floor", SPINNING, 7, 6, 1.45},
	{"P3", "fifo, both spin, of the floor", SPINNING, 8, 6, 4},
	{"P3", "mqueue, server spins, of the floor", SPINNING, 10, 9, 1.45},
	{"P3", "mqueue, both spin, of the floor", SPINNING, 11, 9, 4},
	{"P4", "64 in flight, of redis ECHO", DEEP_SPLIT, 0, 1, 2.5},
	{"P4", "64 in flight, one core, of redis ECHO", DEEP_SAME, 0, 1, 4},
	{"P4", "64 in flight, of redis EVAL reverse", DEEP_SPLIT, 0, 2, 9},
	{"P4", "64 in flight, of memcached get", DEEP_SPLIT, 0, 3, 7},
	{"P5", "50 clients, of redis ECHO", MANY_ONE, 0, 1, 1.4},
	{"P5", "50 clients x 64 in flight, of redis ECHO", MANY_DEEP, 0, 1, 7},
	{"P5", "50 clients x 64 in flight, of redis EVAL", MANY_DEEP, 0, 2, 25},
	{"P6", "stream saturated, lines/s", FLOOD_BYTES, 1, -1, 15e6},
	{"P6", "stream saturated, of the ceiling", FLOOD_BYTES, 1, 0, 0.75},
	{"P6", "fifo saturated, lines/s", FLOOD_BYTES, 3, -1, 15e6},
	{"P6", "fifo saturated, of the ceiling", FLOOD_BYTES, 3, 2, 0.75},
	{"P7", "seqpacket saturated, of the ceiling", FLOOD_MESSAGES, 1, 0, 0.85},
	{"P7", "mqueue saturated, of the ceiling", FLOOD_MESSAGES, 3, 2, 0.9},
	{"P8", "shm, one in flight, of the bare futex pair", SHM_ONE, 3, 0, 0.87},
	{"P8", "shm, one in flight, of stream", SHM_ONE, 3, 4, 1},
	{"P8", "shm, one in flight, of fifo", SHM_ONE, 3, 5, 1},
	{"P8", "shm, one in flight, of mqueue", SHM_ONE, 3, 6, 1},
	{"P8", "shm, one in flight, of libqb", SHM_ONE, 3, 7, 1},
	{"P8", "shm, both spin, round trips/s (p50 of 2 us)", SHM_ONE, 2, -1, 500e3},
	{"P8", "shm, one core, of the bare futex pair", SHM_ONE_SAME, 1, 0, 0.87},
	{"P8", "shm, one core, of stream", SHM_ONE_SAME, 1, 2, 1},
	{"P8", "shm, one core, of fifo", SHM_ONE_SAME, 1, 3, 1},
	{"P8", "shm, one core, of mqueue", SHM_ONE_SAME, 1, 4, 1},
	{"P8", "shm, one core, of libqb", SHM_ONE_SAME, 1, 5, 1},
	{"P8", "shm, 64 in flight, of libqb", SHM_DEEP, 1, 2, 1},
	{"P8", "shm saturated, lines/s", SHM_FLOOD, 1, -1, 30e6},
	{"P8", "shm saturated, of stream", SHM_FLOOD, 1, 2, 1.2},
	{"P9", "a connection per request, requests/s", CONNECT, 1, -1, 25e3},
};

static bool any_served(const struct plan *p, const struct target_group *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (p->serves[t->who[i].transport]) {
			return true;
		}
	}
	return false;
}

static int add_group(struct plan *p, const struct target_group *t)
{
	struct bench_group *g = plan_add(p, "target", &t->load, t->regime);

	if (!g) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct who *w = &t->who[i];
		struct bench_contender *c = plan_contender(g, w->side, w->transport, w->wait);

		c->spin = w->spin;
		if (w->spin) {
			snprintf(c->name, sizeof(c->name), "revd %s, %s",
				bench_transport_name(w->transport),
				w->wait == BENCH_SPIN ? "both spin" : "server spins");
		}
		if (!p->serves[w->transport]) {
			snprintf(c->note, sizeof(c->note), "this transport is left out");
		}
	}
	return 0;
}

int targets_plan(struct plan *p)
{
	for (size_t i = 0; i < N_GROUPS; i++) {
		int r = any_served(p, &groups[i]) ? add_group(p, &groups[i]) : 0;

		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* The group that targets_plan() made of a table entry. */
static const struct bench_group *find_group(const struct plan *p, int group)
{
	size_t at = 0;

	if (!any_served(p, &groups[group])) {
		return NULL;
	}
	for (size_t i = 0; i < (size_t)group; i++) {
		at += any_served(p, &groups[i]);
	}
	return at < p->n ? p->groups[at] : NULL;
}

static struct range measured(const struct bench_group *g, const struct target *t)
{
	const struct bench_contender *a = &g->contenders[t->a];

	return t->b < 0 ? figures_rate(a) : figures_ratio(a, &g->contenders[t->b]);
}

static const char *why_not(const struct bench_group *g, const struct target *t)
{
	if (!g) {
		return "not in this run";
	}
	if (g->contenders[t->a].note[0]) {
		return g->contenders[t->a].note;
	}
	if (t->b >= 0 && g->contenders[t->b].note[0]) {
		return g->contenders[t->b].note;
	}
	return "no complete round";
}

static void put(FILE *f, const char *id, const char *what, const char *sign, double wanted,
	double v, double lo, double hi, bool met)
{
	char w[16], n[16], a[16], b[16];

	fprintf(f, "%-4s %-48s %s %-7s %-8s %8s to %-8s %s\n", id, what, sign,
		bench_number(wanted, w), bench_number(v, n), bench_number(lo, a),
		bench_number(hi, b), met ? "met" : "MISSED");
}

static bool report(FILE *f, const struct plan *p, const struct target *t)
{
	const struct bench_group *g = find_group(p, t->group);
	struct range r = g ? measured(g, t) : (struct range){0};

	if (r.n == 0) {
		fprintf(f, "%-4s %-48s not measured: %s\n", t->id, t->what, why_not(g, t));
		return true;
	}
	put(f, t->id, t->what, ">=", t->min, r.median, r.min, r.max, r.median >= t->min);
	return r.median >= t->min;
}

struct idle_target {
	const char *id, *what;
	double max;
	struct range value;
};

static struct range single(double v)
{
	return (struct range){v, v, v, 1};
}

static unsigned report_idle(FILE *f, const struct targets_idle *t)
{
	const struct idle *i = &t->idle;
	const struct idle_target rows[] = {
		{"P3", "CPU of an idle daemon that may spin, %", 0.1, single(100 * t->spin_cpu)},
		{"P10", "user memory per idle connection, bytes", 256,
			single(i->bytes_per_connection)},
		{"P10", "PSS idle with all transports, bytes", 1.5e6, single(i->pss)},
		{"P10", "wake-ups/s idle", 0, single(i->wakeups)},
		{"P10", "wake-ups/s with idle connections", 0, single(i->wakeups_connected)},
		{"P10", "time from fork to ready, ms", 3, i->ready_ms},
	};
	unsigned missed = 0;

	for (size_t k = t->spins ? 0 : 1; k < ARRAY_SIZE(rows); k++) {
		const struct idle_target *r = &rows[k];
		bool met = r->value.median <= r->max;

		put(f, r->id, r->what, "<=", r->max, r->value.median, r->value.min, r->value.max,
			met);
		missed += !met;
	}
	return missed;
}

unsigned targets_report(FILE *f, const struct plan *p, const struct targets_idle *idle)
{
	unsigned missed = 0;

	fprintf(f, "\n%-4s %-48s    %-7s %-8s %s\n", "", "target", "wanted", "median",
		"        range");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		missed += !report(f, p, &targets[i]);
	}
	return idle ? missed + report_idle(f, idle) : missed;
}
