/* Questions to one endpoint, one at a time, and what comes of them. */
#pragma once

#include "revc/arguments.h"

struct ask {
	const struct arguments *arguments;
	const char *uri; /* for people: without a password */
	char hidden[REVC_URI_MAX];
	struct revc *s; /* NULL: it could not be opened */
	struct revc_err err;
	/* of the last question: */
	const char *status; /* "ok", "busy", ...; "unreachable": there is no reply */
	const uint8_t *data;
	size_t n; /* of the reply, or of a sentence without the URI; until the next question */
	double ms;
	int exit_code; /* 0: data is the reply */
};

/* Connects; the URI stays the caller's. A failure is what all questions come to. */
void ask_open(struct ask *, const struct arguments *, const char *uri);
void ask_close(struct ask *);

/* Asks, and waits for the reply. Returns the exit code. */
int ask(struct ask *, enum rv_op, const char *text);

/* Says on standard error why there is no good reply. Returns the exit code. */
int ask_complain(const struct ask *);
