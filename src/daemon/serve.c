#include "daemon/serve.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "daemon/reloader.h"
#include "daemon/control.h"
#include "daemon/idle.h"
#include "daemon/restart.h"
#include "daemon/sandbox.h"
#include "daemon/starts.h"
#include "daemon/status.h"
#include "daemon/systemd.h"
#include "server/server.h"
#include "server/survivors.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/process.h"

struct daemon {
	struct configuration *conf;
	struct event_base *base;
	struct event *signals[6], *watchdog, *served;
	struct restart restart;
	struct control control;
	struct server *server;
	uint64_t workers;
	bool stopping;
	int exit_status;
	struct status status;
	struct starts starts;
	struct idle idle;
};

/* Events. */

static void on_libevent_log(int severity, const char *text)
{
	static const int prio[] = {LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR};

	log_msg(severity >= 0 && severity < 4 ? prio[severity] : LOG_ERR, "libevent: %s", text);
}

static void on_drained(void *ctx, bool timed_out)
{
	struct daemon *d = ctx;

	if (timed_out) {
		log_warning("drain_timeout is over: some peers did not take their replies");
	}
	event_base_loopbreak(d->base);
}

static void on_ended(void *ctx, bool failed)
{
	struct daemon *d = ctx;

	if (failed) {
		log_error("no endpoint is left");
		d->exit_status = EXIT_FAILURE;
	}
	event_base_loopbreak(d->base);
}

static void on_changed(void *ctx)
{
	struct daemon *d = ctx;

	if (!d->stopping) {
		status_tell(&d->status, "");
	}
}

static void stop_serving(void *ctx)
{
	struct daemon *d = ctx;

	d->stopping = true;
	systemd_notify("STOPPING=1\nSTATUS=answering what was received");
	log_info("stopping");
	server_drain(d->server);
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	(void)sig;
	(void)what;
	if (d->stopping) {
		log_notice("stopping at once");
		event_base_loopbreak(d->base);
	} else {
		stop_serving(d);
	}
}

static void on_quiet(void *ctx)
{
	struct daemon *d = ctx;

	restart_go(&d->restart);
}

/* SIGQUIT, of the unit: the manager starts the next process. Without a manager, it is a stop. */
static void on_hand_over(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	if (d->stopping) {
		return;
	}
	if (systemd_is_there() && restart_begin(&d->restart, RESTART_BY_MANAGER)) {
		systemd_notify("STOPPING=1\nSTATUS=handing over");
	} else {
		on_stop(sig, what, arg);
	}
}

static void on_replace(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	(void)sig;
	(void)what;
	if (!d->stopping) {
		(void)restart_begin(&d->restart, RESTART_BY_EXEC);
	}
}

static void apply(struct daemon *d, const struct config *config)
{
	log_set_level(config->global.log_level);
	sandbox_warn(config, &d->conf->inherited);
	idle_apply(&d->idle, d->base, config);
	if (config->global.workers != d->workers) {
		log_notice("workers = %llu takes effect at the next start",
			(unsigned long long)config->global.workers);
	}
}

/* 0 with what is served now in err; or -errno with why not, then nothing has changed. */
static int change_over(struct daemon *d, struct rv_err *err)
{
	struct config *config = configuration_load(d->conf, err);
	char text[256];
	int r;

	if (!config) {
		return -EINVAL;
	}
	r = configuration_prepare(d->conf, config, err);
	if (r < 0) {
		config_destroy(config);
		return r;
	}
	r = server_reload(d->server, config, err);
	if (r < 0) {
		return r;
	}
	apply(d, config);
	server_describe(d->server, text, sizeof(text));
	log_info("reloaded, %s", text);
	snprintf(err->msg, sizeof(err->msg), "%.80s" RELOADER_ORIGIN, text, config->origin);
	return 0;
}

