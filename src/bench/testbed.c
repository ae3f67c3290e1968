#include "bench/testbed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "bench/generator.h"
#include "util/fd.h"
#include "util/log.h"

/* Set by the handler of SIGINT and SIGTERM, which can reach nothing else. */
static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

const volatile sig_atomic_t *testbed_prepare(void)
{
	struct sigaction sa = {.sa_handler = on_stop};
	struct rlimit rl = {RLIM_INFINITY, RLIM_INFINITY};

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 1UL); /* requests at fixed times need exact sleeps */
	fd_raise_limit();
	/* Queues for 50 clients are over the default budget of a user; root may raise it,
	 * and for others the contender says that it was left out. */
	(void)setrlimit(RLIMIT_MSGQUEUE, &rl);
	if (sigaction(SIGINT, &sa, NULL) < 0 || sigaction(SIGTERM, &sa, NULL) < 0 ||
		generator_init() < 0) {
		return NULL;
	}
	return &stop;
}

static int make_dir(struct testbed *b, struct rv_err *err)
{
	const char *parent = getenv("XDG_RUNTIME_DIR");

	/* Socket paths have 107 bytes; a long TMPDIR must not be the end of it. */
	if (!parent || strlen(parent) > 30 || access(parent, W_OK) < 0) {
		parent = "/tmp";
	}
	snprintf(b->dir, sizeof(b->dir), "%s/revbench-XXXXXX", parent);
	if (!mkdtemp(b->dir)) {
		int r = -errno;

		bench_fail(err, r, "%s: %s", b->dir, strerror(-r));
		b->dir[0] = '\0';
		return r;
	}
	return 0;
}

/* Without it nats is left out. */
static void start_broker(struct testbed *b, const struct testbed_options *o)
{
	struct rv_err err;

	if (o->nats && !o->uri && nats_server_start(&b->broker, b->dir, &err) < 0) {
		machine_note(&b->machine, "nats is left out: %s", err.msg);
	}
}

static int start_servers(struct testbed *b, const struct testbed_options *o, struct rv_err *err)
{
	struct daemon_options d = {.program = o->revd,
		.parent = b->dir,
		.name = "revd",
		.plugins = o->plugins,
		.broker = b->broker.url[0] ? b->broker.url : NULL};
	int r = o->uri ? daemon_attach(&b->daemon, o->uri, err) : daemon_start(&b->daemon, &d, err);

	if (r == 0 && b->daemon.note[0]) {
		machine_note(&b->machine, "%s", b->daemon.note);
	}
	if (r == 0 && !o->uri && o->spins) {
		struct rv_err unknown; /* a revd without `spin` refuses its configuration */

		d.name = "spin";
		d.spin = BENCH_SPIN_TIME;
		(void)!daemon_start(&b->spinning, &d, &unknown);
	}
	return r == 0 && o->rivals ? rivals_start(&b->rivals, b->dir, err) : r;
}

int testbed_open(struct testbed *b, const struct testbed_options *o, struct rv_err *err)
{
	int r;

	memset(b, 0, sizeof(*b));
	r = make_dir(b, err);
	machine_init(&b->machine);
	if (o->raise) {
		machine_raise(&b->machine);
	}
	if (r < 0) {
		return r;
	}
	start_broker(b, o);
	return start_servers(b, o, err);
}

void testbed_close(struct testbed *b)
{
	machine_finish(&b->machine);
	rivals_stop(&b->rivals);
	daemon_stop(&b->spinning);
	daemon_stop(&b->daemon);
	nats_server_stop(&b->broker);
	if (b->dir[0] && rmdir(b->dir) < 0) {
		log_warning("%s stays behind: %s", b->dir, strerror(errno));
	}
}

struct daemon *testbed_spinning(struct testbed *b)
{
	return b->spinning.proc.pid > 0 ? &b->spinning : NULL;
}
