#include "server/server.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include "server/peers.h"
#include "server/reload.h"
#include "server/stats.h"
#include "server/successor.h"
#include "server/wishes.h"
#include "util/clock.h"
#include "util/fd.h"

#define QUIET_US 2000 /* between two looks at what services still have */

struct server {
	struct event_base *base; /* of the main thread */
	const struct server_events *events;
	void *ctx;
	struct event *notify, *drain_timer;
	struct traffic *traffics; /* one a worker */
	unsigned *beats;          /* of each, at the last server_alive() */
	bool asked;               /* there was one */
	struct endpoints endpoints;
	struct config_ref *config;
	bool stopping;
	struct event *quiet_timer;
	uint64_t quiet_deadline; /* 0: not quiescing */
};

static const struct endpoint_reports reports = {
	.info = stats_info,
	.stats = stats_all,
	.control = wishes_add,
};

/* Takes away those that nobody uses any more. */
static void collect_services(struct server *s)
{
	services_collect(&s->endpoints.services);
}

static void close_all(struct server *s)
{
	while (s->endpoints.first) {
		endpoints_remove(&s->endpoints, s->endpoints.first);
	}
	collect_services(s);
}

static int open_all(struct server *s, struct config_ref *ref, const struct inherited_fds *inherited,
	struct rv_err *err)
{
	const struct config *config = ref->config;
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->n_endpoints; i++) {
		struct endpoint *ep;

		r = endpoints_open(&s->endpoints, ref, &config->endpoints[i], inherited, &ep, err);
	}
	return r < 0 ? r : endpoints_attach(&s->endpoints, err);
}

int server_open(struct server *s, struct config *config, const struct inherited_fds *inherited,
	struct rv_err *err)
{
	struct config_ref *ref = config_ref_create(config);
	int r = ref ? open_all(s, ref, inherited, err) : -ENOMEM;

	if (r < 0) {
		close_all(s);
		if (ref) {
			config_unref(ref);
		}
		return r;
	}
	s->config = ref;
	return 0;
}

/* Draining. */

static void arm_drain_timer(struct server *s)
{
	uint64_t now = clock_now(), first = UINT64_MAX;
	struct timeval tv;

	for (const struct endpoint *ep = s->endpoints.first; ep; ep = ep->next) {
		if (ep->draining) {
			first = MIN(first, ep->drain_deadline);
		}
	}
	if (first == UINT64_MAX) {
		event_del(s->drain_timer);
		return;
	}
	first = first > now ? first - now : 0;
	tv.tv_sec = (time_t)(first / 1000000000u);
	tv.tv_usec = (suseconds_t)(first % 1000000000u / 1000);
	event_add(s->drain_timer, &tv);
}

/* Takes away what is drained, late or failed; ends the drain of all. */
static void collect(struct server *s)
{
	uint64_t now = clock_now();
	bool late = false, failed = false, had = s->endpoints.first;

	for (struct endpoint *ep = s->endpoints.first, *next; ep; ep = next) {
		bool over = ep->draining && now >= ep->drain_deadline;

		next = ep->next;
		if (ep->failed || over || (ep->draining && endpoint_is_drained(ep))) {
			failed |= ep->failed && ep->error;
			late |= over && !endpoint_is_drained(ep);
			endpoints_remove(&s->endpoints, ep);
		}
	}
	collect_services(s);
	arm_drain_timer(s);
	if (s->stopping && !s->endpoints.first) {
		s->stopping = false;
		s->events->drained(s->ctx, late);
	} else if (had && !s->endpoints.first && !s->quiet_deadline) {
		s->events->ended(s->ctx, failed);
	} else {
		s->events->changed(s->ctx);
	}
}

/* Outside of all callbacks of backends, which a reload may end. */
static void grant_reloads(struct server *s)
{
	struct wish *wishes = wishes_take(&s->endpoints, RV_OP_RELOAD);
	struct rv_err err = {{0}};
	int r;

	if (!wishes) {
		return;
	}
	if (s->stopping || s->quiet_deadline) {
		wishes_answer(wishes, RV_STATUS_STOPPING, "the daemon is stopping");
		return;
	}
	r = s->events->reload(s->ctx, &err);
	wishes_answer(wishes, r < 0 ? RV_STATUS_INTERNAL : RV_STATUS_OK, err.msg);
}

static void on_notify(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	fd_event_clear(fd);
	grant_reloads(arg);
	peers_answer(&((struct server *)arg)->endpoints);
	collect(arg);
}

static void on_drain_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	collect(arg);
}

