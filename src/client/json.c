#include "client/json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "client/escape.h"

#define DEPTH_MAX 32

struct in {
	const char *p, *end;
	unsigned depth;
	FILE *to;
};

static void skip_space(struct in *in)
{
	while (in->p < in->end && strchr(" \t\r\n", *in->p) && *in->p) {
		in->p++;
	}
}

/* Steps over c, after space. */
static bool eat(struct in *in, char c)
{
	skip_space(in);
	if (in->p == in->end || *in->p != c) {
		return false;
	}
	in->p++;
	return true;
}

static bool peek(struct in *in, char c)
{
	skip_space(in);
	return in->p < in->end && *in->p == c;
}

/* The raw inside of a string whose opening quote is next. */
static int take_string(struct in *in, const char **ret, size_t *ret_n)
{
	const char *start;

	if (!eat(in, '"')) {
		return -EINVAL;
	}
	for (start = in->p; in->p < in->end; in->p++) {
		if (*in->p == '"') {
			*ret = start;
			*ret_n = (size_t)(in->p++ - start);
			return 0;
		}
		if (*in->p == '\\' && ++in->p == in->end) {
			break;
		}
	}
	return -EINVAL;
}

/* A number, true, false or null. */
static int take_word(struct in *in, const char **ret, size_t *ret_n)
{
	skip_space(in);
	*ret = in->p;
	while (in->p < in->end && *in->p && !strchr(" \t\r\n,:]}[{\"", *in->p)) {
		in->p++;
	}
	*ret_n = (size_t)(in->p - *ret);
	return *ret_n > 0 ? 0 : -EINVAL;
}

static int parse_number(const char *p, size_t n, double *ret)
{
	char text[64], *end;

	if (n == 0 || n >= sizeof(text)) {
		return -EINVAL;
	}
	memcpy(text, p, n);
	text[n] = '\0';
	*ret = strtod(text, &end);
	return *end ? -EINVAL : 0;
}

int json_number(const void *text, size_t n, const char *key, double *ret)
{
	struct in in = {.p = text, .end = (const char *)text + n};
	const char *s;
	size_t len;

	while (in.p < in.end) {
		if (*in.p != '"') {
			in.p++;
			continue;
		}
		if (take_string(&in, &s, &len) < 0) {
			break;
		}
		if (len == strlen(key) && memcmp(s, key, len) == 0 && eat(&in, ':') &&
			take_word(&in, &s, &len) == 0 && parse_number(s, len, ret) == 0) {
			return 0;
		}
	}
	return -ENOENT;
}

/* Text. */

static int print_value(struct in *, unsigned indent);

static void print_scalar(struct in *in, const char *s, size_t n)
{
	char shown[512];

	fputs(escape_text(s, n, shown, sizeof(shown)), in->to);
}

static void print_indent(struct in *in, unsigned indent)
{
	fprintf(in->to, "%*s", (int)indent, "");
}

static int print_plain(struct in *in)
{
	const char *s;
	size_t n;
	int r = peek(in, '"') ? take_string(in, &s, &n) : take_word(in, &s, &n);

	if (r == 0) {
		fputc(' ', in->to);
		print_scalar(in, s, n);
		fputc('\n', in->to);
	}
	return r;
}

/* key: value, the cursor being already behind the indentation */
static int print_member(struct in *in, unsigned indent)
{
	const char *key;
	size_t n;
	int r = take_string(in, &key, &n);

	if (r < 0 || !eat(in, ':')) {
		return -EINVAL;
	}
	print_scalar(in, key, n);
	fputc(':', in->to);
	return print_value(in, indent + 2);
}

static int print_object(struct in *in, unsigned indent, bool first_is_placed)
{
	int r = 0;

	if (eat(in, '}')) {
		return 0;
	}
	do {
		if (!first_is_placed) {
			print_indent(in, indent);
		}
		first_is_placed = false;
		r = print_member(in, indent);
	} while (r == 0 && eat(in, ','));
	return r < 0 || eat(in, '}') ? r : -EINVAL;
}

static int print_item(struct in *in, unsigned indent)
{
	print_indent(in, indent);
	if (eat(in, '{')) {
		fputs("- ", in->to);
		return print_object(in, indent + 2, true);
	}
	fputc('-', in->to);
	return print_value(in, indent + 2);
}

static int print_array(struct in *in, unsigned indent)
{
	int r = 0;

	if (eat(in, ']')) {
		return 0;
	}
	do {
		r = print_item(in, indent);
	} while (r == 0 && eat(in, ','));
	return r < 0 || eat(in, ']') ? r : -EINVAL;
}

static int print_value(struct in *in, unsigned indent)
{
	int r;

	if (++in->depth > DEPTH_MAX) {
		return -EINVAL;
	}
	if (eat(in, '{')) {
		fputc('\n', in->to);
		r = print_object(in, indent, false);
	} else if (eat(in, '[')) {
		fputc('\n', in->to);
		r = print_array(in, indent);
	} else {
		r = print_plain(in);
	}
	in->depth--;
	return r;
}

int json_print_text(const void *text, size_t n, FILE *to)
{
	struct in in = {.p = text, .end = (const char *)text + n, .to = to};
	int r = eat(&in, '{') ? print_object(&in, 0, false) : print_value(&in, 0);

	skip_space(&in);
	return r == 0 && in.p != in.end ? -EINVAL : r;
}

void json_print_string(const void *text, size_t n, FILE *to)
{
	const uint8_t *p = text, *end = p + n;

	fputc('"', to);
	while (p < end) {
		size_t len = escape_sequence(p, (size_t)(end - p));

		if (len == 0) {
			fputs("\xef\xbf\xbd", to);
			p++;
		} else if (*p == '"' || *p == '\\') {
			fprintf(to, "\\%c", *p++);
		} else if (*p < 0x20 || *p == 0x7f) {
			fprintf(to, "\\u%04x", *p++);
		} else {
			fwrite(p, 1, len, to);
			p += len;
		}
	}
	fputc('"', to);
}
