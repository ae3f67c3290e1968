#include "revc/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util/quote.h"
#include "util/cli.h"
#include "util/num.h"

enum {
	OPTION_TIMEOUT = CLI_LONG,
	OPTION_JSON,
	OPTION_PING,
	OPTION_INFO,
	OPTION_STATS,
	OPTION_ALL,
	OPTION_PEERS,
	OPTION_TOP,
	OPTION_DOCTOR,
	OPTION_METRICS,
	OPTION_HTTP,
};

static const struct cli_option table[] = {
	{"endpoint", 'e', "URI",
		"Ask there: uds:PATH, shm:PATH, fifo:PATH, pty:PATH, mqueue:/NAME or "
		"nats://HOST/SUBJECT"},
	{"file", 'f', "FILE", "Each line of FILE and of the files behind it; - is standard input"},
	{"ping", OPTION_PING, NULL, "Measure a round trip"},
	{"count", 'c', "N", "With --ping: so many, one after another"},
	{"info", OPTION_INFO, NULL, "What answers there: program, service, limits"},
	{"stats", OPTION_STATS, NULL, "Requests, errors, clients and latencies of each endpoint"},
	{"peers", OPTION_PEERS, NULL, "Who is connected, for root and the daemon's own user"},
	{"top", OPTION_TOP, NULL, "Rates and latencies of each endpoint, live; q ends it"},
	{"doctor", OPTION_DOCTOR, NULL,
		"What is wrong with the daemon and its names, and what mends it"},
	{"metrics", OPTION_METRICS, NULL, "The daemon's counters, as Prometheus reads them"},
	{"http", OPTION_HTTP, NULL, "With --metrics: answer an HTTP request on standard input"},
	{"all", OPTION_ALL, NULL, "Ask every endpoint of the daemon that serves there"},
	{"json", OPTION_JSON, NULL, "Print JSON, one object a line"},
	{"timeout", OPTION_TIMEOUT, "TIME",
		"Give up after so long without an answer (default 10s)"},
	{"version", 'V', NULL, "Print the version"},
	{"help", 'h', NULL, "Print this"},
	{0},
};

static const struct cli cli = {.program = "revc", .options = table, .help_column = 22};

void arguments_help(void)
{
	(void)fputs("Usage: revc [-e URI] [STRING...]\n"
		    "       revc [-e URI] -f FILE...\n"
		    "       revc [-e URI] --ping [-c N] | --info | --stats\n"
		    "       revc [-e URI] --peers | --top | --doctor | --metrics [--http]\n"
		    "       revc [-e URI] --all [STRING]\n"
		    "Sends strings to revd and prints the replies, one a line. Without STRING: the "
		    "lines\n"
		    "of standard input, or from a terminal a prompt.\n\n",
		stdout);
	cli_print_options(&cli);
	(void)fputs("\nWithout -e: $REVD_ENDPOINT, or the first of /run/revd/revd.sock and\n"
		    "$XDG_RUNTIME_DIR/revd/revd.sock that exists. See revc(1).\n",
		stdout);
}

static int set_uri(struct arguments *o, const char *uri)
{
	struct revc_err err;

	if (!revc_uri_check(uri, &err)) {
		(void)fprintf(stderr, "revc: %s\n", err.text);
		return -EINVAL;
	}
	(void)snprintf(o->uri, sizeof(o->uri), "%s", uri);
	return 0;
}

static int set_timeout(struct arguments *o, const char *text)
{
	char shown[64];
	int r = num_parse_time(text, &o->session.timeout_us);

	if (r < 0 || o->session.timeout_us == 0 ||
		o->session.timeout_us > UINT32_MAX * UINT64_C(1000)) {
		(void)fprintf(stderr, "revc: '%s' is no time%s: 500ms, 10s, 2min\n",
			quote_text(text, strlen(text), shown, sizeof(shown)),
			r == -ENOMSG ? ", its unit is missing" : "");
		return -EINVAL;
	}
	return 0;
}

