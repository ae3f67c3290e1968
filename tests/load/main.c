/*
 * revload: load from outside, over every transport at once, while things happen to the daemon.
 * One thread, which looks at all clients by turns and sleeps when none of them moved.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "load/flow.h"
#include "load/options.h"
#include "load/report.h"
#include "load/text.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/macro.h"

#define SLEEP_MS 2
#define SWEEP_NS (NS_PER_S / 10)
#define LINGER_NS (NS_PER_S / 4) /* at the end, for what comes twice */

struct load {
	struct options options;
	struct tally tallies[WAYS_MAX];
	struct flow *flows;
	struct pollfd *polls;
	size_t n_flows;
	uint64_t swept_at, turns;
	uint64_t moved_at;     /* when somebody was last seen to have something to do */
	bool event_seen, over; /* an event has begun; all have ended */
};

static bool make_flows(struct load *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->options.n_ways; i++) {
		n += l->options.ways[i].clients;
	}
	l->flows = calloc(n, sizeof(*l->flows));
	l->polls = calloc(2 * n, sizeof(*l->polls));
	return l->flows && l->polls;
}

static bool open_way(struct load *l, size_t i)
{
	const struct way *w = &l->options.ways[i];

	for (unsigned k = 0; k < w->clients; k++) {
		struct flow *f = &l->flows[l->n_flows++];
		int r;

		f->wire = (struct wire){.kind = w->kind,
			.lines = w->lines,
			.address = w->address,
			.in = -1,
			.out = -1};
		f->whole = l->options.whole && w->kind->shared;
		r = flow_init(f, (uint32_t)l->n_flows, (unsigned)l->options.depth, &l->tallies[i]);
		if (r < 0) {
			fprintf(stderr, "revload: %s: %s: %s\n", w->name, w->address, strerror(-r));
			return false;
		}
	}
	return true;
}

static bool open_all(struct load *l)
{
	bool ok = make_flows(l);

	for (size_t i = 0; ok && i < l->options.n_ways; i++) {
		ok = open_way(l, i);
	}
	return ok;
}

static void close_all(struct load *l)
{
	for (size_t i = 0; i < l->n_flows; i++) {
		flow_finish(&l->flows[i]);
	}
	free(l->flows);
	free(l->polls);
}

static void note_events(struct load *l, uint64_t now)
{
	enum events_say say = l->over ? EVENTS_NOTHING : events_turn(&l->options.events, now);

	if (say == EVENTS_NOTHING) {
		return;
	}
	for (size_t i = 0; i < l->options.n_ways; i++) {
		tally_event(&l->tallies[i], now, l->event_seen);
	}
	l->event_seen = true;
	l->over = say == EVENTS_OVER;
}

static void sweep(struct load *l, uint64_t now)
{
	if (now < l->swept_at + SWEEP_NS || now < l->options.patience) {
		return;
	}
	l->swept_at = now;
	for (size_t i = 0; i < l->n_flows; i++) {
		window_give_up(&l->flows[i].window, now - l->options.patience);
	}
}

/* False: somebody has something to do already. */
static bool watch(struct flow *f, struct pollfd *p)
{
	bool wants_room = f->outbox.full;

	p[0] = (struct pollfd){.fd = f->wire.in, .events = POLLIN};
	p[1] = (struct pollfd){.fd = wants_room && f->wire.kind != &wire_shm ? f->wire.out : -1,
		.events = POLLOUT};
	return !wire_is_open(&f->wire) || wire_may_sleep(&f->wire, wants_room);
}

static void rest(struct load *l)
{
	bool may_sleep = true;

	for (size_t i = 0; i < l->n_flows; i++) {
		may_sleep &= watch(&l->flows[i], &l->polls[2 * i]);
	}
	poll(l->polls, 2 * l->n_flows, may_sleep ? SLEEP_MS : 0);
}

/* Everybody's turn, each time another one first: who comes later finds shared queues full. */
static void turn(struct load *l, bool ask)
{
	uint64_t now = clock_now();
	bool moved = false;

	note_events(l, now);
	for (size_t i = 0; i < l->n_flows; i++) {
		moved |= flow_turn(&l->flows[(l->turns + i) % l->n_flows], clock_now(), ask);
	}
	l->turns++;
	sweep(l, now);
	if (moved) {
		l->moved_at = now;
	} else {
		rest(l);
	}
}

static uint64_t answered(const struct load *l)
{
	uint64_t n = 0;

	for (size_t i = 0; i < l->options.n_ways; i++) {
		n += l->tallies[i].answered;
	}
	return n;
}

static bool is_quiet(const struct load *l)
{
	for (size_t i = 0; i < l->n_flows; i++) {
		if (l->flows[i].window.open > 0) {
			return false;
		}
	}
	return true;
}

static void run(struct load *l)
{
	uint64_t until;

	/* A daemon that is gone for good is no reason to go on for ever. */
	l->moved_at = clock_now();
	while ((!l->over || answered(l) < l->options.requests) &&
		clock_now() < l->moved_at + l->options.patience) {
		turn(l, true);
	}
	until = clock_now() + l->options.quiet;
	while (!is_quiet(l) && clock_now() < until) {
		turn(l, false);
	}
	until = clock_now() + LINGER_NS;
	while (clock_now() < until) {
		turn(l, false);
	}
	for (size_t i = 0; i < l->n_flows; i++) {
		window_give_up(&l->flows[i].window, UINT64_MAX);
	}
}

static int tell(struct load *l, uint64_t took)
{
	struct report r = {.options = &l->options, .tallies = l->tallies, .took = took};
	int e = 0;

	r.fine = report_judge(&l->options, l->tallies);
	report_print(&r);
	if (l->options.json) {
		e = report_write(&r, l->options.json);
	}
	if (e < 0) {
		fprintf(stderr, "revload: %s: %s\n", l->options.json, strerror(-e));
	}
	return r.fine && e == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct load load;
	int r = options_parse(&load.options, argc, argv);
	uint64_t start = clock_now();

	if (r != 0) {
		return r < 0 ? EX_USAGE : 0;
	}
	signal(SIGPIPE, SIG_IGN);
	fd_raise_limit();
	text_init();
	if (open_all(&load)) {
		run(&load);
		r = tell(&load, clock_now() - start);
	} else {
		r = EX_UNAVAILABLE;
	}
	close_all(&load);
	return r;
}
