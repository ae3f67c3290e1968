/* The command line of revbench. */
#pragma once

#include "bench/bench.h"

struct bench_options {
	const char *uri; /* of a daemon that runs; NULL: start one */
	const char *json, *html, *svg;
	const char *revd;    /* program to start */
	const char *plugins; /* where its plugins are; NULL: where they are installed */
	bool only[BENCH_TRANSPORTS];
	bool quick, rivals, raise, quiet;
	unsigned rounds, rate;
	uint64_t slice_ns;
	bool custom; /* one load only, which is: */
	struct bench_load load;
	char revd_path[512];
	char *command; /* all of the command line, to show how to repeat it */
};

/* A negative result means: go on. Else it is the exit code: after --help, --version,
 * or (64) a usage error. */
int bench_options_parse(struct bench_options *, int argc, char **argv) MUST_CHECK;
void bench_options_finish(struct bench_options *);
