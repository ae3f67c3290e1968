#include "daemon/options.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>
#include "util/macro.h"

static const struct {
	struct option option;
	enum mode mode;
	const char *arg, *help;
} table[] = {
	{{"config", required_argument, NULL, 'c'}, MODE_SERVE, "FILE", "read this configuration"},
	{{"check", no_argument, NULL, 'k'}, MODE_CHECK, "", "say what is wrong with it and exit"},
	{{"dump-config", no_argument, NULL, 'd'}, MODE_DUMP, "",
		"print what is in effect, with the origin of each value, and exit"},
	{{"reload", no_argument, NULL, 'r'}, MODE_RELOAD, "",
		"make the daemon that runs reload, and say what came of it"},
	{{"demo", no_argument, NULL, 'm'}, MODE_DEMO, "",
		"serve every transport in a private directory, with lines to paste"},
	{{"stdio", no_argument, NULL, 's'}, MODE_STDIO, "",
		"serve standard input to standard output"},
	{{"version", no_argument, NULL, 'V'}, MODE_EXIT, "", "print the version and exit"},
	{{"help", no_argument, NULL, 'h'}, MODE_EXIT, "", "print this and exit"},
};

static void print_help(void)
{
	puts("Usage: revd [OPTION]...\n"
	     "Serve string reversal over Unix sockets, FIFOs and POSIX message queues.\n");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char name[40];

		snprintf(name, sizeof(name), "--%s%s%s", table[i].option.name,
			*table[i].arg ? " " : "", table[i].arg);
		printf("  %-3s %-16s %s\n", table[i].option.val == 'c' ? "-c," : "", name,
			table[i].help);
	}
	puts("\nWithout a configuration all three transports are served below\n"
	     "$RUNTIME_DIRECTORY, /run/revd (root) or $XDG_RUNTIME_DIR/revd.\n"
	     "SIGHUP reloads, SIGTERM stops. See revd(8), revd.conf(5), revc(1).");
}

static enum mode mode_of(int val)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].option.val == val) {
			return table[i].mode;
		}
	}
	return MODE_EXIT;
}

/* What one option says; false: it can't go on. */
static bool take(struct options *o, int val, const char *arg)
{
	enum mode mode = mode_of(val);

	if (val == 'c') {
		o->config = arg;
		return true;
	}
	if (val == 'h') {
		print_help();
		o->mode = MODE_EXIT;
		return false;
	}
	if (val == 'V') {
		puts("revd " REVD_VERSION ", Unicode " REVD_UNICODE_VERSION);
		o->mode = MODE_EXIT;
		return false;
	}
	if (val == '?' || (o->mode != MODE_SERVE && o->mode != mode)) {
		if (val != '?') {
			fputs("revd: --check, --dump-config, --reload, --demo and --stdio exclude each "
			      "other\n",
				stderr);
		}
		fputs("Try 'revd --help'.\n", stderr);
		o->mode = MODE_EXIT;
		o->status = EX_USAGE;
		return false;
	}
	o->mode = mode;
	return true;
}

struct options revd_options_parse(int argc, char **argv)
{
	struct options o = {.mode = MODE_SERVE};
	struct option list[ARRAY_SIZE(table) + 1] = {0};
	int val;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		list[i] = table[i].option;
	}
	argv[0] = (char[]){"revd"}; /* how getopt's messages begin */
	while ((val = getopt_long(argc, argv, "c:hV", list, NULL)) != -1) {
		if (!take(&o, val, optarg)) {
			return o;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "revd: unexpected argument '%s'\nTry 'revd --help'.\n",
			argv[optind]);
		o.mode = MODE_EXIT;
		o.status = EX_USAGE;
	} else if (o.mode == MODE_DEMO && o.config) {
		fputs("revd: --demo has a configuration of its own\n", stderr);
		o.mode = MODE_EXIT;
		o.status = EX_USAGE;
	}
	return o;
}
