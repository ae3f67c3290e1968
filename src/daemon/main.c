/* revd: the order of starting, reloading and stopping; nothing else. */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "builtin.h"
#include "server/server.h"
#include "server/registry.h"
#include "daemon/inherited.h"
#include "daemon/options.h"
#include "daemon/paths.h"
#include "daemon/presets.h"
#include "daemon/reloader.h"
#include "daemon/systemd.h"
#include "service/builtin.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/process.h"

struct daemon {
	struct options options;
	struct paths paths;
	struct demo demo;
	struct config_source source;
	struct registry *registry;
	struct event_base *base;
	struct event *signals[4], *watchdog;
	struct server *server;
	struct inherited inherited;
	uint64_t workers;
	bool stopping;
	int status;
	struct rv_err refused; /* why the last reload was; "": it was not */
};

/* Errors of a configuration: on the command line as they are, else in the log. */
static void report_errors(struct config_errors *errs, bool plain)
{
	for (size_t i = 0; i < errs->n; i++) {
		if (plain) {
			fprintf(stderr, "%s\n", errs->text[i]);
		} else {
			log_error("%s", errs->text[i]);
		}
	}
	if (errs->suppressed && plain) {
		fprintf(stderr, "... and %zu more\n", errs->suppressed);
	} else if (errs->suppressed) {
		log_error("... and %zu more", errs->suppressed);
	}
}

/* err: the first error, where it is wanted. */
static struct config *load_source(
	struct daemon *d, const struct config_source *source, bool plain, struct rv_err *err)
{
	const struct config_registry reg = registry_for_config(d->registry);
	struct config_errors errs = {0};
	struct config *config = NULL;

	if (config_load(source, &reg, &config, &errs) < 0) {
		report_errors(&errs, plain);
		if (!errs.n) {
			log_error("the configuration could not be read");
		}
		if (err) {
			snprintf(err->msg, sizeof(err->msg), "%s",
				errs.n ? errs.text[0] : "the configuration could not be read");
		}
		config = NULL;
	}
	config_errors_finish(&errs);
	return config;
}

/* What the files say. */
static struct config *load_plain(struct daemon *d)
{
	return load_source(d, &d->source, true, NULL);
}

/* The same, and what becomes of the descriptors that we were given. */
static struct config *load(struct daemon *d, struct rv_err *err)
{
	struct config_source source = d->source;
	struct config *config = load_source(d, &source, false, err);

	if (!config) {
		return NULL;
	}
	if (inherited_assign(&d->inherited, config) < 0) {
		snprintf(err->msg, sizeof(err->msg), "an inherited descriptor has no endpoint");
		config_destroy(config);
		return NULL;
	}
	if (!d->inherited.sections) {
		return config;
	}
	config_destroy(config);
	source.more = d->inherited.sections;
	return load_source(d, &source, false, err);
}

/* What a configuration is made from is decided anew each time, so it is told too. */
static void tell_of(const struct config *config)
{
	log_info("configuration: %s", config->origin);
	for (size_t i = 0; i < config->n_warnings; i++) {
		log_warning("%s", config->warnings[i]);
	}
}

static int check(struct daemon *d)
{
	CLEANUP(config_destroy_p) struct config *config = load_plain(d);

	if (!config) {
		return EX_CONFIG;
	}
	for (size_t i = 0; i < config->n_warnings; i++) {
		fprintf(stderr, "warning: %s\n", config->warnings[i]);
	}
	printf("%s: fine, %zu endpoint%s\n", config->origin, config->n_endpoints,
		config->n_endpoints == 1 ? "" : "s");
	return 0;
}

static int dump(struct daemon *d)
{
	CLEANUP(config_destroy_p) struct config *config = load_plain(d);

	if (!config) {
		return EX_CONFIG;
	}
	if (config_dump(config, stdout) < 0 || fflush(stdout) != 0) {
		log_error("standard output: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	return 0;
}

static int ask_to_reload(struct daemon *d)
{
	CLEANUP(config_destroy_p) struct config *config = load_plain(d);

	return config ? reloader_run(config) : EX_CONFIG;
}

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
		d->status = EXIT_FAILURE;
	}
	event_base_loopbreak(d->base);
}

/* What systemd shows. */
static void tell_status(struct daemon *d, const char *prefix)
{
	char text[256];

	server_describe(d->server, text, sizeof(text));
	if (*d->refused.msg) {
		systemd_notify(
			"%sSTATUS=%s; the last reload was refused: %s", prefix, text, d->refused.msg);
	} else {
		systemd_notify("%sSTATUS=%s", prefix, text);
	}
}

static void on_changed(void *ctx)
{
	struct daemon *d = ctx;

	if (!d->stopping) {
		tell_status(d, "");
	}
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	(void)sig;
	(void)what;
	if (d->stopping) {
		log_notice("stopping at once");
		event_base_loopbreak(d->base);
		return;
	}
	d->stopping = true;
	systemd_notify("STOPPING=1\nSTATUS=answering what was received");
	log_info("stopping");
	server_drain(d->server);
}

static void apply(struct daemon *d, const struct config *config)
{
	log_set_level(config->global.log_level);
	if (config->global.workers != d->workers) {
		log_notice("workers = %llu takes effect at the next start",
			(unsigned long long)config->global.workers);
	}
}

