/* revbench: which local transport, and why, on this machine; see revbench(1). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "bench/bench_options.h"
#include "bench/nats_floor.h"
#include "bench/report_file.h"
#include "bench/rounds.h"
#include "util/log.h"
#include "util/process.h"

enum { JSON, HTML, SVG, FILES };

struct run {
	struct bench_options options;
	struct testbed bed;
	struct plan plan;
	struct verdict verdict;
	struct report_file files[FILES];
	struct rv_err err;
};

static int open_files(struct run *run)
{
	const char *const paths[FILES] = {run->options.json, run->options.html, run->options.svg};
	int r = 0;

	for (size_t i = 0; i < FILES && r == 0; i++) {
		r = report_file_open(&run->files[i], paths[i], &run->err);
	}
	return r;
}

static int make_plan(struct run *run)
{
	const struct bench_options *o = &run->options;
	struct testbed *b = &run->bed;
	struct plan *p = &run->plan;
	bool any = false;
	int r;

	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		p->serves[i] = b->daemon.serves[i] && o->only[i];
		any |= p->serves[i];
	}
	if (!any) {
		return bench_fail(&run->err, -EINVAL, "--only leaves nothing that is served");
	}
	p->spins = testbed_spinning(b);
	p->attached = b->daemon.attached;
	p->can_split = b->machine.client_cpu != b->machine.server_cpu;
	p->rate = o->rate;
	r = o->custom ? plan_custom(p, &o->load) : o->quick ? plan_quick(p) : plan_standard(p);
	r = r < 0 || !o->rivals ? r : plan_rivals(p);
	return r < 0 ? bench_fail(&run->err, r, "out of memory") : 0;
}

static int fail(const struct run *run, int r)
{
	log_error("%s", run->err.msg[0] ? run->err.msg : strerror(-r));
	return r;
}

static int report(struct run *run, int result)
{
	static void (*const writers[FILES])(FILE *, const struct report *) = {
		report_json, report_html, report_svg};
	const struct report report = {
		.machine = &run->bed.machine,
		.plan = &run->plan,
		.verdict = &run->verdict,
		.rounds = run->options.rounds,
		.slice_ns = run->options.slice_ns,
		.revd_version = run->bed.daemon.version,
		.command = run->options.command,
		.error = result < 0 ? run->err.msg : NULL,
	};
	struct rv_err err;
	int r = 0;

	verdict_make(&run->verdict, &run->plan);
	report_table(stdout, &report);
	report_verdict(stdout, &report);
	if (fflush(stdout) != 0) {
		r = -errno;
		log_error("standard output: %s", strerror(errno));
	}
	for (size_t i = 0; i < FILES; i++) {
		int k = report_file_write(&run->files[i], writers[i], &report, &err);

		if (k < 0) {
			r = k;
			log_error("%s", err.msg);
		}
	}
	return r;
}

static int run_steps(struct run *run, const volatile sig_atomic_t *stop)
{
	const struct bench_options *o = &run->options;
	struct testbed_options bed = {
		.revd = o->revd,
		.uri = o->uri,
		.spins = !o->custom && !o->quick,
		.plugins = o->plugins,
		.nats = o->only[BENCH_NATS],
		.rivals = o->rivals,
		.raise = o->raise,
	};
	struct rounds rounds = {
		.rounds = o->rounds,
		.slice_ns = o->slice_ns,
		.bed = &run->bed,
		.quiet = o->quiet,
		.stop = stop,
	};
	int r = open_files(run), written;

	r = r < 0 ? r : testbed_open(&run->bed, &bed, &run->err);
	r = r < 0 ? r : make_plan(run);
	if (r < 0) {
		return fail(run, r);
	}
	r = rounds_run(&rounds, &run->plan, &run->err);
	written = report(run, r);
	return r < 0 ? fail(run, r) : written;
}

int main(int argc, char **argv)
{
	static struct run run;
	const volatile sig_atomic_t *stop;
	int r;

	process_init(PROCESS_TOOL);
	log_init("revbench");
	if (argc == 4 && strcmp(argv[1], NATS_FLOOR_OPTION) == 0) {
		return nats_floor_run(argv[2], argv[3]);
	}
	r = bench_options_parse(&run.options, argc, argv);
	if (r >= 0) {
		return r;
	}
	stop = testbed_prepare();
	r = stop ? run_steps(&run, stop) : fail(&run, -errno);
	testbed_close(&run.bed);
	plan_finish(&run.plan);
	for (size_t i = 0; i < FILES; i++) {
		report_file_finish(&run.files[i]);
	}
	bench_options_finish(&run.options);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
