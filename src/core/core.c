/* Opening, reloading and draining: all endpoints together. Main thread. */
#include "core/core.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "core/internal.h"
#include "util/clock.h"
#include "util/fd.h"

#define MAX_FDS 16 /* inherited descriptors for one endpoint */

void core_notify(struct core *core)
{
	const uint64_t one = 1;
	ssize_t k = write(core->notify_fd, &one, sizeof(one));

	(void)k; /* EAGAIN: it is told already */
}

static void link_endpoint(struct core *core, struct endpoint *ep)
{
	struct endpoint **at = &core->endpoints;

	pthread_rwlock_wrlock(&core->lock);
	while (*at) {
		at = &(*at)->next;
	}
	*at = ep;
	ep->next = NULL;
	pthread_rwlock_unlock(&core->lock);
}

static void unlink_endpoint(struct core *core, struct endpoint *ep)
{
	struct endpoint **at = &core->endpoints;

	pthread_rwlock_wrlock(&core->lock);
	while (*at && *at != ep) {
		at = &(*at)->next;
	}
	if (*at) {
		*at = ep->next;
	}
	pthread_rwlock_unlock(&core->lock);
}

void core_remove_endpoint(struct core *core, struct endpoint *ep)
{
	unlink_endpoint(core, ep);
	endpoint_destroy(ep);
}

struct endpoint *core_find_endpoint(struct core *core, const char *name)
{
	struct endpoint *ep = core->endpoints;

	while (ep && (ep->draining || strcmp(ep->cfg->name, name) != 0)) {
		ep = ep->next;
	}
	return ep;
}

static size_t pick_fds(const struct core_fds *all, const char *name, int *fds)
{
	size_t n = 0;

	for (size_t i = 0; all && i < all->n && n < MAX_FDS; i++) {
		if (!all->taken[i] && strcmp(all->names[i], name) == 0) {
			fds[n++] = all->fds[i];
		}
	}
	return n;
}

static void mark_taken(const struct core_fds *all, const char *name)
{
	for (size_t i = 0; all && i < all->n; i++) {
		if (strcmp(all->names[i], name) == 0) {
			all->taken[i] = true;
		}
	}
}

int core_open_one(struct core *core, struct config_ref *config, const struct config_endpoint *cfg,
	const struct core_fds *inherited, struct endpoint **ret, struct rv_err *err)
{
	int fds[MAX_FDS] = {-1};
	size_t n = pick_fds(inherited, cfg->name, fds);
	int r = endpoint_open(core, config, cfg, fds, n, ret, err);

	if (r < 0) {
		const struct rv_err why = *err;

		snprintf(err->msg, sizeof(err->msg), "%s: %.200s", cfg->name, why.msg);
		return r;
	}
	mark_taken(inherited, cfg->name);
	link_endpoint(core, *ret);
	log_info("%s: %s, service %s%s", cfg->name, cfg->address, cfg->service->name,
		n ? ", inherited" : "");
	return 0;
}

int core_attach_new(struct core *core, struct rv_err *err)
{
	for (struct endpoint *ep = core->endpoints; ep; ep = ep->next) {
		int r;

		if (ep->draining || ep->instances[0].attached) {
			continue;
		}
		r = endpoint_attach(ep, err);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

struct config_ref *core_take_config(struct config *config)
{
	struct config_ref *r = calloc(1, sizeof(*r));

	if (!r) {
		config_destroy(config);
	} else {
		r->config = config;
		r->refs = 1;
	}
	return r;
}

static void close_all(struct core *core)
{
	while (core->endpoints) {
		core_remove_endpoint(core, core->endpoints);
	}
	service_retire_unused(core);
}

int core_open(struct core *core, struct config *config, const struct core_fds *inherited,
	struct rv_err *err)
{
	struct config_ref *ref = core_take_config(config);
	int r = ref ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < config->n_endpoints; i++) {
		struct endpoint *ep;

		r = core_open_one(core, ref, &config->endpoints[i], inherited, &ep, err);
	}
	if (r == 0) {
		r = core_attach_new(core, err);
	}
	if (r < 0) {
		close_all(core);
		if (ref) {
			config_unref(ref);
		}
		return r;
	}
	core->config = ref;
	return 0;
}

/* Draining. */

void core_arm_drain_timer(struct core *core)
{
	uint64_t now = clock_now(), first = UINT64_MAX;
	struct timeval tv;

	for (const struct endpoint *ep = core->endpoints; ep; ep = ep->next) {
		if (ep->draining) {
			first = MIN(first, ep->drain_deadline);
		}
	}
	if (first == UINT64_MAX) {
		event_del(core->drain_timer);
		return;
	}
	first = first > now ? first - now : 0;
	tv.tv_sec = (time_t)(first / 1000000000u);
	tv.tv_usec = (suseconds_t)(first % 1000000000u / 1000);
	event_add(core->drain_timer, &tv);
}

/* Takes away what is drained, late or failed; ends the drain of all. */
static void collect(struct core *core)
{
	uint64_t now = clock_now();
	bool late = false, failed = false, had = core->endpoints;

	for (struct endpoint *ep = core->endpoints, *next; ep; ep = next) {
		bool over = ep->draining && now >= ep->drain_deadline;

		next = ep->next;
		if (ep->failed || over || (ep->draining && endpoint_is_drained(ep))) {
			failed |= ep->failed && ep->error;
			late |= over && !endpoint_is_drained(ep);
			core_remove_endpoint(core, ep);
		}
	}
	service_retire_unused(core);
	core_arm_drain_timer(core);
	if (core->stopping && !core->endpoints) {
		core->stopping = false;
		core->events->drained(core->events_ctx, late);
	} else if (had && !core->endpoints) {
		core->events->ended(core->events_ctx, failed);
	}
}

static void on_notify(evutil_socket_t fd, short what, void *arg)
{
	uint64_t n;
	ssize_t k = read(fd, &n, sizeof(n));

	(void)what;
	(void)k;
	collect(arg);
}

static void on_drain_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	collect(arg);
}

