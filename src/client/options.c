#include "client/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/escape.h"
#include "config/suggest.h"
#include "util/num.h"

enum {
	OPTION_TIMEOUT = 256,
	OPTION_JSON,
	OPTION_PING,
	OPTION_INFO,
	OPTION_STATS,
	OPTION_ALL,
	OPTION_VERSION,
};

struct row {
	const char *name;
	int key; /* the short option, or one of the above */
	const char *arg;
	const char *help;
};

static const struct row rows[] = {
	{"endpoint", 'e', "URI", "Ask there: uds:PATH, fifo:PATH or mqueue:/NAME"},
	{"file", 'f', "FILE", "Each line of FILE and of the files behind it; - is standard input"},
	{"ping", OPTION_PING, NULL, "Measure one round trip"},
	{"info", OPTION_INFO, NULL, "What answers there: program, service, limits"},
	{"stats", OPTION_STATS, NULL, "The daemon's counters and latencies"},
	{"all", OPTION_ALL, NULL, "Ask every endpoint of the configuration"},
	{"config", 'c', "FILE", "With --all: the configuration"},
	{"json", OPTION_JSON, NULL, "Print JSON, one object a line"},
	{"timeout", OPTION_TIMEOUT, "TIME",
		"Give up after so long without an answer (default 10s)"},
	{"version", OPTION_VERSION, NULL, "Print the version"},
	{"help", 'h', NULL, "Print this"},
};

void options_help(void)
{
	(void)fputs("Usage: revc [-e URI] [STRING...]\n"
		    "       revc [-e URI] -f FILE...\n"
		    "       revc [-e URI] --ping | --info | --stats\n"
		    "       revc --all [-c FILE] [STRING]\n"
		    "Sends strings to revd and prints the replies, one a line. Without STRING: the "
		    "lines\n"
		    "of standard input, or from a terminal a prompt.\n\n",
		stdout);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char left[40], form[8] = "    ";

		if (rows[i].key < 256) {
			(void)snprintf(form, sizeof(form), "-%c, ", rows[i].key);
		}
		(void)snprintf(left, sizeof(left), "%s--%s%s%s", form, rows[i].name,
			rows[i].arg ? " " : "", rows[i].arg ? rows[i].arg : "");
		(void)printf("  %-22s  %s\n", left, rows[i].help);
	}
	(void)fputs("\nWithout -e: $REVD_ENDPOINT, or the first of /run/revd/revd.sock and\n"
		    "$XDG_RUNTIME_DIR/revd/revd.sock that exists. See revc(1).\n",
		stdout);
}

static void suggest_option(const char *typed, char *buf)
{
	struct suggest s;

	suggest_init(&s, typed);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		suggest_add(&s, rows[i].name);
	}
	suggest_text(&s, buf);
}

/* `--name` or `-n` of what getopt_long() did not like: it leaves 0 in optopt for unknown
 * long options, else the key. */
static void name_option(const char *arg, char *buf, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (optopt >= 256 && rows[i].key == optopt) {
			(void)snprintf(buf, size, "--%s", rows[i].name);
			return;
		}
	}
	if (optopt > 0 && strncmp(arg, "--", 2) != 0) {
		(void)snprintf(buf, size, "-%c", optopt);
	} else {
		(void)snprintf(buf, size, "%.*s", (int)strcspn(arg, "="), arg);
	}
}

static int refuse_option(const char *arg, int problem)
{
	char name[64], shown[128], hint[SUGGEST_TEXT] = "";

	name_option(arg, name, sizeof(name));
	escape_text(name, strlen(name), shown, sizeof(shown));
	if (problem == ':') {
		(void)fprintf(stderr, "revc: option '%s' needs a value, see revc --help\n", shown);
		return -EINVAL;
	}
	if (strncmp(name, "--", 2) == 0) {
		suggest_option(name + 2, hint);
	}
	(void)fprintf(
		stderr, "revc: unknown option '%s'%s\n", shown, *hint ? hint : ", see revc --help");
	return -EINVAL;
}

