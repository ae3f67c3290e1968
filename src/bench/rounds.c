#include "bench/rounds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "bench/floor.h"
#include "bench/generator.h"
#include "bench/libqb.h"
#include "bench/nats_floor.h"
#include "bench/neighbour.h"
#include "bench/revd_rig.h"
#include "util/progress.h"

/* A run, and how far it is. */
struct run {
	const struct rounds *how;
	struct progress progress;
	uint64_t slices, done;
};

#define WARM_UP 10 /* one part in so many of a slice, before it */

static void read_usage(struct bench_sample *s, pid_t server, uint64_t sign)
{
	s->client_cpu_ns += sign * proc_cpu_ns(getpid());
	s->client_switches += sign * proc_switches(getpid());
	s->server_cpu_ns += sign * proc_cpu_ns(server);
	s->server_switches += sign * proc_switches(server);
}

static int measure(const struct rounds *r, const struct bench_group *g, struct bench_contender *c,
	struct rig *s, struct bench_sample *sample, struct rv_err *err)
{
	struct slice slice = {.load = &g->load, .wait = c->wait, .target = &s->target};
	pid_t server = s->server.pid;
	int k = generator_run(&slice, r->slice_ns / WARM_UP, err);

	if (k < 0) {
		return k;
	}
	slice.latency = &c->latency;
	read_usage(sample, server, (uint64_t)-1);
	k = generator_run(&slice, r->slice_ns, err);
	read_usage(sample, server, 1);
	sample->ns = r->slice_ns;
	sample->requests = slice.requests;
	sample->answered = slice.answered;
	return k;
}

static int take_slice(const struct rounds *r, const struct bench_group *g,
	struct bench_contender *c, struct rig *s, struct rv_err *err)
{
	struct bench_sample sample = {0};
	struct proc neighbour = {0};
	int k = 0;

	/* A daemon that is somebody else's is not moved. */
	sample.pinned = machine_place(&r->bed->machine, g->regime,
		c->side == BENCH_REVD && r->bed->daemon.attached ? 0 : s->server.pid);
	if (c->neighbour) {
		k = neighbour_start(&neighbour, &r->bed->daemon, c,
			r->slice_ns + 2 * r->slice_ns / WARM_UP, err);
	}
	k = k < 0 ? k : measure(r, g, c, s, &sample, err);
	if (k == 0 && c->neighbour) {
		k = neighbour_join(&neighbour, err);
	}
	proc_stop(&neighbour);
	if (k == 0) {
		c->samples[c->n++] = sample;
	}
	return k;
}

static int set_blocking(
	struct rig *s, const struct bench_contender *c, const struct bench_load *load)
{
	bool on = c->wait == BENCH_BLOCK && bench_load_may_block(load);

	for (size_t i = 0; i < s->target.n_links; i++) {
		struct link *l = &s->target.links[i];
		int r = l->rx >= 0 ? link_set_blocking(l, on) : 0;

		if (r < 0) {
			return r;
		}
	}
	return 0;
}

static struct daemon *daemon_of(const struct rounds *r, const struct bench_contender *c)
{
	return c->spin ? testbed_spinning(r->bed) : &r->bed->daemon;
}

static int open_rig(const struct rounds *r, const struct bench_group *g, struct bench_contender *c,
	struct rig *s, struct rv_err *err)
{
	const struct daemon *d = daemon_of(r, c);
	int k;

	switch (c->side) {
	case BENCH_REVD:
		k = revd_rig_open(s, d, c, &g->load, err);
		break;
	case BENCH_LIBQB:
		k = libqb_open(s, &g->load, err);
		break;
	case BENCH_FLOOR:
		k = c->transport == BENCH_NATS ? nats_floor_open(s, &g->load, d->broker, err)
					       : floor_open(s, c, &g->load, r->bed->dir, err);
		break;
	case BENCH_EPOLL:
	case BENCH_LIBEVENT:
		k = floor_open(s, c, &g->load, r->bed->dir, err);
		break;
	default:
		k = rivals_open(s, &r->bed->rivals, c, &g->load, err);
		break;
	}
	return k < 0 ? k : set_blocking(s, c, &g->load);
}

