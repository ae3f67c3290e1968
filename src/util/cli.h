/* Options of a command line, as getopt_long(3) takes them, from one table that is also
 * the help and the source of "did you mean". */
#pragma once

#include <stddef.h>

struct cli_option {
	const char *name; /* the long one; NULL ends a table */
	int key;          /* the short one, or a number from CLI_LONG on */
	const char *arg;  /* what it takes, for the help; NULL: nothing */
	const char *help; /* NULL: not told of */
};

#define CLI_LONG 256
#define CLI_OPTIONS_MAX 40

struct cli {
	const char *program;
	const struct cli_option *options;
	int help_column; /* width of the options' names in the help */
};

/* The key of the next option, with its argument in optarg; -1: there is none, operands
 * begin at optind; '?': it is wrong, and a sentence is on standard error. */
int cli_next(const struct cli *, int argc, char **argv);

/* Prints the table to standard output. */
void cli_print_options(const struct cli *);