static void notify(struct server *s)
{
	fd_event_signal(s->endpoints.services.notify_fd);
}

void server_drain(struct server *s)
{
	uint64_t deadline = clock_now();

	if (s->config) {
		deadline += s->config->config->global.drain_timeout * 1000;
	}
	s->stopping = true;
	for (struct endpoint *ep = s->endpoints.first; ep; ep = ep->next) {
		endpoint_drain(ep, deadline);
	}
	services_drain(&s->endpoints.services);
	arm_drain_timer(s);
	notify(s);
}

/* Handing over. */

static bool is_quiet(struct server *s)
{
	for (const struct endpoint *ep = s->endpoints.first; ep; ep = ep->next) {
		if (ep->draining) {
			return false;
		}
	}
	for (unsigned i = 0; i < s->endpoints.services.n_workers; i++) {
		if (traffic_pending(&s->traffics[i]) > 0) {
			return false;
		}
	}
	return true;
}

static void on_quiet_timer(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval tv = {.tv_usec = QUIET_US};
	struct server *s = arg;
	bool late = clock_now() >= s->quiet_deadline;

	(void)fd;
	(void)what;
	for (unsigned i = 0; late && i < s->endpoints.services.n_workers; i++) {
		traffic_give_up(&s->traffics[i]);
	}
	if (late || is_quiet(s)) {
		s->events->quiet(s->ctx);
	} else {
		event_add(s->quiet_timer, &tv);
	}
}

void server_quiesce(struct server *s)
{
	s->quiet_deadline = clock_now() + s->config->config->global.drain_timeout * 1000 + 1;
	for (struct endpoint *ep = s->endpoints.first; ep; ep = ep->next) {
		if (!successor_can_have(ep)) {
			endpoint_drain(ep, s->quiet_deadline);
		}
	}
	for (unsigned i = 0; i < s->endpoints.services.n_workers; i++) {
		traffic_quiesce(&s->traffics[i]);
	}
	arm_drain_timer(s);
	event_active(s->quiet_timer, EV_TIMEOUT, 0);
}

void server_hand_over(struct server *s, struct parcel *parcel)
{
	for (unsigned i = 0; i < s->endpoints.services.n_workers; i++) {
		traffic_halt(&s->traffics[i]);
	}
	successor_pack(&s->endpoints, parcel);
}

int server_reload(struct server *s, struct config *config, struct rv_err *err)
{
	struct config_ref *ref = config_ref_create(config);
	int r = ref ? reload_apply(&s->endpoints, ref, err) : -ENOMEM;

	if (!ref) {
		snprintf(err->msg, sizeof(err->msg), "out of memory");
		return r;
	}
	collect_services(s);
	arm_drain_timer(s);
	notify(s);
	if (r < 0) {
		config_unref(ref);
		return r;
	}
	config_unref(s->config);
	s->config = ref;
	return 0;
}

/* What others may know. */

/* How many are being served. */
static size_t n_endpoints(const struct server *s)
{
	size_t n = 0;

	for (const struct endpoint *ep = s->endpoints.first; ep; ep = ep->next) {
		n += !ep->draining;
	}
	return n;
}

void server_describe(struct server *s, char *buf, size_t size)
{
	size_t n = n_endpoints(s), down = 0;
	const struct endpoint *first = NULL;

	pthread_rwlock_rdlock(&s->endpoints.lock);
	for (const struct endpoint *ep = s->endpoints.first; ep; ep = ep->next) {
		if (ep->n_down && !ep->draining) {
			first = first ? first : ep;
			down++;
		}
	}
	if (first) {
		snprintf(buf, size, "serving %zu of %zu endpoints; %s is down: %s", n - down, n,
			first->cfg->name, first->why_down);
	} else {
		snprintf(buf, size, "serving %zu endpoint%s", n, n == 1 ? "" : "s");
	}
	pthread_rwlock_unlock(&s->endpoints.lock);
}

static void add_activity(const struct endpoint *ep, struct server_activity *a)
{
	for (unsigned i = 0; i < ep->n_instances; i++) {
		const struct counters *n = &ep->instances[i].n;

		a->requests += n->requests;
		a->connections += ep->ops->caps & RV_CAP_REPLY_TO ? 0 : n->peers;
	}
}

struct server_activity server_activity(struct server *s)
{
	struct server_activity a = {0};

	for (const struct endpoint *ep = s->endpoints.first; ep; ep = ep->next) {
		add_activity(ep, &a);
	}
	for (unsigned i = 0; i < s->endpoints.services.n_workers; i++) {
		a.unfinished |= traffic_pending(&s->traffics[i]) > 0;
	}
	return a;
}