/* A client asks for it, or SIGHUP does. */
static int reload(void *ctx, struct rv_err *err)
{
	struct daemon *d = ctx;
	int r;

	systemd_notify("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_now() / 1000);
	r = change_over(d, err);
	if (r < 0) {
		log_error("reload: %s; the old configuration stays", err->msg);
		d->status.refused = *err;
	} else {
		*d->status.refused.msg = '\0';
	}
	status_tell(&d->status, "READY=1\n");
	return r;
}

static int reload_unless_stopping(void *ctx, struct rv_err *err)
{
	const struct daemon *d = ctx;

	if (d->stopping || d->restart.way != RESTART_NONE) {
		snprintf(err->msg, sizeof(err->msg), "the daemon is stopping");
		return -ESHUTDOWN;
	}
	return reload(ctx, err);
}

static void on_reload(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;
	struct rv_err err = {{0}};

	(void)sig;
	(void)what;
	if (!d->stopping && d->restart.way == RESTART_NONE) {
		(void)reload(d, &err);
	}
}

static void on_statistics(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	(void)sig;
	(void)what;
	server_log_stats(d->server);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	status_measure(&d->status);
	if (server_alive(d->server)) {
		systemd_notify("WATCHDOG=1");
	} else {
		log_error("a worker hangs");
	}
}

static int add_signal(struct daemon *d, size_t i, int sig, event_callback_fn fn)
{
	d->signals[i] = evsignal_new(d->base, sig, fn, d);
	return d->signals[i] && event_add(d->signals[i], NULL) == 0 ? 0 : -ENOMEM;
}

static int start_watchdog(struct daemon *d)
{
	uint64_t usec = systemd_watchdog_interval() / 2;
	struct timeval tv = {
		.tv_sec = (time_t)(usec / 1000000), .tv_usec = (suseconds_t)(usec % 1000000)};

	if (!usec) {
		return 0;
	}
	d->watchdog = event_new(d->base, -1, EV_PERSIST, on_watchdog, d);
	return d->watchdog && event_add(d->watchdog, &tv) == 0 ? 0 : -ENOMEM;
}

static void on_served(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	starts_forget();
}

static int await_served(struct daemon *d)
{
	const struct timeval tv = {.tv_sec = STARTS_SERVED_MS / 1000};

	if (!systemd_is_there()) {
		return 0;
	}
	d->served = event_new(d->base, -1, 0, on_served, d);
	return d->served && event_add(d->served, &tv) == 0 ? 0 : -ENOMEM;
}

static int start_events(struct daemon *d)
{
	int r = add_signal(d, 0, SIGTERM, on_stop);

	if (r == 0) {
		r = add_signal(d, 1, SIGINT, on_stop);
	}
	if (r == 0) {
		r = add_signal(d, 2, SIGHUP, on_reload);
	}
	if (r == 0) {
		r = add_signal(d, 3, SIGUSR1, on_statistics);
	}
	if (r == 0) {
		r = add_signal(d, 4, SIGQUIT, on_hand_over);
	}
	if (r == 0) {
		r = add_signal(d, 5, SIGUSR2, on_replace);
	}
	if (r == 0) {
		r = await_served(d);
	}
	return r < 0 ? r : start_watchdog(d);
}

/* Serving. */

/* They were told of when nobody was found to take them. */
static void close_unclaimed(struct inherited *in, const struct inherited_fds *fds)
{
	for (size_t i = 0; i < fds->n; i++) {
		if (!fds->taken[i]) {
			fd_close(fds->fds[i]);
			in->copies[i] = fd_close(in->copies[i]);
		}
	}
}

/* What the process before kept for the case of a crash; if it has handed over itself, they are
 * the same connections. */
static void take_survivors(struct inherited *in, struct predecessor *before)
{
	struct systemd_fds *kept = &in->kept;

	if (in->n_state == 0) {
		survivors_add(before, kept->fds, kept->names, kept->n);
	}
	for (size_t i = 0; i < kept->n; i++) {
		if (i == 0 || strcmp(kept->names[i], kept->names[i - 1]) != 0) {
			systemd_forget(kept->names[i]);
		}
		if (in->n_state > 0) {
			fd_close(kept->fds[i]);
		}
	}
	kept->n = 0;
}

static int open_endpoints(struct daemon *d, struct config *config)
{
	CLEANUP_FREE bool *taken = calloc(d->conf->inherited.given.n + 1, sizeof(*taken));
	struct predecessor before;
	const struct inherited_fds fds = {
		.n = d->conf->inherited.given.n,
		.fds = d->conf->inherited.given.fds,
		.names = d->conf->inherited.endpoints,
		.taken = taken,
		.predecessor = &before,
	};
	const struct config_registry reg = registry_for_config(d->conf->registry);
	struct rv_err err = {{0}};
	int r;

	if (!taken) {
		config_destroy(config);
		return -ENOMEM;
	}
	predecessor_init(&before, d->conf->inherited.state, d->conf->inherited.n_state);
	take_survivors(&d->conf->inherited, &before);
	predecessor_settle(&before, config, &reg);
	r = server_open(d->server, config, &fds, &err);
	predecessor_finish(&before);
	if (d->conf->inherited.n_state > 0) {
		systemd_forget(SYSTEMD_STATE);
	}
	if (r < 0) {
		log_error("%s", *err.msg ? err.msg : strerror(-r));
		starts_failed(&d->starts, *err.msg ? err.msg : strerror(-r));
		return r;
	}
	close_unclaimed(&d->conf->inherited, &fds);
	d->conf->inherited.serving = true;
	return 0;
}

static const struct keeper_store keeper_store = {
	.store = systemd_store,
	.forget = systemd_forget,
};

/* Is there room for two bags a worker, and for what is kept beside? */
static bool can_keep(const struct daemon *d)
{
	size_t size = systemd_store_size(), need = 4 * (size_t)d->workers + 3;

	if (!systemd_is_there() || d->conf->source.text || size == 0) {
		return false;
	}
	if (size < need) {
		log_notice("connections are not kept for the case of a crash: that needs "
			   "FileDescriptorStoreMax=%zu, and it is %zu",
			need, size);
	}
	return size >= need;
}

static int start(struct daemon *d, struct config *config)
{
	static const struct server_events events = {.drained = on_drained,
		.ended = on_ended,
		.reload = reload,
		.changed = on_changed,
		.quiet = on_quiet};
	size_t n = config->n_endpoints;
	int r;

	d->workers = config->global.workers;
	d->base = server_base_new();
	r = d->base ? start_events(d) : -ENOMEM;
	if (r == 0) {
		/* one worker needs no thread of its own */
		r = server_create(
			d->base, d->workers > 1 ? (unsigned)d->workers : 0, &events, d, &d->server);
	}
	if (r < 0) {
		log_error("start: %s", strerror(-r));
		config_destroy(config);
		return r;
	}
	if (can_keep(d)) {
		server_keep(d->server, &keeper_store);
	}
	restart_init(&d->restart, d->conf, d->server, d->base, stop_serving, d);
	d->status.server = d->idle.server = d->server;
	d->idle.restart = &d->restart;
	r = open_endpoints(d, config);
	if (r < 0) {
		return r;
	}
	if (!d->conf->source.text) {
		control_start(&d->control, d->base, reload_unless_stopping, d);
	}
	log_info("serving %zu endpoint%s", n, n == 1 ? "" : "s");
	status_tell(&d->status, "READY=1\n");
	idle_apply(&d->idle, d->base, config);
	process_unblock();
	return 0;
}

static void stop(struct daemon *d)
{
	control_finish(&d->control);
	idle_finish(&d->idle);
	restart_finish(&d->restart);
	server_destroy(d->server);
	for (size_t i = 0; i < ARRAY_SIZE(d->signals); i++) {
		if (d->signals[i]) {
			event_free(d->signals[i]);
		}
	}
	if (d->watchdog) {
		event_free(d->watchdog);
	}
	if (d->served) {
		event_free(d->served);
	}
	if (d->base) {
		event_base_free(d->base);
	}
}

/* Opens and serves the configuration, which it takes over. */
static void run(struct daemon *d, struct config *config, const struct demo *demo)
{
	d->exit_status = EXIT_FAILURE;
	if (start(d, config) == 0) {
		d->exit_status = EXIT_SUCCESS;
		if (demo) {
			demo_print(demo);
		}
		server_run(d->server);
	}
	stop(d);
}

int serve(struct configuration *conf, const struct demo *demo)
{
	struct daemon d = {.conf = conf};
	struct rv_err err = {{0}};
	struct config *config;

	if (inherited_init(&conf->inherited) < 0) {
		return EXIT_FAILURE;
	}
	starts_begin(&d.starts, conf->inherited.starts, conf->inherited.n_starts);
	config = configuration_load(conf, &err);
	if (!config) {
		systemd_notify("STATUS=%s", err.msg);
		return EX_CONFIG;
	}
	log_set_level(config->global.log_level);
	sandbox_warn(config, &conf->inherited);
	event_set_log_callback(on_libevent_log);
	configuration_leave(conf);
	if (configuration_prepare(conf, config, &err) < 0) {
		log_error("%s", err.msg);
		starts_failed(&d.starts, err.msg);
		config_destroy(config);
		return EXIT_FAILURE;
	}
	run(&d, config, demo);
	return d.exit_status;
}
