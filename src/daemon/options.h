/* The command line of revd. */
#pragma once

#include <stdbool.h>

enum mode { MODE_SERVE, MODE_CHECK, MODE_DUMP, MODE_RELOAD, MODE_DEMO, MODE_STDIO, MODE_EXIT };

struct options {
	enum mode mode;
	const char *config; /* NULL: the default */
	int status;         /* MODE_EXIT: what to exit with */
};

/* Prints what --help and --version say, or what is wrong. */
struct options revd_options_parse(int argc, char **argv);