void core_drain(struct core *core)
{
	uint64_t deadline = clock_now();

	if (core->config) {
		deadline += core->config->config->global.drain_timeout * 1000;
	}
	core->stopping = true;
	for (struct endpoint *ep = core->endpoints; ep; ep = ep->next) {
		endpoint_drain(ep, deadline);
	}
	core_arm_drain_timer(core);
	core_notify(core);
}

size_t core_n_endpoints(const struct core *core)
{
	size_t n = 0;

	for (const struct endpoint *ep = core->endpoints; ep; ep = ep->next) {
		n += !ep->draining;
	}
	return n;
}

bool core_alive(struct core *core)
{
	bool alive = true;

	if (core->workers[0].is_main) {
		return true; /* who asks is alive */
	}

	for (unsigned i = 0; i < core->n_workers; i++) {
		struct worker *w = &core->workers[i];
		unsigned beats = atomic_load(&w->beats);

		alive &= !w->pinged || beats != w->beats_seen;
		w->beats_seen = beats;
		w->pinged = true;
		worker_ping(w);
	}
	return alive;
}

static int start_workers(struct core *core, unsigned n_threads)
{
	unsigned n = MAX(n_threads, 1u);
	int r = 0;

	core->workers = calloc(n, sizeof(*core->workers));
	if (!core->workers) {
		return -ENOMEM;
	}
	if (n_threads == 0) {
		core->n_workers = 1;
		return worker_start_main(&core->workers[0], core);
	}
	for (unsigned i = 0; r == 0 && i < n; i++) {
		core->n_workers = i + 1;
		r = worker_start(&core->workers[i], core, i);
	}
	return r;
}

struct event_base *core_base_new(void)
{
	return worker_base_new();
}

void core_run(struct core *core)
{
	if (core->workers[0].is_main) {
		worker_run(&core->workers[0]);
	} else {
		event_base_dispatch(core->base);
	}
}

int core_create(struct event_base *base, unsigned n_threads, const struct core_events *events,
	void *ctx, struct core **ret)
{
	struct core *core = calloc(1, sizeof(*core));
	int r = -ENOMEM;

	if (!core) {
		return -ENOMEM;
	}
	core->base = base;
	core->events = events;
	core->events_ctx = ctx;
	core->start_ns = clock_now();
	pthread_rwlock_init(&core->lock, NULL);
	core->notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (core->notify_fd >= 0) {
		core->notify =
			event_new(base, core->notify_fd, EV_READ | EV_PERSIST, on_notify, core);
		core->drain_timer = event_new(base, -1, 0, on_drain_timer, core);
	}
	if (core->notify && core->drain_timer && event_add(core->notify, NULL) == 0) {
		r = start_workers(core, n_threads);
	}
	if (r < 0) {
		core_destroy(core);
		return r;
	}
	*ret = core;
	return 0;
}

void core_destroy(struct core *core)
{
	if (!core) {
		return;
	}
	close_all(core);
	for (unsigned i = 0; i < core->n_workers; i++) {
		worker_stop(&core->workers[i]);
	}
	service_collect(core);
	free(core->workers);
	if (core->notify) {
		event_free(core->notify);
	}
	if (core->drain_timer) {
		event_free(core->drain_timer);
	}
	core->notify_fd = fd_close(core->notify_fd);
	if (core->config) {
		config_unref(core->config);
	}
	pthread_rwlock_destroy(&core->lock);
	free(core);
}