/* 0, or -errno with the sentence in err; then nothing has changed. */
static int change_over(struct daemon *d, struct rv_err *err)
{
	struct config *config = load(d, err);
	int r;

	if (!config) {
		return -EINVAL;
	}
	tell_of(config);
	if (paths_make_runtime_dir(&d->paths, config) < 0) {
		snprintf(err->msg, sizeof(err->msg), "the runtime directory can't be made");
		config_destroy(config);
		return -EIO;
	}
	r = server_reload(d->server, config, err);
	if (r == 0) {
		apply(d, config);
	}
	return r;
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
		d->refused = *err;
	} else {
		*d->refused.msg = '\0';
		server_describe(d->server, err->msg, sizeof(err->msg));
		log_info("reloaded, %s", err->msg);
	}
	tell_status(d, "READY=1\n");
	return r;
}

static void on_reload(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;
	struct rv_err err = {{0}};

	(void)sig;
	(void)what;
	if (!d->stopping) {
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
	return r < 0 ? r : start_watchdog(d);
}

/* Serving. */

/* They were told of when nobody was found to take them. */
static void close_unclaimed(const struct inherited_fds *fds)
{
	for (size_t i = 0; i < fds->n; i++) {
		if (!fds->taken[i]) {
			fd_close(fds->fds[i]);
		}
	}
}

static int open_endpoints(struct daemon *d, struct config *config)
{
	CLEANUP_FREE bool *taken = calloc(d->inherited.given.n + 1, sizeof(*taken));
	const struct inherited_fds fds = {
		.n = d->inherited.given.n,
		.fds = d->inherited.given.fds,
		.names = d->inherited.endpoints,
		.taken = taken,
	};
	struct rv_err err = {{0}};
	int r;

	if (!taken) {
		config_destroy(config);
		return -ENOMEM;
	}
	r = server_open(d->server, config, &fds, &err);

	if (r < 0) {
		log_error("%s", *err.msg ? err.msg : strerror(-r));
		return r;
	}
	close_unclaimed(&fds);
	d->inherited.serving = true;
	return 0;
}

static int start(struct daemon *d, struct config *config)
{
	static const struct server_events events = {
		.drained = on_drained, .ended = on_ended, .reload = reload, .changed = on_changed};
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
	r = open_endpoints(d, config);
	if (r < 0) {
		return r;
	}
	log_info("serving %zu endpoint%s", n, n == 1 ? "" : "s");
	tell_status(d, "READY=1\n");
	process_unblock();
	return 0;
}

static void stop(struct daemon *d)
{
	server_destroy(d->server);
	for (size_t i = 0; i < ARRAY_SIZE(d->signals); i++) {
		if (d->signals[i]) {
			event_free(d->signals[i]);
		}
	}
	if (d->watchdog) {
		event_free(d->watchdog);
	}
	if (d->base) {
		event_base_free(d->base);
	}
}

static int serve(struct daemon *d)
{
	struct rv_err err = {{0}};
	struct config *config;

	if (d->options.mode != MODE_STDIO) {
		log_show_time(); /* a filter is not what stays */
	}
	if (inherited_init(&d->inherited) < 0) {
		inherited_finish(&d->inherited);
		return EXIT_FAILURE;
	}
	config = load(d, &err);
	if (!config) {
		inherited_finish(&d->inherited);
		return EX_CONFIG;
	}
	log_set_level(config->global.log_level);
	tell_of(config);
	event_set_log_callback(on_libevent_log);
	if (paths_leave(&d->paths) == 0) {
		d->source.file = d->paths.file;
	}
	if (paths_make_runtime_dir(&d->paths, config) < 0) {
		config_destroy(config);
		inherited_finish(&d->inherited);
		return EXIT_FAILURE;
	}
	d->status = EXIT_FAILURE;
	if (start(d, config) == 0) {
		d->status = EXIT_SUCCESS;
		if (d->options.mode == MODE_DEMO) {
			demo_print(&d->demo);
		}
		server_run(d->server);
	}
	stop(d);
	inherited_finish(&d->inherited);
	return d->status;
}

static int run(struct daemon *d)
{
	switch (d->options.mode) {
	case MODE_CHECK:
		return check(d);
	case MODE_DUMP:
		return dump(d);
	case MODE_RELOAD:
		return ask_to_reload(d);
	default:
		return serve(d);
	}
}

/* Says where the configuration comes from. 0, or -errno after an error message. */
static int init_source(struct daemon *d)
{
	const struct options *o = &d->options;

	if (o->mode == MODE_DEMO && demo_init(&d->demo) < 0) {
		return -EIO;
	}
	if (paths_init(&d->paths, d->demo.file ? d->demo.file : o->config) < 0) {
		log_error("out of memory");
		return -ENOMEM;
	}
	d->source = (struct config_source){
		.file = d->paths.file,
		.optional = d->paths.optional,
		.text = o->mode == MODE_STDIO && !o->config ? preset_stdio : NULL,
		.runtime_dir = d->paths.runtime_dir,
	};
	return 0;
}

int main(int argc, char **argv)
{
	struct daemon d = {.options = revd_options_parse(argc, argv)};
	int status = EXIT_FAILURE;

	process_init(PROCESS_DAEMON);
	log_init("revd");
	if (d.options.mode == MODE_EXIT) {
		status = d.options.status;
	} else if (init_source(&d) == 0 &&
		   registry_create(backends_builtin, services_builtin, &d.registry) == 0) {
		status = run(&d);
	}
	registry_destroy(d.registry);
	paths_finish(&d.paths);
	demo_finish(&d.demo);
	libevent_global_shutdown();
	if (fflush(stdout) != 0 && status == EXIT_SUCCESS) {
		log_error("standard output: %s", strerror(errno));
		status = EXIT_FAILURE;
	}
	return status;
}
