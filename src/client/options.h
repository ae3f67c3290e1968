/* The command line of revc. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "client/revc.h"
#include "util/macro.h"

enum options_mode {
	OPTIONS_TEXTS, /* arguments, files, standard input or the prompt */
	OPTIONS_PING,
	OPTIONS_INFO,
	OPTIONS_STATS,
	OPTIONS_ALL,
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

struct options {
	enum options_mode mode;
	char uri[REVC_URI_MAX];
	struct revc_options session;
	bool json;
	bool files;         /* the operands are files */
	const char *config; /* of --all */
	char **operands;    /* into argv, but for the first if -f named it */
	size_t n;
	char **owned; /* freed by options_finish() */
};

/* 0, or -EINVAL after a sentence on standard error. */
int options_parse(struct options *, int argc, char **argv) MUST_CHECK;
void options_finish(struct options *);
void options_help(void);
