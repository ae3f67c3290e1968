#include "bench/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench/idle.h"
#include "bench/out.h"
#include "bench/progress.h"
#include "bench/rounds.h"
#include "bench/targets.h"
#include "bench/verdict.h"
#include "util/log.h"

struct run {
	const struct options *options;
	const volatile sig_atomic_t *stop;
	struct machine machine;
	struct daemon daemon;
	struct daemon spinning; /* without a process where nothing is asked of it, or revd can't */
	struct peers peers;
	struct plan plan;
	struct progress progress;
	struct verdict verdict;
	struct targets_idle idle;
	bool idle_known;
	struct rv_err err;
	char dir[64];
};

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
	const struct options *o = run->options;
	struct daemon_options d = {.program = o->revd, .parent = run->dir, .name = "revd"};
	int r = o->uri ? daemon_attach(&run->daemon, o->uri, &run->err)
		       : daemon_start(&run->daemon, &d, &run->err);

	if (r == 0 && run->daemon.note[0]) {
		machine_note(&run->machine, "%s", run->daemon.note);
	}
	if (r == 0 && !o->uri && (o->targets || !(o->custom || o->quick))) {
		struct rv_err unknown; /* a revd without `spin` refuses its configuration */

		d.name = "spin";
		d.spin = BENCH_SPIN_TIME;
		(void)!daemon_start(&run->spinning, &d, &unknown);
	}
	if (r == 0 && o->peers) {
		r = peers_start(&run->peers, run->dir, &run->err);
	}
	return r;
}

static int make_plan(struct run *run)
{
	const struct options *o = run->options;
	struct plan *p = &run->plan;
	bool any = false;
	int r;

	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		p->serves[i] = run->daemon.serves[i] && o->only[i];
		any |= p->serves[i];
	}
	if (!any) {
		return bench_fail(&run->err, -EINVAL, "--only leaves nothing that is served");
	}
	p->spins = run->spinning.proc.pid > 0;
	p->attached = run->daemon.attached;
	p->can_split = run->machine.client_cpu != run->machine.server_cpu;
	p->rate = o->rate;
	if (o->targets) {
		r = targets_plan(p);
	} else {
		r = o->custom  ? plan_custom(p, &o->load)
		    : o->quick ? plan_quick(p)
			       : plan_standard(p);
		r = r < 0 || !o->peers ? r : plan_peers(p);
	}
	return r < 0 ? bench_fail(&run->err, r, "out of memory") : 0;
}

static int measure(struct run *run)
{
	struct rounds rounds = {
		.rounds = run->options->rounds,
		.slice_ns = run->options->slice_ns,
		.dir = run->dir,
		.machine = &run->machine,
		.daemon = &run->daemon,
		.spinning = run->spinning.proc.pid > 0 ? &run->spinning : NULL,
		.peers = run->options->peers ? &run->peers : NULL,
		.progress = &run->progress,
		.stop = run->stop,
	};
	int r = 0;

	progress_init(&run->progress, run->options->quiet, rounds.slice_ns,
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

/* What needs a machine at rest, so without the loops that keep it awake. */
static int measure_idle(struct run *run)
{
	struct daemon_options d = {.program = run->options->revd, .parent = run->dir};
	int r;

	if (!run->options->targets || run->options->uri) {
		return 0;
	}
	machine_let_sleep(&run->machine);
	run->idle.spins = run->spinning.proc.pid > 0;
	if (run->idle.spins) {
		run->idle.spin_cpu = idle_cpu_share(&run->spinning);
	}
	r = idle_measure(&run->idle.idle, &d, &run->err);
	run->idle_known = r == 0;
	return r;
}

static int report(struct run *run, int result)
{
	struct results results = {
		.machine = &run->machine,
		.plan = &run->plan,
		.verdict = &run->verdict,
		.rounds = run->options->rounds,
		.slice_ns = run->options->slice_ns,
		.revd_version = run->daemon.version,
		.command = run->options->command,
		.error = result < 0 ? run->err.msg : NULL,
	};
	const struct {
		const char *path;
		void (*write)(FILE *, const struct results *);
	} files[] = {
		{run->options->json, out_json},
		{run->options->html, out_html},
		{run->options->svg, out_svg},
	};
	unsigned missed = 0;
	int r = 0;

	verdict_make(&run->verdict, &run->plan);
	out_table(stdout, &results);
	if (run->options->targets) {
		missed = targets_report(stdout, &run->plan, run->idle_known ? &run->idle : NULL);
	} else {
		out_verdict(stdout, &results);
	}
	fflush(stdout);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (write_file(files[i].path, files[i].write, &results) < 0) {
			r = -EIO;
		}
	}
	return r < 0 ? r : missed > 0;
}

static void clean_up(struct run *run)
{
	machine_finish(&run->machine);
	peers_stop(&run->peers);
	daemon_stop(&run->spinning);
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

static int run_steps(struct run *run)
{
	int r = make_dir(run), written;

	machine_init(&run->machine);
	if (run->options->raise) {
		machine_raise(&run->machine);
	}
	r = r < 0 ? r : start_servers(run);
	r = r < 0 ? r : make_plan(run);
	if (r < 0) {
		return r;
	}
	r = measure(run);
	r = r < 0 ? r : measure_idle(run);
	written = report(run, r);
	return r < 0 ? r : written;
}

int run_all(const struct options *o, const volatile sig_atomic_t *stop)
{
	struct run *run = calloc(1, sizeof(*run));
	int r = -ENOMEM;

	if (run) {
		run->options = o;
		run->stop = stop;
		r = run_steps(run);
	}
	if (r < 0) {
		log_error("%s", run && run->err.msg[0] ? run->err.msg : strerror(-r));
	}
	if (run) {
		clean_up(run);
	}
	free(run);
	return r;
}
