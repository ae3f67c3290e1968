#include "bench/options.h"

#include <getopt.h>
#include <revd/quote.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "bench/daemon.h"
#include "util/log.h"
#include "util/num.h"

enum {
	OPT_JSON = 256,
	OPT_HTML,
	OPT_PEERS,
	OPT_QUICK,
	OPT_TARGETS,
	OPT_ONLY,
	OPT_ROUNDS,
	OPT_SLICE,
	OPT_RATE,
	OPT_REVD,
	OPT_SIZE,
	OPT_IN_FLIGHT,
	OPT_CLIENTS,
	OPT_RAISE,
	OPT_SVG
};

static const struct option long_options[] = {
	{"endpoint", required_argument, NULL, 'e'},
	{"json", required_argument, NULL, OPT_JSON},
	{"html", required_argument, NULL, OPT_HTML},
	{"svg", required_argument, NULL, OPT_SVG},
	{"peers", no_argument, NULL, OPT_PEERS},
	{"quick", no_argument, NULL, OPT_QUICK},
	{"targets", no_argument, NULL, OPT_TARGETS},
	{"only", required_argument, NULL, OPT_ONLY},
	{"rounds", required_argument, NULL, OPT_ROUNDS},
	{"slice", required_argument, NULL, OPT_SLICE},
	{"rate", required_argument, NULL, OPT_RATE},
	{"size", required_argument, NULL, OPT_SIZE},
	{"in-flight", required_argument, NULL, OPT_IN_FLIGHT},
	{"clients", required_argument, NULL, OPT_CLIENTS},
	{"revd", required_argument, NULL, OPT_REVD},
	{"raise", no_argument, NULL, OPT_RAISE},
	{"quiet", no_argument, NULL, 'q'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static const char help[] =
	"Usage: revbench [OPTION...]\n"
	"Measures what each local transport costs through revd, beside what bare programs\n"
	"reach on this machine, and says which one to use.\n"
	"\n"
	"  -e, --endpoint URI   measure a daemon that runs, instead of starting one\n"
	"      --only NAME      this transport alone: stream, seqpacket, fifo, mqueue; may be "
	"repeated\n"
	"      --quick          a few seconds: 64 bytes, 1 and 64 in flight\n"
	"      --peers          also measure redis-server and memcached, where installed\n"
	"      --targets        check the performance targets of the project\n"
	"      --json FILE      write every figure as JSON\n"
	"      --html FILE      write a page with plots\n"
	"      --size SIZE      this load alone: bytes of a request, 16B to 1M (default 64B),\n"
	"      --in-flight N    requests in flight per client (default 1),\n"
	"      --clients N      clients (default 1)\n"
	"      --svg FILE       write the plot of throughput alone\n"
	"      --rounds N       rounds that are compared, 1 to 64 (default 5)\n"
	"      --slice TIME     how long each is measured in a round (default 200ms)\n"
	"      --rate N         requests/s of the load at fixed times (default 10000)\n"
	"      --raise          run before other programs, for machines that are not quiet (root)\n"
	"      --revd PATH      the daemon to start\n"
	"  -q, --quiet          no progress line\n"
	"  -V, --version        print the version\n"
	"  -h, --help           print this\n";

static int usage(const char *what, const char *value)
{
	char quoted[80];

	if (what) {
		log_error("%s: %s", what, rv_quote(value, strlen(value), quoted, sizeof(quoted)));
	}
	fputs("Try 'revbench --help'.\n", stderr);
	return EX_USAGE;
}

static int parse_only(struct options *o, const char *arg, bool *first)
{
	enum bench_transport t;

	if (!bench_transport_parse(arg, &t)) {
		return usage("--only: no such transport", arg);
	}
	if (*first) {
		memset(o->only, 0, sizeof(o->only));
		*first = false;
	}
	o->only[t] = true;
	return -1;
}

static int parse_number(
	const char *name, const char *arg, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v;

	if (num_parse_uint(arg, &v) < 0 || v < min || v > max) {
		log_error("%s: a number from %llu to %llu is needed", name, (unsigned long long)min,
			(unsigned long long)max);
		return EX_USAGE;
	}
	*ret = v;
	return -1;
}

static int parse_slice(struct options *o, const char *arg)
{
	uint64_t us;

	if (num_parse_time(arg, &us) < 0 || us < 10000 || us > 60000000) {
		return usage("--slice: a time from 10ms to 60s is needed, not", arg);
	}
	o->slice_ns = us * 1000;
	return -1;
}

/* Options of a load of one's own. */
static int parse_load(struct options *o, int c, const char *arg)
{
	uint64_t v = 0;
	int r = -1;

	o->custom = true;
	switch (c) {
	case OPT_SIZE:
		if (num_parse_size(arg, &v) < 0 || v < BENCH_SIZE_MIN || v > BENCH_SIZE_MAX) {
			return usage("--size: a size from 16B to 1M is needed, not", arg);
		}
		o->load.size = v;
		break;
	case OPT_IN_FLIGHT:
		r = parse_number("--in-flight", arg, 1, 65536, &v);
		o->load.window = (unsigned)v;
		break;
	default:
		r = parse_number("--clients", arg, 1, BENCH_CLIENTS_MAX, &v);
		o->load.clients = (unsigned)v;
		break;
	}
	return r;
}

/* Options without an argument. */
static int parse_flag(struct options *o, int c)
{
	switch (c) {
	case OPT_PEERS:
		o->peers = true;
		return -1;
	case OPT_QUICK:
		o->quick = true;
		return -1;
	case OPT_TARGETS:
		o->targets = o->peers = true;
		return -1;
	case OPT_RAISE:
		o->raise = true;
		return -1;
	case 'q':
		o->quiet = true;
		return -1;
	case 'V':
		puts("revbench " REVD_VERSION);
		return EX_OK;
	case 'h':
		fputs(help, stdout);
		return EX_OK;
	default:
		return usage(NULL, NULL);
	}
}

static int parse_one(struct options *o, int c, const char *arg, bool *first_only)
{
	uint64_t v = 0;
	int r = -1;

	switch (c) {
	case 'e':
		o->uri = arg;
		break;
	case OPT_JSON:
		o->json = arg;
		break;
	case OPT_HTML:
		o->html = arg;
		break;
	case OPT_SVG:
		o->svg = arg;
		break;
	case OPT_REVD:
		o->revd = arg;
		break;
	case OPT_ONLY:
		return parse_only(o, arg, first_only);
	case OPT_SLICE:
		return parse_slice(o, arg);
	case OPT_SIZE:
	case OPT_IN_FLIGHT:
	case OPT_CLIENTS:
		return parse_load(o, c, arg);
	case OPT_ROUNDS:
		r = parse_number("--rounds", arg, 1, BENCH_ROUNDS_MAX, &v);
		o->rounds = (unsigned)v;
		break;
	case OPT_RATE:
		r = parse_number("--rate", arg, 1, 1000000, &v);
		o->rate = (double)v;
		break;
	default:
		return parse_flag(o, c);
	}
	return r;
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

int options_parse(struct options *o, int argc, char **argv)
{
	bool first_only = true;
	int c, r = -1;

	memset(o, 0, sizeof(*o));
	o->rate = 10000;
	o->load = (struct bench_load){.size = 64, .clients = 1, .window = 1};
	memset(o->only, 1, sizeof(o->only));
	o->command = join_command(argc, argv); /* before getopt moves the words */
	while (r < 0 && (c = getopt_long(argc, argv, "e:qVh", long_options, NULL)) != -1) {
		r = parse_one(o, c, optarg, &first_only);
	}
	if (r < 0 && optind < argc) {
		r = usage("an argument too many", argv[optind]);
	}
	if (r < 0 && o->raise && o->uri) {
		log_error("--raise would raise the floor but not the daemon of --endpoint");
		r = EX_USAGE;
	}
	if (r >= 0) {
		options_finish(o);
		return r;
	}
	o->rounds = o->rounds ? o->rounds : o->quick ? 3 : 5;
	o->slice_ns = o->slice_ns ? o->slice_ns : o->quick ? 100000000u : 200000000u;
	if (!o->revd) {
		o->revd = daemon_find_program(o->revd_path, sizeof(o->revd_path));
	}
	return -1;
}

void options_finish(struct options *o)
{
	free(o->command);
	o->command = NULL;
}
