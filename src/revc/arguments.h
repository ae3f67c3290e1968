/* The command line of revc. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <revd/client.h>
#include "util/macro.h"

enum arguments_mode {
	MODE_TEXTS, /* arguments, files, standard input or the prompt */
	MODE_PING,
	MODE_INFO,
	MODE_STATS,
	MODE_ALL,
	MODE_PEERS,
	MODE_TOP,
	MODE_DOCTOR,
	MODE_METRICS,
	MODE_HELP,
	MODE_VERSION,
};

struct arguments {
	enum arguments_mode mode;
	char uri[REVC_URI_MAX];
	struct revc_options session;
	bool json;
	bool http;       /* --metrics answers a request of HTTP */
	uint32_t count;  /* of pings */
	bool counted;    /* it was asked for */
	bool files;      /* the operands are files */
	char **operands; /* into argv, but for the first if -f named it */
	size_t n;
	char **owned; /* freed by arguments_finish() */
};

/* 0, or -EINVAL after a sentence on standard error. */
int arguments_parse(struct arguments *, int argc, char **argv) MUST_CHECK;
void arguments_finish(struct arguments *);
void arguments_help(void);
