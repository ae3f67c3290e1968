#include "exec/pool.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "util/clock.h"

/* What a process may have before it gets no more, and what it has when it gets more again. */
#define UNWRITTEN_MOST ((size_t)256 << 10)
#define UNWRITTEN_FEW ((size_t)64 << 10)
#define TICKS 4            /* a timeout is looked at so often */
#define TICK_LEAST 10000u  /* us */
#define TICK_MOST 1000000u /* us */
#define TERM_MS 100        /* from SIGTERM to SIGKILL */

static bool has_room(const struct process *p, bool for_more)
{
	return !p->ending && p->out.len < (for_more ? UNWRITTEN_FEW : UNWRITTEN_MOST) &&
	       (for_more ? 2 * p->lines : p->lines) < p->most;
}

static size_t share(const struct pool *pool)
{
	return pool->setup.share(pool->setup.ctx);
}

/* Can another request be taken; for_more: can many? Where none can be started, it is refused with a reason. */
static bool may_take(const struct pool *pool, bool for_more)
{
	for (size_t i = 0; i < pool->n; i++) {
		if (has_room(pool->all[i], for_more)) {
			return true;
		}
	}
	return pool->n < share(pool);
}

static void on_progress(void *ctx)
{
	struct pool *pool = ctx;

	if (pool->paused && may_take(pool, true)) {
		pool->paused = false;
		pool->setup.host->resume(pool->setup.handle);
	}
}

/* Times. */

static uint64_t timeout_us(const struct pool *pool)
{
	return pool->setup.host->timeout(pool->setup.handle);
}

static void want_tick(struct pool *pool)
{
	uint64_t us = MIN(MAX(timeout_us(pool) / TICKS, TICK_LEAST), TICK_MOST);
	const struct timeval tv = {
		.tv_sec = (time_t)(us / 1000000u), .tv_usec = (suseconds_t)(us % 1000000u)};

	if (!pool->ticking) {
		pool->ticking = event_add(pool->tick, &tv) == 0;
	}
}

/* With frames one that is never answered, and that nobody waits for any more, is not to
 * hold up what is remembered. */
static void forget_old(struct process *p, uint64_t now, uint64_t most)
{
	while (p->flights.n > 0 && now - flights_at(&p->flights, 0)->since > 2 * most) {
		p->lines -= flights_at(&p->flights, 0)->ticket != 0;
		flights_pop(&p->flights);
	}
}

/* Returns true if it goes on. */
static bool look_at(struct process *p, uint64_t now, uint64_t most)
{
	if (p->flights.n == 0) {
		return true;
	}
	if (now > p->heard && now - p->heard >= most) {
		process_fail(p, "printed nothing for the time of timeout");
		return false;
	}
	if (p->ground->frames) {
		forget_old(p, now, most);
	}
	return true;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	uint64_t now = clock_now(), most = timeout_us(pool) * 1000u;
	bool busy = false;

	(void)fd;
	(void)what;
	pool->ticking = false;
	for (size_t i = pool->n; i-- > 0;) {
		if (i < pool->n && look_at(pool->all[i], now, most)) {
			busy |= pool->all[i]->flights.n > 0;
		}
	}
	if (busy) {
		want_tick(pool);
	}
	on_progress(pool);
}

/* Beginning and end of a process. */

static void want_start(struct pool *pool)
{
	uint64_t us = backoff_left(&pool->backoff, clock_now()) / 1000u;
	const struct timeval tv = {
		.tv_sec = (time_t)(us / 1000000u), .tv_usec = (suseconds_t)(us % 1000000u)};

	if (pool->setup.at_once && !pool->stopped) {
		(void)event_add(pool->start, &tv);
	}
}

static void note_failure(struct pool *pool)
{
	backoff_failed(&pool->backoff, clock_now(), pool->setup.backoff_ns);
	want_start(pool);
}

/* NULL: not now, see pool->why. */
static struct process *start(struct pool *pool)
{
	struct process *p;

	if (pool->n == pool->size) {
		size_t size = pool->size ? 2 * pool->size : 4;
		struct process **all = realloc(pool->all, size * sizeof(struct process *));

		if (!all) {
			return NULL;
		}
		pool->all = all;
		pool->size = size;
	}
	p = process_create(&pool->ground, pool->max, pool->why);
	if (!p) {
		if (log_allow(&pool->limit, clock_now(), &(uint32_t){0})) {
			pool->setup.host->log(pool->setup.handle, LOG_ERR, "its program %s", pool->why);
		}
		note_failure(pool);
		return NULL;
	}
	pool->all[pool->n++] = p;
	pool->setup.host->log(
		pool->setup.handle, LOG_DEBUG, "process %d is started", (int)p->child.pid);
	return p;
}

static bool may_start(const struct pool *pool)
{
	return !pool->stopped && pool->n < share(pool) &&
	       backoff_left(&pool->backoff, clock_now()) == 0;
}

static void on_start(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;

	(void)fd;
	(void)what;
	while (may_start(pool) && start(pool)) {
	}
}

static void take_out(struct pool *pool, const struct process *p)
{
	size_t i = 0;

	while (pool->all[i] != p) {
		i++;
	}
	pool->all[i] = pool->all[--pool->n];
}

