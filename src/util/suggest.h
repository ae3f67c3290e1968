/* "did you mean": the nearest of some names by edit distance, or which there are. */
#pragma once

#include <stddef.h>

struct suggest {
	const char *word; /* what was written */
	const char *best; /* NULL: nothing is near enough */
	size_t distance;
	size_t n_list;
	char list[192]; /* all names that were added, "a, b" */
};

void suggest_init(struct suggest *, const char *word);
/* name must live as long as the suggestion. */
void suggest_add(struct suggest *, const char *name);
/* ", did you mean 'NAME'?" or "", into buf. Returns buf. */
#define SUGGEST_TEXT 128
char *suggest_text(const struct suggest *, char *buf);
/* What is wrong with the word itself, or else that, or ", there are a, b"; into buf[SUGGEST_LIST].
 */
#define SUGGEST_LIST 256
char *suggest_or_list(const struct suggest *, char *buf);

/* Why a value may not be what was meant: a comment or quotation marks that have
 * become a part of it. "; SENTENCE", or "". */
const char *suggest_hint(const char *text);

/* Insertions, deletions, substitutions and swaps of neighbours (optimal string
 * alignment), upper and lower case being the same. SIZE_MAX for names of more
 * than 64 bytes. */
size_t suggest_distance(const char *a, const char *b);
