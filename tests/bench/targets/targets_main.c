/*
 * targets [-R] [-r ROUNDS] [-s SLICE] REVD
 *
 * Measures the performance targets of the project, P1 to P10, with the engine of
 * revbench, and prints for each what was wanted, the median, the range, and whether it
 * was met. Exit status: 1 if one was missed, 64 if the words above were not understood.
 * What needs a server that is not installed counts as neither. -R as revbench --raise.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include "bench/report.h"
#include "bench/rounds.h"
#include "targets/targets.h"
#include "util/log.h"
#include "util/num.h"
#include "util/process.h"

struct run {
	struct testbed_options wanted;
	struct rounds rounds;
	struct testbed bed;
	struct plan plan;
	struct targets_idle idle;
	struct rv_err err;
};

static int parse(struct run *run, int argc, char **argv)
{
	uint64_t rounds = 5, slice_us = 200000;
	int c, r = 0;

	while (r == 0 && (c = getopt(argc, argv, "Rr:s:")) != -1) {
		switch (c) {
		case 'R':
			run->wanted.raise = true;
			break;
		case 'r':
			r = num_parse_uint(optarg, &rounds);
			break;
		case 's':
			r = num_parse_time(optarg, &slice_us);
			break;
		default:
			r = -EINVAL;
			break;
		}
	}
	if (r < 0 || optind != argc - 1 || rounds < 1 || rounds > BENCH_ROUNDS_MAX ||
		slice_us < 10000 || slice_us > 60000000) {
		return -EINVAL;
	}
	run->wanted.revd = argv[optind];
	run->wanted.spins = run->wanted.rivals = true;
	run->rounds.rounds = (unsigned)rounds;
	run->rounds.slice_ns = slice_us * 1000;
	return 0;
}

/* What needs a machine at rest, so without the loops that keep it awake. */
static int measure_idle(struct run *run)
{
	struct daemon_options d = {.program = run->wanted.revd, .parent = run->bed.dir};
	struct daemon *spinning = testbed_spinning(&run->bed);

	machine_let_sleep(&run->bed.machine);
	if (spinning) {
		run->idle.spins = true;
		run->idle.spin_cpu = idle_cpu_share(spinning);
	}
	return idle_measure(&run->idle.idle, &d, &run->err);
}

static int measure(struct run *run)
{
	struct report report = {
		.machine = &run->bed.machine,
		.plan = &run->plan,
		.rounds = run->rounds.rounds,
		.slice_ns = run->rounds.slice_ns,
		.revd_version = run->bed.daemon.version,
	};
	unsigned missed;
	int r;

	memcpy(run->plan.serves, run->bed.daemon.serves, sizeof(run->plan.serves));
	run->plan.can_split = run->bed.machine.client_cpu != run->bed.machine.server_cpu;
	r = targets_plan(&run->plan);
	r = r < 0 ? r : rounds_run(&run->rounds, &run->plan, &run->err);
	r = r < 0 ? r : measure_idle(run);
	report_table(stdout, &report);
	missed = targets_report(stdout, &run->plan, r == 0 ? &run->idle : NULL);
	fflush(stdout);
	return r < 0 ? r : missed > 0;
}

int main(int argc, char **argv)
{
	static struct run run;
	int r;

	process_init(PROCESS_TOOL);
	log_init("targets");
	if (parse(&run, argc, argv) < 0) {
		fputs("usage: targets [-R] [-r ROUNDS] [-s SLICE] REVD\n", stderr);
		return EX_USAGE;
	}
	run.rounds.bed = &run.bed;
	run.rounds.stop = testbed_prepare();
	r = run.rounds.stop ? testbed_open(&run.bed, &run.wanted, &run.err) : -errno;
	r = r < 0 ? r : measure(&run);
	if (r < 0) {
		log_error("%s", run.err.msg[0] ? run.err.msg : strerror(-r));
	}
	testbed_close(&run.bed);
	plan_finish(&run.plan);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
