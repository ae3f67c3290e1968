/*
 * Errors are found file by file and then section by section; people read them
 * from top to bottom. So they are all collected here, and config_errors gets
 * the first CONFIG_MAX_ERRORS by file and line.
 */
#pragma once

#include <revd/quote.h>
#include <string.h>
#include "config/arena.h"
#include "config/config.h"
#include "util/macro.h"

/* Where a section or a value stands. */
struct origin {
	const char *file; /* "(default)": in none */
	unsigned rank;    /* which of the files, in the order of reading */
	unsigned line;    /* from 1; 0: the file as a whole */
};

struct diag;

struct diags {
	struct arena arena;
	struct diag *head; /* sorted */
	struct diag *last; /* the one added last: most come in order */
	size_t n, n_warnings;
	bool no_memory; /* an entry was lost */
};

void diags_add(struct diags *, const struct origin *, const char *fmt, ...) PRINTF(3, 4);
/* What is no mistake for sure. It is told if there are no mistakes. */
void diags_warn(struct diags *, const struct origin *, const char *fmt, ...) PRINTF(3, 4);
/* Hands the mistakes over, in order. */
void diags_report(const struct diags *, struct config_errors *);
/* The warnings as texts "FILE:LINE: sentence" of that arena; NULL: no memory. */
const char *const *diags_warnings(const struct diags *, struct arena *) MUST_CHECK;
void diags_finish(struct diags *);

/* 'so', escaped, cut where it is too long; into buf. */
#define QUOTE_TEXT 128
static inline char *quote(const char *s, char *buf)
{
	return rv_quote(s, strlen(s), buf, QUOTE_TEXT);
}
