#include "bench/bench_options.h"

#include <getopt.h>
#include <revd/quote.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "util/cli.h"
#include "util/log.h"
#include "util/num.h"
#include "util/program.h"

enum {
	OPTION_ONLY = CLI_LONG,
	OPTION_QUICK,
	OPTION_PEERS,
	OPTION_JSON,
	OPTION_HTML,
	OPTION_SVG,
	OPTION_SIZE,
	OPTION_IN_FLIGHT,
	OPTION_CLIENTS,
	OPTION_ROUNDS,
	OPTION_SLICE,
	OPTION_RATE,
	OPTION_RAISE,
	OPTION_REVD,
	OPTION_PLUGINS,
};

static const struct cli_option table[] = {
	{"endpoint", 'e', "URI", "Measure a daemon that runs, instead of starting one"},
	{"only", OPTION_ONLY, "NAME",
		"This transport alone: stream, seqpacket, shm, fifo, mqueue, nats; may be "
		"repeated"},
	{"quick", OPTION_QUICK, NULL, "A few seconds: 64 bytes, 1 and 64 in flight"},
	{"peers", OPTION_PEERS, NULL,
		"Also measure redis-server, memcached and libqb, where installed"},
	{"json", OPTION_JSON, "FILE", "Write every figure as JSON"},
	{"html", OPTION_HTML, "FILE", "Write a page with plots"},
	{"svg", OPTION_SVG, "FILE", "Write the plot of throughput alone"},
	{"size", OPTION_SIZE, "SIZE",
		"This load alone: bytes of a request, 16B to 1M (default 64B)"},
	{"in-flight", OPTION_IN_FLIGHT, "N", "The same: requests per client (default 1)"},
	{"clients", OPTION_CLIENTS, "N", "The same: clients (default 1)"},
	{"rounds", OPTION_ROUNDS, "N", "Rounds that are compared, 1 to 64 (default 5)"},
	{"slice", OPTION_SLICE, "TIME", "How long each is measured in a round (default 200ms)"},
	{"rate", OPTION_RATE, "N", "Requests/s of the load at fixed times (default 10000)"},
	{"raise", OPTION_RAISE, NULL,
		"Run before other programs, for machines that are not quiet (root)"},
	{"revd", OPTION_REVD, "PATH", "The daemon to start"},
	{"plugin-dir", OPTION_PLUGINS, "DIR", "Where its plugin for nats is, if not installed"},
	{"quiet", 'q', NULL, "No progress line"},
	{"version", 'V', NULL, "Print the version"},
	{"help", 'h', NULL, "Print this"},
	{0},
};

static const struct cli cli = {.program = "revbench", .options = table, .help_column = 20};

static int print_help(void)
{
	puts("Usage: revbench [OPTION...]\n"
	     "Measures what each local transport costs through revd, beside what bare programs\n"
	     "reach on this machine, and says which one to use.\n");
	cli_print_options(&cli);
	return EX_OK;
}

static int usage(const char *what, const char *value)
{
	char quoted[80];

	log_error("%s: %s", what, rv_quote(value, strlen(value), quoted, sizeof(quoted)));
	return EX_USAGE;
}

/* The first --only leaves that transport alone, each further one adds its own. */
static int parse_only(struct bench_options *o, const char *arg)
{
	enum bench_transport t;

	if (!bench_transport_parse(arg, &t)) {
		return usage("--only: no such transport", arg);
	}
	if (memchr(o->only, false, sizeof(o->only)) == NULL) {
		memset(o->only, 0, sizeof(o->only));
	}
	o->only[t] = true;
	return -1;
}

static int parse_slice(struct bench_options *o, const char *arg)
{
	uint64_t us;

	if (num_parse_time(arg, &us) < 0 || us < 10000 || us > 60000000) {
		return usage("--slice: a time from 10ms to 60s is needed, not", arg);
	}
	o->slice_ns = us * 1000;
	return -1;
}

static int parse_size(struct bench_options *o, const char *arg)
{
	uint64_t v;

	if (num_parse_size(arg, &v) < 0 || v < BENCH_SIZE_MIN || v > BENCH_SIZE_MAX) {
		return usage("--size: a size from 16B to 1M is needed, not", arg);
	}
	o->load.size = v;
	return -1;
}

