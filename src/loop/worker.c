#include "loop/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <sys/eventfd.h>
#include "util/clock.h"
#include "util/fd.h"
#include "util/log.h"

#define TICK_US 100000 /* timeouts are kept to within this */
#define GLANCE_NS 10000u
#define LOOKS 32 /* without a system call, while spinning; then events have their turn */

struct command {
	void (*run)(struct worker *, void *arg);
	void *arg;
	bool done;
	struct command *next;
};

uint64_t worker_now(struct worker *w)
{
	if (!w->now_ns) {
		w->now_ns = clock_now();
	}
	return w->now_ns;
}

uint64_t worker_renow(struct worker *w)
{
	w->now_ns = clock_now();
	return w->now_ns;
}

static void run_commands(struct worker *w)
{
	for (;;) {
		struct command *c;

		pthread_mutex_lock(&w->lock);
		c = w->commands;
		if (c) {
			w->commands = c->next;
			if (!w->commands) {
				w->commands_end = &w->commands;
			}
		}
		pthread_mutex_unlock(&w->lock);
		if (!c) {
			return;
		}
		c->run(w, c->arg);
		pthread_mutex_lock(&w->lock);
		c->done = true;
		pthread_cond_broadcast(&w->cond);
		pthread_mutex_unlock(&w->lock);
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)what;
	fd_event_clear(fd);
	atomic_fetch_add(&w->beats, 1);
	run_commands(w);
	w->hooks->woken(w->ctx);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	w->tick_on = false;
	if (w->hooks->tick(w->ctx)) {
		worker_want_tick(w);
	}
}

void worker_want_tick(struct worker *w)
{
	const struct timeval tv = {.tv_usec = TICK_US};

	if (!w->tick_on) {
		w->tick_on = event_add(w->tick, &tv) == 0;
	}
}

bool worker_turn(struct worker *w, bool wait)
{
	if (event_base_loop(w->base, wait ? EVLOOP_ONCE : EVLOOP_NONBLOCK) < 0) {
		log_error("worker %u: the event loop failed", w->index);
		return false;
	}
	w->now_ns = 0;
	if (w->ending) {
		w->ending = false;
		w->hooks->turn_end(w->ctx);
	}
	return !w->stop && !event_base_got_break(w->base);
}

static enum worker_look look(struct worker *w, bool sleep)
{
	enum worker_look r = w->hooks->look(w->ctx, sleep);

	w->now_ns = 0;
	return r;
}

/* One step of spinning: looks, and where that is in vain or now and then takes a turn.
 * False if the loop is to end. */
static bool spin_step(struct worker *w, unsigned *looks)
{
	if (look(w, false) != WORKER_LOOK_VAIN && !w->ending && ++*looks % LOOKS != 0) {
		return true;
	}
	return worker_turn(w, false);
}

/* Looks for more without sleeping, for as long as its endpoints want that after
 * the last input, if that has paid lately. False if the loop is to end. */
static bool spin(struct worker *w)
{
	uint64_t served = w->served_ns;
	unsigned looks = 0;

	if (clock_now() - served >= w->spin_ns || !spin_begin(&w->spinner)) {
		return true;
	}
	do {
		if (!spin_step(w, &looks)) {
			return false;
		}
		if (w->served_ns != served) {
			served = w->served_ns;
			spin_end(&w->spinner, true);
		}
	} while (clock_now() - served < w->spin_ns);
	spin_end(&w->spinner, false);
	return true;
}

/* The client that was just woken up has its next request there in no more time than the
 * call took that woke it: to look that long is cheaper than to be woken up in turn. */
static bool glance(struct worker *w)
{
	enum worker_look r = look(w, false);
	uint64_t end;

	if (r == WORKER_LOOK_NOTHING && spin_begin(&w->glancer)) {
		end = clock_now() + GLANCE_NS;
		do {
			r = look(w, false);
		} while (r == WORKER_LOOK_NOTHING && clock_now() < end);
		spin_end(&w->glancer, r == WORKER_LOOK_SERVED);
	}
	return r == WORKER_LOOK_SERVED;
}

void worker_run(struct worker *w)
{
	bool sleep = true;

	w->now_ns = 0;
	while (worker_turn(w, sleep) && (!w->spin_ns || spin(w))) {
		sleep = !glance(w) && look(w, true) != WORKER_LOOK_SERVED;
	}
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	worker_run(w);
	run_commands(w);
	return NULL;
}

void worker_wake(struct worker *w)
{
	fd_event_signal(w->wake_fd);
}

void worker_call(struct worker *w, void (*fn)(struct worker *, void *), void *arg)
{
	struct command c = {.run = fn, .arg = arg};

	if (!w->started) { /* the main thread, or one that has halted */
		fn(w, arg);
		return;
	}
	pthread_mutex_lock(&w->lock);
	*w->commands_end = &c;
	w->commands_end = &c.next;
	pthread_mutex_unlock(&w->lock);
	worker_wake(w);
	pthread_mutex_lock(&w->lock);
	while (!c.done) {
		pthread_cond_wait(&w->cond, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
}

struct event_base *worker_base_new(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base;

	if (!cfg) {
		return NULL;
	}
	/* our own clock is read once a turn; libevent's would be read once more */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_NO_CACHE_TIME |
					   EVENT_BASE_FLAG_IGNORE_ENV);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	return base;
}

/* Signals are the main thread's. */
static int start_thread(struct worker *w)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	w->started = r == 0;
	return -r;
}

static int make_events(struct worker *w)
{
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake_fd < 0) {
		return -errno;
	}
	w->wake = event_new(w->base, w->wake_fd, EV_READ | EV_PERSIST, on_wake, w);
	w->tick = event_new(w->base, -1, 0, on_tick, w);
	return w->wake && w->tick && event_add(w->wake, NULL) == 0 ? 0 : -ENOMEM;
}

int worker_start(struct worker *w, unsigned index, struct event_base *base,
	const struct worker_hooks *hooks, void *ctx)
{
	int r;

	*w = (struct worker){.index = index,
		.is_main = base != NULL,
		.base = base ? base : worker_base_new(),
		.hooks = hooks,
		.ctx = ctx,
		.wake_fd = -1};
	w->commands_end = &w->commands;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->cond, NULL);
	if (!w->base) {
		return -ENOMEM;
	}
	r = make_events(w);
	return r < 0 || w->is_main ? r : start_thread(w);
}

static void do_stop(struct worker *w, void *arg)
{
	(void)arg;
	w->stop = true;
}

void worker_halt(struct worker *w)
{
	if (w->started) {
		worker_call(w, do_stop, NULL);
		pthread_join(w->thread, NULL);
		w->started = false;
	}
}

void worker_stop(struct worker *w)
{
	worker_halt(w);
	if (w->is_main) {
		w->hooks->turn_end(w->ctx); /* of what closing the endpoints left to do */
	}
	if (w->wake) {
		event_free(w->wake);
	}
	if (w->tick) {
		event_free(w->tick);
	}
	if (w->base && !w->is_main) {
		event_base_free(w->base);
	}
	w->wake_fd = fd_close(w->wake_fd);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->lock);
}