static struct process *find_idlest(const struct pool *pool)
{
	struct process *best = NULL;

	for (size_t i = 0; i < pool->n; i++) {
		struct process *p = pool->all[i];

		if (!p->ending && (!best || p->lines < best->lines)) {
			best = p;
		}
	}
	return best;
}

static void on_ended(void *ctx, struct process *p, const char *why, bool orderly)
{
	struct pool *pool = ctx;
	char sentence[PROCESS_WHY + 32];
	bool hangs = clock_now() - p->heard >= timeout_us(pool) * 1000u && p->flights.n > 0;
	struct process *to;

	take_out(pool, p);
	snprintf(pool->why, sizeof(pool->why), "%s", why);
	snprintf(sentence, sizeof(sentence), "the program %s", why);
	if (log_allow(&pool->limit, clock_now(), &(uint32_t){0})) {
		pool->setup.host->log(pool->setup.handle, LOG_WARNING,
			"process %d %s; requests in it: %zu", (int)p->child.pid, why, p->lines);
	}
	if (orderly) {
		pool->backoff = (struct backoff){0};
		want_start(pool);
	} else {
		note_failure(pool);
	}
	to = find_idlest(pool);
	if (!to && p->out.len > 0 && may_start(pool)) {
		to = start(pool);
	}
	if (to) {
		process_hand_over(p, to);
		pool_asked(pool);
	}
	process_lose(p, hangs ? RV_STATUS_TIMEOUT : RV_STATUS_INTERNAL, sentence);
	process_destroy(p);
	on_progress(pool);
}

struct process *pool_pick(struct pool *pool, size_t max, char why[PROCESS_WHY])
{
	struct process *p = NULL;
	bool quiet = false;

	if (max > pool->max) {
		pool->max = max;
		for (size_t i = 0; i < pool->n; i++) {
			pool->all[i]->answers.max = max;
		}
	}
	while (!quiet) {
		p = find_idlest(pool);
		if ((!p || p->lines > 0) && may_start(pool)) {
			struct process *another = start(pool);

			p = another ? another : p;
		}
		quiet = !p || process_is_quiet(p);
	}
	if (!p) {
		uint64_t ms = backoff_left(&pool->backoff, clock_now()) / 1000000u;

		snprintf(why, PROCESS_WHY, "the program %.120s; it is started again in %llu ms",
			pool->why[0] ? pool->why : "is not running", (unsigned long long)ms);
	}
	return p;
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;

	(void)fd;
	(void)what;
	pool->flushing = false;
	for (size_t i = 0; i < pool->n; i++) {
		if (!pool->all[i]->watched) {
			process_write(pool->all[i]);
		}
	}
	on_progress(pool);
}

void pool_asked(struct pool *pool)
{
	if (!pool->flushing) {
		pool->flushing = true;
		event_active(pool->flush, EV_TIMEOUT, 0);
	}
	want_tick(pool);
	if (!pool->paused && !may_take(pool, false)) {
		pool->paused = true;
		pool->setup.host->pause(pool->setup.handle);
	}
}

int pool_init(struct pool *pool, const struct pool_setup *setup)
{
	struct event_base *base = setup->host->event_base(setup->handle);

	pool->setup = *setup;
	pool->reaper.base = base;
	pool->ground = (struct process_ground){.host = setup->host,
		.handle = setup->handle,
		.base = base,
		.program = setup->program,
		.frames = setup->frames,
		.terminal = setup->terminal,
		.buffer = malloc(PROCESS_BUFFER),
		.reaper = &pool->reaper,
		.ctx = pool,
		.progress = on_progress,
		.ended = on_ended};
	pool->flush = event_new(base, -1, 0, on_flush, pool);
	pool->tick = event_new(base, -1, 0, on_tick, pool);
	pool->start = event_new(base, -1, 0, on_start, pool);
	if (!pool->ground.buffer || !pool->flush || !pool->tick || !pool->start) {
		return -ENOMEM;
	}
	pool->max = 1;
	want_start(pool);
	return 0;
}

/* They have some time to end by themselves. */
static void terminate(struct pool *pool)
{
	uint64_t until = clock_now() + TERM_MS * 1000000ull;

	for (size_t i = 0; i < pool->n; i++) {
		child_close_input(&pool->all[i]->child);
		child_signal(&pool->all[i]->child, SIGTERM);
	}
	for (size_t i = 0; i < pool->n; i++) {
		struct pollfd fd = {.fd = pool->all[i]->child.pidfd, .events = POLLIN};
		uint64_t now = clock_now();

		(void)poll(&fd, 1, now < until ? (int)((until - now) / 1000000u) + 1 : 0);
	}
}

static void free_event(struct event *e)
{
	if (e) {
		event_free(e);
	}
}

void pool_finish(struct pool *pool)
{
	pool->stopped = true;
	terminate(pool);
	while (pool->n > 0) {
		process_destroy(pool->all[--pool->n]);
	}
	reaper_finish(&pool->reaper);
	free_event(pool->flush);
	free_event(pool->tick);
	free_event(pool->start);
	free(pool->ground.buffer);
	free(pool->all);
}
