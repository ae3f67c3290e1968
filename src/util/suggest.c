#include "util/suggest.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "util/macro.h"

#define WORD_MAX 64

static bool is_same(char a, char b)
{
	return strncasecmp(&a, &b, 1) == 0;
}

size_t suggest_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	size_t na = strlen(a), nb = strlen(b);

	if (na > WORD_MAX || nb > WORD_MAX) {
		return SIZE_MAX;
	}
	for (size_t j = 0; j <= nb; j++) {
		row[j] = j;
	}
	for (size_t i = 1; i <= na; i++) {
		size_t *spare = before;

		before = above;
		above = row;
		row = spare;
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t d = above[j - 1] + !is_same(a[i - 1], b[j - 1]);

			d = MIN(d, MIN(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) &&
				is_same(a[i - 2], b[j - 1])) {
				d = MIN(d, before[j - 2] + 1);
			}
			row[j] = d;
		}
	}
	return row[nb];
}

void suggest_init(struct suggest *s, const char *word)
{
	*s = (struct suggest){.word = word, .distance = SIZE_MAX};
}

/* "warn" for "warning": people abbreviate. */
static bool is_short_for(const char *word, const char *name)
{
	size_t n = strlen(word);

	return n >= 3 && strncasecmp(word, name, n) == 0;
}

static void put_in_list(struct suggest *s, const char *name)
{
	size_t left = sizeof(s->list) - s->n_list;
	int n = snprintf(s->list + s->n_list, left, "%s%s", s->n_list ? ", " : "", name);

	if ((size_t)n < left) {
		s->n_list += (size_t)n;
	} else {
		s->list[s->n_list] = '\0'; /* whole names only */
	}
}

void suggest_add(struct suggest *s, const char *name)
{
	size_t d = is_short_for(s->word, name) ? 1 : suggest_distance(s->word, name);

	put_in_list(s, name);

	/* A third of the letters wrong is still a slip; more is another word. */
	if (d < s->distance && d <= MAX(1u, strlen(name) / 3)) {
		s->best = name;
		s->distance = d;
	}
}

char *suggest_text(const struct suggest *s, char *buf)
{
	buf[0] = '\0';
	if (s->best) {
		snprintf(buf, SUGGEST_TEXT, ", did you mean '%s'?", s->best);
	}
	return buf;
}

const char *suggest_hint(const char *text)
{
	size_t n = strlen(text);

	if (strstr(text, " #") || strstr(text, "\t#")) {
		return "; a comment behind a value begins with ' ;', not with '#'";
	}
	if (strchr(text, ';')) {
		return "; a comment behind a value needs white space before its ';'";
	}
	if (n > 0 && strchr("\"'", text[0])) {
		return "; values stand without quotation marks";
	}
	return "";
}

char *suggest_or_list(const struct suggest *s, char *buf)
{
	const char *hint = suggest_hint(s->word);

	if (*hint) {
		snprintf(buf, SUGGEST_LIST, "%s", hint);
		return buf;
	}
	if (s->best || s->n_list == 0) {
		return suggest_text(s, buf);
	}
	snprintf(buf, SUGGEST_LIST, ", there are %s", s->list);
	return buf;
}
