#include "load/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util/cli.h"
#include "util/num.h"

#define NS_PER_US 1000u

enum {
	OPT_CLIENTS = CLI_LONG,
	OPT_DEPTH,
	OPT_REQUESTS,
	OPT_EVENT,
	OPT_EVERY,
	OPT_PATIENCE,
	OPT_QUIET,
	OPT_PAUSE,
	OPT_LOSE,
	OPT_WHOLE,
	OPT_JSON
};

static const struct cli_option table[] = {
	{"clients", OPT_CLIENTS, "N", "clients of each way that says nothing else (2)"},
	{"depth", OPT_DEPTH, "N", "requests that each has under way (64)"},
	{"requests", OPT_REQUESTS, "N", "end after so many in sum, and all events (100000)"},
	{"event", OPT_EVENT, "'N COMMAND'", "run that N times meanwhile; may be given again"},
	{"every", OPT_EVERY, "TIME", "between two events (1s)"},
	{"patience", OPT_PATIENCE, "TIME", "no reply for so long: a request is lost (20s)"},
	{"quiet", OPT_QUIET, "TIME", "how long to wait for replies at the end (20s)"},
	{"pause-max", OPT_PAUSE, "TIME", "fail if the p99 of the events' pauses is longer"},
	{"may-lose", OPT_LOSE, NULL, "losses and broken connections are counted, and no failure"},
	{"whole", OPT_WHOLE, NULL, "no fragments over ways that clients share"},
	{"json", OPT_JSON, "FILE", "write the report to a file, too"},
	{"help", 'h', NULL, "this text"},
	{0},
};

static const struct cli cli = {.program = "revload", .options = table, .help_column = 24};

static void print_help(void)
{
	puts("usage: revload [OPTION...] [NAME:]KIND[-frames][*CLIENTS]=ADDRESS...\n\n"
	     "Keeps a daemon busy over all of these ways at once, and counts what is lost, comes "
	     "twice,\n"
	     "or goes to somebody else. KIND is uds, seqpacket, shm, fifo, mqueue, pty, or revc, "
	     "which\n"
	     "runs $REVC (ADDRESS is a URI then) and sees what that makes of it. Exit status: 0 "
	     "if\n"
	     "nothing was wrong, 1 if something was, 64 if the command line is.\n");
	cli_print_options(&cli);
}

static int bad(const char *what, const char *arg)
{
	fprintf(stderr, "revload: %s: '%s'\n", what, arg);
	return -1;
}

static int parse_time(const char *s, uint64_t *ret)
{
	if (num_parse_time(s, ret) < 0) {
		return bad("not a time such as 3s", s);
	}
	*ret *= NS_PER_US;
	return 0;
}

static int parse_count(const char *s, uint64_t max, uint64_t *ret)
{
	return num_parse_uint(s, ret) < 0 || *ret < 1 || *ret > max
		       ? bad("not a number that makes sense", s)
		       : 0;
}

static int parse_event(struct events *es, const char *arg)
{
	char *end;
	uint64_t n = strtoull(arg, &end, 10);

	if (end == arg || *end != ' ' || n == 0) {
		return bad("an event is a number, a blank and a command", arg);
	}
	if (es->n == EVENTS_MAX) {
		return bad("too many events", arg);
	}
	es->list[es->n++] = (struct event){.count = n, .command = end + 1};
	return 0;
}

static int parse_option(struct options *o, int key)
{
	switch (key) {
	case OPT_CLIENTS:
		return parse_count(optarg, 1000, &o->clients);
	case OPT_DEPTH:
		return parse_count(optarg, 2048, &o->depth);
	case OPT_REQUESTS:
		return parse_count(optarg, UINT64_MAX, &o->requests);
	case OPT_EVENT:
		return parse_event(&o->events, optarg);
	case OPT_EVERY:
		return parse_time(optarg, &o->events.every);
	case OPT_PATIENCE:
		return parse_time(optarg, &o->patience);
	case OPT_QUIET:
		return parse_time(optarg, &o->quiet);
	case OPT_PAUSE:
		return parse_time(optarg, &o->pause_max);
	case OPT_LOSE:
		o->may_lose = true;
		return 0;
	case OPT_WHOLE:
		o->whole = true;
		return 0;
	case OPT_JSON:
		o->json = optarg;
		return 0;
	case 'h':
		print_help();
		return 1;
	default:
		return -1;
	}
}

static bool ends_with(const char *s, size_t *n, const char *end)
{
	size_t k = strlen(end);

	if (*n < k || memcmp(s + *n - k, end, k) != 0) {
		return false;
	}
	*n -= k;
	return true;
}

/* Takes "*CLIENTS" away from the end. */
static bool take_clients(const char *s, size_t *n, unsigned *ret)
{
	const char *star = memchr(s, '*', *n);

	if (star) {
		*ret = (unsigned)strtoul(star + 1, NULL, 10);
		*n = (size_t)(star - s);
	}
	return *ret >= 1 && *ret <= 1000;
}

static int parse_way(struct options *o, char *arg)
{
	struct way *w = &o->ways[o->n_ways];
	char *eq = strchr(arg, '='), *colon = eq ? memchr(arg, ':', (size_t)(eq - arg)) : NULL;
	char *kind = colon ? colon + 1 : arg;
	size_t n = eq ? (size_t)(eq - kind) : 0;

	if (!eq || o->n_ways == WAYS_MAX) {
		return bad(eq ? "too many ways" : "not KIND=ADDRESS", arg);
	}
	w->clients = (unsigned)o->clients;
	if (!take_clients(kind, &n, &w->clients)) {
		return bad("not a number of clients", arg);
	}
	snprintf(
		w->name, sizeof(w->name), "%.*s", (int)(colon ? colon - arg : kind + n - arg), arg);
	w->lines = !ends_with(kind, &n, "-frames");
	ends_with(kind, &n, "-lines");
	w->kind = wire_find(kind, n);
	w->address = eq + 1;
	if (!w->kind) {
		return bad("no kind of way is called that", arg);
	}
	/* Replies to lines come to whoever reads first. */
	w->clients = w->lines && w->kind->shared ? 1 : w->clients;
	o->n_ways++;
	return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int key, r = 0;

	*o = (struct options){.clients = 2, .depth = 64, .requests = 100000};
	o->events.every = UINT64_C(1000000000);
	o->patience = o->quiet = UINT64_C(20000000000);
	while (r == 0 && (key = cli_next(&cli, argc, argv)) != -1) {
		r = parse_option(o, key);
	}
	for (int i = optind; r == 0 && i < argc; i++) {
		r = parse_way(o, argv[i]);
	}
	return r != 0 ? r : o->n_ways == 0 ? bad("no way is named", "see --help") : 0;
}