/* Options that only set something. Numbers begin with 1. */
static const struct setting {
	int key;
	enum { FLAG, TEXT, NUMBER } kind;
	size_t at;
	const char *name;
	unsigned max;
} settings[] = {
	{'e', TEXT, offsetof(struct bench_options, uri)},
	{OPTION_JSON, TEXT, offsetof(struct bench_options, json)},
	{OPTION_HTML, TEXT, offsetof(struct bench_options, html)},
	{OPTION_SVG, TEXT, offsetof(struct bench_options, svg)},
	{OPTION_REVD, TEXT, offsetof(struct bench_options, revd)},
	{OPTION_PLUGINS, TEXT, offsetof(struct bench_options, plugins)},
	{OPTION_PEERS, FLAG, offsetof(struct bench_options, rivals)},
	{OPTION_QUICK, FLAG, offsetof(struct bench_options, quick)},
	{OPTION_RAISE, FLAG, offsetof(struct bench_options, raise)},
	{'q', FLAG, offsetof(struct bench_options, quiet)},
	{OPTION_ROUNDS, NUMBER, offsetof(struct bench_options, rounds), "--rounds",
		BENCH_ROUNDS_MAX},
	{OPTION_RATE, NUMBER, offsetof(struct bench_options, rate), "--rate", 1000000},
	{OPTION_IN_FLIGHT, NUMBER, offsetof(struct bench_options, load.window), "--in-flight",
		65536},
	{OPTION_CLIENTS, NUMBER, offsetof(struct bench_options, load.clients), "--clients",
		BENCH_CLIENTS_MAX},
};

static int set(const struct setting *s, void *at, const char *arg)
{
	uint64_t v;

	switch (s->kind) {
	case FLAG:
		*(bool *)at = true;
		return -1;
	case TEXT:
		*(const char **)at = arg;
		return -1;
	default:
		if (num_parse_uint(arg, &v) < 0 || v < 1 || v > s->max) {
			log_error("%s: a number from 1 to %u is needed", s->name, s->max);
			return EX_USAGE;
		}
		*(unsigned *)at = (unsigned)v;
		return -1;
	}
}

static int parse_one(struct bench_options *o, int key, const char *arg)
{
	o->custom |= key == OPTION_SIZE || key == OPTION_IN_FLIGHT || key == OPTION_CLIENTS;
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		if (settings[i].key == key) {
			return set(&settings[i], (char *)o + settings[i].at, arg);
		}
	}
	switch (key) {
	case OPTION_ONLY:
		return parse_only(o, arg);
	case OPTION_SLICE:
		return parse_slice(o, arg);
	case OPTION_SIZE:
		return parse_size(o, arg);
	case 'V':
		puts("revbench " REVD_VERSION);
		return EX_OK;
	case 'h':
		return print_help();
	default:
		return EX_USAGE; /* a sentence is out */
	}
}

static char *join_command(int argc, char **argv)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f) {
		return NULL;
	}
	fputs("revbench", f);
	for (int i = 1; i < argc; i++) {
		fprintf(f, " %s", argv[i]);
	}
	fclose(f);
	return text;
}

int bench_options_parse(struct bench_options *o, int argc, char **argv)
{
	int key, r = -1;

	memset(o, 0, sizeof(*o));
	o->rate = 10000;
	o->load = (struct bench_load){.size = 64, .clients = 1, .window = 1};
	memset(o->only, 1, sizeof(o->only));
	o->command = join_command(argc, argv); /* before getopt moves the words */
	while (r < 0 && (key = cli_next(&cli, argc, argv)) >= 0) {
		r = parse_one(o, key, optarg);
	}
	if (r < 0 && optind < argc) {
		r = usage("an argument too many", argv[optind]);
	}
	if (r < 0 && o->raise && o->uri) {
		log_error("--raise would raise the floor but not the daemon of --endpoint");
		r = EX_USAGE;
	}
	if (r >= 0) {
		bench_options_finish(o);
		return r;
	}
	o->rounds = o->rounds ? o->rounds : o->quick ? 3 : 5;
	o->slice_ns = o->slice_ns ? o->slice_ns : o->quick ? 100000000u : 200000000u;
	o->revd = o->revd ? o->revd
			  : program_find("revd", "daemon", o->revd_path, sizeof(o->revd_path));
	return -1;
}

void bench_options_finish(struct bench_options *o)
{
	free(o->command);
	o->command = NULL;
}
