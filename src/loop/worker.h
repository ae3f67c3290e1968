/*
 * A worker: an event base without locks, and the turn: libevent's callbacks, then
 * what the room above has to do (its hooks). It is a thread, or, where one is
 * enough, the main thread itself: a process without a second thread has cheaper
 * system calls (the kernel need not count who uses a descriptor, glibc does not
 * prepare for cancellation), which is 10 to 20 % of each.
 *
 * All but worker_start(), worker_stop(), worker_call() and worker_wake() is for the
 * worker's own thread.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "util/macro.h"
#include "util/spin.h"

struct event_base;
struct event;
struct worker;

enum worker_look {
	WORKER_LOOK_VAIN, /* only events tell of what comes next */
	WORKER_LOOK_NOTHING,
	WORKER_LOOK_SERVED,
};

/* What is done in a worker's loop beside events. ctx: the worker's. */
struct worker_hooks {
	void (*turn_end)(void *ctx); /* after a turn in which worker.ending was set */
	void (*woken)(void *ctx);    /* after worker_wake() */
	bool (*tick)(void *ctx);     /* after worker_want_tick(); true: again later */
	/* Serves what has come without an event; sleep: what comes from then on wakes the
	 * worker up. */
	enum worker_look (*look)(void *ctx, bool sleep);
};

struct worker {
	unsigned index;
	bool is_main; /* it is the main thread, and its base is the caller's */
	struct event_base *base;
	uint64_t spin_ns;   /* how long to look for more before sleeping; 0: not at all */
	uint64_t served_ns; /* set by the room above: when input was last served */
	bool ending;        /* set by it: something is to be done when the turn ends */
	/* The rest is the worker's own. */
	uint64_t now_ns; /* 0: not read in this turn */
	const struct worker_hooks *hooks;
	void *ctx;
	pthread_t thread;
	bool started, stop, tick_on;
	struct event *wake, *tick;
	int wake_fd;
	struct spinner spinner, glancer;
	pthread_mutex_t lock; /* commands */
	pthread_cond_t cond;
	struct command *commands, **commands_end;
	atomic_uint beats; /* wake-ups so far: proof of life, readable by all */
};

/* A base as a worker wants it; the caller's. NULL: no memory. */
struct event_base *worker_base_new(void);

/* base: of the main thread, which becomes this worker within worker_run(); NULL: the
 * worker is a new thread with a base of its own. hooks: static. 0 or -errno; then
 * worker_stop() is still to be called. */
int worker_start(struct worker *, unsigned index, struct event_base *, const struct worker_hooks *,
	void *ctx) MUST_CHECK;
void worker_stop(struct worker *);
/* Ends its thread, if it has one, between two turns; nothing is called on it any more. */
void worker_halt(struct worker *);

/* Main worker: serves until event_base_loopbreak(). */
void worker_run(struct worker *);
/* One turn of it: what is ready, or with `wait` what comes next, and the hook. False if
 * the loop is to end. */
bool worker_turn(struct worker *, bool wait);

/* Runs fn on the worker and waits for it: at once if that is the main thread, whose
 * call this is, or if it has halted. */
void worker_call(struct worker *, void (*fn)(struct worker *, void *arg), void *arg);

/* Any thread: makes it take a turn, in which hooks->woken() is called. */
void worker_wake(struct worker *);

/* CLOCK_MONOTONIC in ns, read once a turn. */
uint64_t worker_now(struct worker *);

/* Reads the clock anew: what follows in this turn begins now. */
uint64_t worker_renow(struct worker *);

/* hooks->tick() is to be called in 100 ms. Nothing is timed per request, and an idle
 * worker never wakes up. */
void worker_want_tick(struct worker *);