/* Why a contender can't take part on this machine; false if it can. */
static bool left_out(
	const struct rounds *r, const struct bench_load *load, struct bench_contender *c)
{
	const struct rival *p = rivals_of_side(&r->bed->rivals, c->side);

	if (c->side == BENCH_REVD && c->spin && !testbed_spinning(r->bed)) {
		snprintf(c->note, sizeof(c->note), "this revd has no `spin`");
	} else if (c->transport == BENCH_NATS && !daemon_of(r, c)->broker[0]) {
		snprintf(c->note, sizeof(c->note), "without nats-server, or without revd's plugin");
	} else if (c->side == BENCH_REVD && !daemon_of(r, c)->serves[c->transport]) {
		snprintf(c->note, sizeof(c->note), "this transport is left out");
	} else if (c->side == BENCH_LIBQB && libqb_missing(load)) {
		snprintf(c->note, sizeof(c->note), "%s", libqb_missing(load));
	} else if (p && p->missing) {
		snprintf(c->note, sizeof(c->note), "not installed");
	} else if (!p && c->side >= BENCH_REDIS_ECHO && c->side != BENCH_LIBQB) {
		snprintf(c->note, sizeof(c->note), "needs --peers");
	}
	return c->note[0];
}

static int open_all(
	const struct rounds *r, struct bench_group *g, struct rig *rigs, struct rv_err *err)
{
	for (size_t i = 0; i < g->n; i++) {
		struct bench_contender *c = &g->contenders[i];
		int k = left_out(r, &g->load, c) ? 0 : open_rig(r, g, c, &rigs[i], err);

		/* Without room for more queues or descriptors the others still count. */
		if (k == -EMFILE || k == -ENOSPC || k == -ENFILE) {
			snprintf(c->note, sizeof(c->note), "%.*s", (int)sizeof(c->note) - 1,
				err->msg);
			rig_close(&rigs[i]);
		} else if (k < 0) {
			return k;
		}
	}
	return 0;
}

/* Explains a failed slice; the death of the daemon is the better explanation. */
static int explain(const struct rounds *r, const struct bench_group *g,
	const struct bench_contender *c, int k, struct rv_err *err)
{
	char load[96], what[sizeof(err->msg)];

	if (c->side == BENCH_REVD && daemon_died(daemon_of(r, c), err)) {
		return k;
	}
	memcpy(what, err->msg, sizeof(what));
	bench_load_text(&g->load, load, sizeof(load));
	return bench_fail(err, k, "%s, %s: %.100s", c->name, load, what);
}

static void show_progress(struct run *run, const struct bench_group *g, unsigned round)
{
	uint64_t left = run->slices - run->done++;
	char load[96];

	if (progress_is_due(&run->progress)) {
		progress_show(&run->progress, "%3.0f %%  %s, %s: round %u, about %.0f s left",
			100 * (1 - (double)left / (double)run->slices),
			bench_load_text(&g->load, load, sizeof(load)), bench_regime_name(g->regime),
			round + 1, (double)left * (double)run->how->slice_ns * 1.1e-9);
	}
}

static int run_round(struct run *run, struct bench_group *g, struct rig *rigs, unsigned round,
	struct rv_err *err)
{
	const struct rounds *r = run->how;

	for (size_t i = 0; i < g->n; i++) {
		size_t at = (i + round) % g->n;
		struct bench_contender *c = &g->contenders[at];
		int k;

		if (*r->stop) {
			return bench_fail(err, -EINTR, "interrupted");
		}
		show_progress(run, g, round);
		k = c->note[0] ? 0 : take_slice(r, g, c, &rigs[at], err);
		if (k < 0) {
			return explain(r, g, c, k, err);
		}
	}
	return 0;
}

/* Rounds that not all took part in count for nobody. */
static void drop_incomplete(struct bench_group *g)
{
	size_t n = SIZE_MAX;

	for (size_t i = 0; i < g->n; i++) {
		n = g->contenders[i].note[0] ? n : MIN(n, g->contenders[i].n);
	}
	for (size_t i = 0; i < g->n; i++) {
		g->contenders[i].n = MIN(n, g->contenders[i].n);
	}
}

static int run_group(struct run *run, struct bench_group *g, struct rv_err *err)
{
	const struct rounds *r = run->how;
	struct rig rigs[BENCH_CONTENDERS_MAX] = {0};
	int k;

	machine_place(&r->bed->machine, BENCH_FREE, 0); /* children start where there is room */
	k = open_all(r, g, rigs, err);
	for (unsigned round = 0; k == 0 && round < r->rounds; round++) {
		k = run_round(run, g, rigs, round, err);
	}
	drop_incomplete(g);
	for (size_t i = 0; i < g->n; i++) {
		rig_close(&rigs[i]);
	}
	return k;
}

int rounds_run(const struct rounds *r, struct plan *p, struct rv_err *err)
{
	struct run run = {.how = r};
	int k = 0;

	for (size_t i = 0; i < p->n; i++) {
		run.slices += p->groups[i]->n * r->rounds;
	}
	progress_init(&run.progress, !r->quiet, 0);
	machine_keep_awake(&r->bed->machine);
	for (size_t i = 0; i < p->n && k == 0; i++) {
		k = run_group(&run, p->groups[i], err);
	}
	machine_check_awake(&r->bed->machine);
	progress_clear(&run.progress);
	return k;
}