static int set_uri(struct options *o, const char *uri)
{
	struct revc_err err;

	if (!revc_uri_check(uri, &err)) {
		(void)fprintf(stderr, "revc: %s\n", err.text);
		return -EINVAL;
	}
	(void)snprintf(o->uri, sizeof(o->uri), "%s", uri);
	return 0;
}

static int set_timeout(struct options *o, const char *text)
{
	char shown[64];
	int r = num_parse_time(text, &o->session.timeout_us);

	if (r < 0 || o->session.timeout_us == 0 ||
		o->session.timeout_us > UINT32_MAX * UINT64_C(1000)) {
		(void)fprintf(stderr, "revc: '%s' is no time%s: 500ms, 10s, 2min\n",
			escape_text(text, strlen(text), shown, sizeof(shown)),
			r == -ENOMSG ? ", its unit is missing" : "");
		return -EINVAL;
	}
	return 0;
}

static int set_mode(struct options *o, enum options_mode mode)
{
	if (o->mode != OPTIONS_TEXTS && o->mode != mode) {
		(void)fputs("revc: --ping, --info, --stats and --all exclude each other\n", stderr);
		return -EINVAL;
	}
	o->mode = mode;
	return 0;
}

/* -f A -f B C: the files A, B and C. Room for them is in ->owned. */
static int add_file(struct options *o, char *name)
{
	o->files = true;
	o->owned[o->n++] = name;
	return 0;
}

static int apply(struct options *o, int key)
{
	switch (key) {
	case 'e':
		return set_uri(o, optarg);
	case 'f':
		return add_file(o, optarg);
	case 'c':
		o->config = optarg;
		return 0;
	case 'h':
		o->mode = OPTIONS_HELP;
		return 0;
	case OPTION_VERSION:
		o->mode = OPTIONS_VERSION;
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_TIMEOUT:
		return set_timeout(o, optarg);
	case OPTION_ALL:
		return set_mode(o, OPTIONS_ALL);
	default:
		return set_mode(o, key == OPTION_PING   ? OPTIONS_PING
				   : key == OPTION_INFO ? OPTIONS_INFO
							: OPTIONS_STATS);
	}
}

static int judge(const struct options *o)
{
	bool asks = o->mode == OPTIONS_PING || o->mode == OPTIONS_INFO || o->mode == OPTIONS_STATS;

	if (asks && o->n > 0) {
		(void)fputs("revc: --ping, --info and --stats take no strings\n", stderr);
		return -EINVAL;
	}
	if (o->mode == OPTIONS_ALL && (o->n > 1 || o->files)) {
		(void)fputs("revc: --all takes one string at most, and no files\n", stderr);
		return -EINVAL;
	}
	if (o->config && o->mode != OPTIONS_ALL) {
		(void)fputs("revc: -c goes with --all\n", stderr);
		return -EINVAL;
	}
	return 0;
}

static void make_long(struct option *longs)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		longs[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].arg ? required_argument : no_argument,
			.val = rows[i].key,
		};
	}
	longs[ARRAY_SIZE(rows)] = (struct option){0};
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct option longs[ARRAY_SIZE(rows) + 1];
	int key, r = 0;

	*o = (struct options){0};
	o->owned = calloc((size_t)argc + 1, sizeof(*o->owned));
	if (!o->owned) {
		(void)fputs("revc: out of memory\n", stderr);
		return -EINVAL;
	}
	make_long(longs);
	opterr = 0;
	while (r == 0 && (key = getopt_long(argc, argv, ":e:f:c:h", longs, NULL)) >= 0) {
		r = key == '?' || key == ':' ? refuse_option(argv[optind - 1], key) : apply(o, key);
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

void options_finish(struct options *o)
{
	free(o->owned);
	*o = (struct options){0};
}
