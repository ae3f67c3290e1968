#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bench/options.h"
#include "bench/out.h"
#include "bench/progress.h"
#include "bench/rounds.h"
#include "bench/verdict.h"
#include "util/fd.h"
#include "util/log.h"

/* Set by the handler of SIGINT and SIGTERM, which can reach nothing else. */
static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

struct run {
	struct options options;
	struct machine machine;
	struct daemon daemon;
	struct peers peers;
	struct plan plan;
	struct progress progress;
	struct verdict verdict;
	struct rv_err err;
	char dir[64];
};

static int set_up_process(void)
{
	struct sigaction sa = {.sa_handler = on_stop};
	struct rlimit rl = {RLIM_INFINITY, RLIM_INFINITY};

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 1UL); /* requests at fixed times need exact sleeps */
	fd_raise_limit();
	/* Queues for 50 clients are over the default budget of a user; root may raise it,
	 * and for others the contender says that it was left out. */
	(void)setrlimit(RLIMIT_MSGQUEUE, &rl);
	if (sigaction(SIGINT, &sa, NULL) < 0 || sigaction(SIGTERM, &sa, NULL) < 0) {
		return -errno;
	}
	return load_init();
}

static int make_dir(struct run *run)
{
	const char *parent = getenv("XDG_RUNTIME_DIR");

	/* Socket paths have 107 bytes; a long TMPDIR must not be the end of it. */
	if (!parent || strlen(parent) > 30 || access(parent, W_OK) < 0) {
		parent = "/tmp";
	}
	snprintf(run->dir, sizeof(run->dir), "%s/revbench-XXXXXX", parent);
	if (!mkdtemp(run->dir)) {
		int r = -errno;

		bench_fail(&run->err, r, "%s: %s", run->dir, strerror(-r));
		run->dir[0] = '\0';
		return r;
	}
	return 0;
}

static int start_servers(struct run *run)
{
	const struct options *o = &run->options;
	struct daemon_options d = {.program = o->revd, .parent = run->dir, .name = "revd"};
	int r = o->uri ? daemon_attach(&run->daemon, o->uri, &run->err)
		       : daemon_start(&run->daemon, &d, &run->err);

	if (r == 0 && o->peers) {
		r = peers_start(&run->peers, run->dir, &run->err);
	}
	return r;
}

static int make_plan(struct run *run)
{
	const struct options *o = &run->options;
	struct plan *p = &run->plan;
	int r;

	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		p->serves[i] = run->daemon.serves[i] && o->only[i];
	}
	p->attached = run->daemon.attached;
	p->can_split = run->machine.client_cpu != run->machine.server_cpu;
	p->rate = o->rate;
	r = o->quick ? plan_quick(p) : plan_standard(p);
	r = r < 0 || !o->peers ? r : plan_peers(p);
	return r < 0 ? bench_fail(&run->err, r, "out of memory") : 0;
}

static int measure(struct run *run)
{
	struct rounds rounds = {
		.rounds = run->options.rounds,
		.slice_ns = run->options.slice_ns,
		.dir = run->dir,
		.machine = &run->machine,
		.daemon = &run->daemon,
		.peers = run->options.peers ? &run->peers : NULL,
		.progress = &run->progress,
		.stop = &stop,
	};
	int r = 0;

	progress_init(&run->progress, run->options.quiet, rounds.slice_ns,
		plan_slices(&run->plan, rounds.rounds));
	machine_keep_awake(&run->machine);
	for (size_t i = 0; i < run->plan.n && r == 0; i++) {
		r = rounds_run(&rounds, run->plan.groups[i], &run->err);
	}
	for (size_t i = 0; i < run->machine.n_loops; i++) {
		if (!proc_alive(&run->machine.loops[i])) {
			machine_note(&run->machine, "a core could not be kept awake");
			run->machine.awake = false;
		}
	}
	progress_end(&run->progress);
	return r;
}

static int write_file(const char *path, void (*write)(FILE *, const struct results *),
	const struct results *results)
{
	FILE *f = path ? fopen(path, "we") : NULL;
	int r = 0;

	if (!path) {
		return 0;
	}
	if (f) {
		write(f, results);
		r = ferror(f) ? -EIO : 0;
	}
	if (!f || fclose(f) != 0) {
		r = -errno;
	}
	if (r < 0) {
		log_error("%s: %s", path, strerror(-r));
	}
	return r;
}

static int report(struct run *run, int result)
{
	struct results results = {
		.machine = &run->machine,
		.plan = &run->plan,
		.verdict = &run->verdict,
		.rounds = run->options.rounds,
		.slice_ns = run->options.slice_ns,
		.revd_version = run->daemon.version,
		.command = run->options.command,
		.error = result < 0 ? run->err.msg : NULL,
	};
	int r;

	verdict_make(&run->verdict, &run->plan);
	out_table(stdout, &results);
	out_verdict(stdout, &results);
	fflush(stdout);
	r = write_file(run->options.json, out_json, &results);
	if (write_file(run->options.html, out_html, &results) < 0) {
		r = -EIO;
	}
	return r;
}

static void clean_up(struct run *run)
{
	machine_let_sleep(&run->machine);
	peers_stop(&run->peers);
	daemon_stop(&run->daemon);
	plan_finish(&run->plan);
	for (int i = 0; run->dir[0] && i < BENCH_TRANSPORTS; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/floor-%s", run->dir,
			bench_transport_key((enum bench_transport)i));
		unlink(path);
	}
	if (run->dir[0] && rmdir(run->dir) < 0) {
		log_warning("%s stays behind: %s", run->dir, strerror(errno));
	}
}

static int run_all(struct run *run)
{
	int r = make_dir(run), written;

	machine_init(&run->machine);
	r = r < 0 ? r : start_servers(run);
	r = r < 0 ? r : make_plan(run);
	if (r == 0) {
		r = measure(run);
		written = report(run, r);
		r = r < 0 ? r : written;
	}
	return r;
}

int main(int argc, char **argv)
{
	struct run *run;
	int r;

	log_init("revbench");
	run = calloc(1, sizeof(*run));
	if (!run) {
		log_error("out of memory");
		return EXIT_FAILURE;
	}
	r = options_parse(&run->options, argc, argv);
	if (r >= 0) {
		free(run);
		return r;
	}
	r = set_up_process();
	r = r < 0 ? r : run_all(run);
	clean_up(run);
	if (r < 0) {
		log_error("%s", run->err.msg[0] ? run->err.msg : strerror(-r));
	}
	options_finish(&run->options);
	free(run);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
