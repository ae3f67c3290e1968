#include "exec/words.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define NO_SHELL                                                                             \
	"there is no shell: quote | ; & < > ( ) ` and $, or let sh -c '...' read the command"

struct reader {
	const char *s; /* what is left */
	char *to;      /* where the next byte of a word goes */
	const char *why;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Would a shell put something in the place of the dollar? */
static bool is_expansion(const char *s)
{
	return s[0] == '`' ||
	       (s[0] == '$' && s[1] &&
		       (strchr("_{(@*#?$!-0123456789", s[1]) || (s[1] >= 'a' && s[1] <= 'z') ||
			       (s[1] >= 'A' && s[1] <= 'Z')));
}

static int refuse(struct reader *r, const char *why)
{
	r->why = why;
	return -EINVAL;
}

static int read_single(struct reader *r)
{
	const char *end = strchr(r->s, '\'');

	if (!end) {
		return refuse(r, "a single quote has no end");
	}
	memcpy(r->to, r->s, (size_t)(end - r->s));
	r->to += end - r->s;
	r->s = end + 1;
	return 0;
}

static int read_double(struct reader *r)
{
	while (*r->s != '"') {
		if (!*r->s) {
			return refuse(r, "a double quote has no end");
		}
		if (is_expansion(r->s)) {
			return refuse(r, NO_SHELL);
		}
		if (*r->s == '\\' && r->s[1] && strchr("\"\\$`", r->s[1])) {
			r->s++;
		}
		*r->to++ = *r->s++;
	}
	r->s++;
	return 0;
}

/* One byte, or what quotes hold. */
static int read_piece(struct reader *r)
{
	char c = *r->s;

	if (strchr("|;&<>()", c) || is_expansion(r->s)) {
		return refuse(r, NO_SHELL);
	}
	r->s++;
	if (c == '\'') {
		return read_single(r);
	}
	if (c == '"') {
		return read_double(r);
	}
	if (c == '\\') {
		if (!*r->s) {
			return refuse(r, "a backslash has nothing behind it");
		}
		c = *r->s++;
	}
	*r->to++ = c;
	return 0;
}

static int read_word(struct reader *r)
{
	int k = 0;

	while (k == 0 && *r->s && !is_blank(*r->s)) {
		k = read_piece(r);
	}
	*r->to++ = '\0';
	return k;
}

int words_split(const char *s, char ***ret, const char **ret_why)
{
	size_t n = strlen(s), most = n / 2 + 2; /* a word takes a byte and a blank */
	char **words = calloc(1, most * sizeof(*words) + n + 2);
	struct reader r = {.s = s, .to = (char *)(words + most)};
	size_t count = 0;
	int k = 0;

	if (!words) {
		return -ENOMEM;
	}
	while (k == 0) {
		while (is_blank(*r.s)) {
			r.s++;
		}
		if (!*r.s) {
			*ret = words;
			return 0;
		}
		words[count++] = r.to;
		k = read_word(&r);
	}
	free(words);
	*ret_why = r.why;
	return k;
}
