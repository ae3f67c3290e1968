#include "daemon/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "util/cli.h"
#include "util/macro.h"
#include "util/quote.h"

/* Options that are a mode have CLI_LONG + the mode as their key. */
static const struct cli_option table[] = {
	{"config", 'c', "FILE", "Read this configuration"},
	{"check", CLI_LONG + MODE_CHECK, NULL, "Say what is wrong with it, and exit"},
	{"dump-config", CLI_LONG + MODE_DUMP, NULL,
		"Print what is in effect, with the origin of each value, and exit"},
	{"reload", CLI_LONG + MODE_RELOAD, NULL,
		"Make the daemon that runs reload, and say what came of it"},
	{"demo", CLI_LONG + MODE_DEMO, NULL,
		"Serve every transport in a private directory, with lines to paste"},
	{"stdio", CLI_LONG + MODE_STDIO, NULL, "Serve standard input to standard output"},
	{"version", 'V', NULL, "Print the version"},
	{"help", 'h', NULL, "Print this"},
	{0},
};

static const struct cli cli = {.program = "revd", .options = table, .help_column = 18};

static void print_help(void)
{
	puts("Usage: revd [OPTION]...\n"
	     "Serves string reversal over Unix sockets, FIFOs and POSIX message queues.\n");
	cli_print_options(&cli);
	puts("\nWithout a configuration all three transports are served below\n"
	     "$RUNTIME_DIRECTORY, /run/revd (root) or $XDG_RUNTIME_DIR/revd.\n"
	     "SIGHUP reloads, SIGTERM stops, SIGUSR2 restarts without loss. See revd(8), revd.conf(5), revc(1).");
}

/* All is said: nothing is left to do but to exit. */
static bool end(struct options *o, int status)
{
	o->mode = MODE_EXIT;
	o->status = status;
	return false;
}

static PRINTF(2, 3) bool misuse(struct options *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("revd: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fputs(", see revd --help\n", stderr);
	va_end(ap);
	return end(o, EX_USAGE);
}

/* What one option says; false: it can't go on. */
static bool apply(struct options *o, int key)
{
	switch (key) {
	case 'c':
		o->config = optarg;
		return true;
	case 'h':
		print_help();
		return end(o, 0);
	case 'V':
		puts("revd " REVD_VERSION ", Unicode " REVD_UNICODE_VERSION);
		return end(o, 0);
	case '?':
		return end(o, EX_USAGE);
	default:
		if (o->mode != MODE_SERVE && o->mode != (enum mode)(key - CLI_LONG)) {
			return misuse(o, "--check, --dump-config, --reload, --demo and --stdio "
					 "exclude each other");
		}
		o->mode = (enum mode)(key - CLI_LONG);
		return true;
	}
}

struct options revd_options_parse(int argc, char **argv)
{
	struct options o = {.mode = MODE_SERVE};
	char shown[128];
	int key;

	while ((key = cli_next(&cli, argc, argv)) >= 0) {
		if (!apply(&o, key)) {
			return o;
		}
	}
	if (optind < argc) {
		quote_text(argv[optind], strlen(argv[optind]), shown, sizeof(shown));
		misuse(&o, "unexpected argument '%s'", shown);
	} else if (o.mode == MODE_DEMO && o.config) {
		misuse(&o, "--demo has a configuration of its own");
	}
	return o;
}