static int set_count(struct arguments *o, const char *text)
{
	char shown[64];
	uint64_t n;

	/* -c FILE of earlier versions: it is asked where its endpoints are */
	if (num_parse_uint(text, &n) < 0 || n == 0 || n > UINT32_MAX) {
		(void)fprintf(stderr,
			"revc: -c: '%s' is no number of pings; --all asks the daemon at -e\n",
			quote_text(text, strlen(text), shown, sizeof(shown)));
		return -EINVAL;
	}
	o->count = (uint32_t)n;
	return 0;
}

static int set_mode(struct arguments *o, enum arguments_mode mode)
{
	if (o->mode != MODE_TEXTS && o->mode != mode) {
		(void)fputs("revc: only one of --ping, --info, --stats, --peers, --top, --doctor, "
			    "--metrics and --all\n",
			stderr);
		return -EINVAL;
	}
	o->mode = mode;
	return 0;
}

/* -f A -f B C: the files A, B and C. Room for them is in ->owned. */
static int add_file(struct arguments *o, char *name)
{
	o->files = true;
	o->owned[o->n++] = name;
	return 0;
}

static enum arguments_mode mode_of(int key)
{
	switch (key) {
	case OPTION_PING:
		return MODE_PING;
	case OPTION_INFO:
		return MODE_INFO;
	case OPTION_STATS:
		return MODE_STATS;
	case OPTION_PEERS:
		return MODE_PEERS;
	case OPTION_TOP:
		return MODE_TOP;
	case OPTION_DOCTOR:
		return MODE_DOCTOR;
	case OPTION_METRICS:
		return MODE_METRICS;
	default:
		return MODE_ALL;
	}
}

static int apply(struct arguments *o, int key)
{
	switch (key) {
	case 'e':
		return set_uri(o, optarg);
	case 'f':
		return add_file(o, optarg);
	case 'c':
		return set_count(o, optarg);
	case 'h':
		o->mode = MODE_HELP;
		return 0;
	case 'V':
		o->mode = MODE_VERSION;
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_TIMEOUT:
		return set_timeout(o, optarg);
	case OPTION_HTTP:
		o->http = true;
		return 0;
	default:
		return set_mode(o, mode_of(key));
	}
}

static int judge(struct arguments *o)
{
	bool asks = o->mode != MODE_TEXTS && o->mode != MODE_ALL && o->mode != MODE_HELP &&
		    o->mode != MODE_VERSION;

	if (o->count > 0 && o->mode != MODE_PING) {
		(void)fputs("revc: -c goes with --ping\n", stderr);
		return -EINVAL;
	}
	if (o->http && o->mode != MODE_METRICS) {
		(void)fputs("revc: --http goes with --metrics\n", stderr);
		return -EINVAL;
	}
	if (asks && o->n > 0) {
		(void)fputs("revc: strings are for requests and --all; this option takes none\n",
			stderr);
		return -EINVAL;
	}
	if (o->mode == MODE_ALL && (o->n > 1 || o->files)) {
		(void)fputs("revc: --all takes one string at most, and no files\n", stderr);
		return -EINVAL;
	}
	o->counted = o->count > 0;
	o->count = MAX(o->count, 1u);
	return 0;
}

int arguments_parse(struct arguments *o, int argc, char **argv)
{
	int key, r = 0;

	*o = (struct arguments){0};
	o->owned = calloc((size_t)argc + 1, sizeof(*o->owned));
	if (!o->owned) {
		(void)fputs("revc: out of memory\n", stderr);
		return -EINVAL;
	}
	while (r == 0 && (key = cli_next(&cli, argc, argv)) >= 0) {
		r = key == '?' ? -EINVAL : apply(o, key);
	}
	for (int i = optind; r == 0 && i < argc; i++) {
		o->owned[o->n++] = argv[i];
	}
	o->operands = o->owned;
	if (r == 0 && !o->uri[0]) {
		revc_uri_default(o->uri);
	}
	return r < 0 ? r : judge(o);
}

void arguments_finish(struct arguments *o)
{
	free(o->owned);
	*o = (struct arguments){0};
}