const char *server_find_own(const struct server *s)
{
	for (const struct endpoint *ep = s->endpoints.first; ep; ep = ep->next) {
		if (!ep->draining && !ep->adopted) {
			return ep->cfg->name;
		}
	}
	return NULL;
}

bool server_halt_if_idle(struct server *s)
{
	struct server_activity a;
	bool idle = true;

	for (unsigned i = 0; i < s->endpoints.services.n_workers; i++) {
		traffic_halt(&s->traffics[i]);
	}
	a = server_activity(s);
	for (struct endpoint *ep = s->endpoints.first; ep; ep = ep->next) {
		for (unsigned i = 0; i < ep->n_instances; i++) {
			idle &= instance_is_idle(&ep->instances[i]);
		}
	}
	return idle && a.connections == 0 && !a.unfinished;
}

void server_log_stats(struct server *s)
{
	stats_log(&s->endpoints);
}

bool server_alive(struct server *s)
{
	bool alive = true;

	if (s->traffics[0].worker.is_main) {
		return true; /* who asks is alive */
	}
	for (unsigned i = 0; i < s->endpoints.services.n_workers; i++) {
		struct worker *w = &s->traffics[i].worker;
		unsigned beats = atomic_load(&w->beats);

		alive &= !s->asked || beats != s->beats[i];
		s->beats[i] = beats;
		worker_wake(w);
	}
	s->asked = true;
	return alive;
}

/* Beginning and end. */

static int start_workers(struct server *s, unsigned n_threads)
{
	unsigned n = MAX(n_threads, 1u);
	int r = 0;

	s->traffics = calloc(n, sizeof(*s->traffics));
	s->beats = calloc(n, sizeof(*s->beats));
	if (!s->traffics || !s->beats) {
		return -ENOMEM;
	}
	s->endpoints.services.traffics = s->traffics;
	for (unsigned i = 0; r == 0 && i < n; i++) {
		s->endpoints.services.n_workers = i + 1;
		r = traffic_start(&s->traffics[i], i, n_threads == 0 ? s->base : NULL);
	}
	return r;
}

static int start(struct server *s, unsigned n_threads)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	s->endpoints.services.notify_fd = fd;
	if (fd < 0) {
		return -errno;
	}
	s->notify = event_new(s->base, fd, EV_READ | EV_PERSIST, on_notify, s);
	s->drain_timer = event_new(s->base, -1, 0, on_drain_timer, s);
	s->quiet_timer = event_new(s->base, -1, 0, on_quiet_timer, s);
	if (!s->notify || !s->drain_timer || !s->quiet_timer || event_add(s->notify, NULL) < 0) {
		return -ENOMEM;
	}
	return start_workers(s, n_threads);
}

struct event_base *server_base_new(void)
{
	return worker_base_new();
}

void server_run(struct server *s)
{
	if (s->traffics[0].worker.is_main) {
		worker_run(&s->traffics[0].worker);
	} else {
		event_base_dispatch(s->base);
	}
}

int server_create(struct event_base *base, unsigned n_threads, const struct server_events *events,
	void *ctx, struct server **ret)
{
	struct server *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		return -ENOMEM;
	}
	s->base = base;
	s->events = events;
	s->ctx = ctx;
	s->endpoints.reports = &reports;
	s->endpoints.start_ns = clock_now();
	pthread_rwlock_init(&s->endpoints.lock, NULL);
	r = start(s, n_threads);
	if (r < 0) {
		server_destroy(s);
		return r;
	}
	*ret = s;
	return 0;
}

void server_destroy(struct server *s)
{
	if (!s) {
		return;
	}
	close_all(s);
	for (enum rv_op op = RV_OP_RELOAD; op <= RV_OP_PEERS; op++) {
		wishes_answer(
			wishes_take(&s->endpoints, op), RV_STATUS_STOPPING, "the daemon is stopping");
	}
	for (unsigned i = 0; i < s->endpoints.services.n_workers; i++) {
		traffic_stop(&s->traffics[i]);
	}
	collect_services(s);
	free(s->traffics);
	free(s->beats);
	if (s->notify) {
		event_free(s->notify);
	}
	if (s->drain_timer) {
		event_free(s->drain_timer);
	}
	if (s->quiet_timer) {
		event_free(s->quiet_timer);
	}
	fd_close(s->endpoints.services.notify_fd);
	if (s->config) {
		config_unref(s->config);
	}
	pthread_rwlock_destroy(&s->endpoints.lock);
	free(s);
}
