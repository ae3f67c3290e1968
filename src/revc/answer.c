#include "revc/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include "util/quote.h"

json_t *answer_parse(const void *text, size_t n)
{
	json_error_t why;

	return json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
}

int answer_unpack(const void *text, size_t n, const char *format, ...)
{
	json_t *v = answer_parse(text, n);
	json_error_t why;
	va_list ap;
	int r;

	va_start(ap, format);
	r = v && json_vunpack_ex(v, &why, 0, format, ap) == 0 ? 0 : -ENOENT;
	va_end(ap);
	json_decref(v);
	return r;
}

/* Text. */

static void print_value(json_t *, int indent, FILE *);

static void print_text(const char *s, size_t n, FILE *to)
{
	char shown[512];

	(void)fputs(quote_text(s, n, shown, sizeof(shown)), to);
}

static void print_scalar(const json_t *v, FILE *to)
{
	(void)fputc(' ', to);
	if (json_is_string(v)) {
		print_text(json_string_value(v), json_string_length(v), to);
	} else {
		(void)json_dumpf(v, to, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
	}
	(void)fputc('\n', to);
}

/* first_is_placed: the cursor is behind the indentation already. */
static void print_object(json_t *v, int indent, bool first_is_placed, FILE *to)
{
	const char *key;
	json_t *member;

	json_object_foreach(v, key, member)
	{
		(void)fprintf(to, "%*s", first_is_placed ? 0 : indent, "");
		first_is_placed = false;
		print_text(key, strlen(key), to);
		(void)fputc(':', to);
		print_value(member, indent + 2, to);
	}
}

static void print_array(const json_t *v, int indent, FILE *to)
{
	for (size_t i = 0; i < json_array_size(v); i++) {
		json_t *item = json_array_get(v, i);

		(void)fprintf(to, "%*s-", indent, "");
		if (json_object_size(item) > 0) {
			(void)fputc(' ', to);
			print_object(item, indent + 2, true, to);
		} else {
			print_value(item, indent + 2, to);
		}
	}
}

static void print_value(json_t *v, int indent, FILE *to)
{
	if (json_is_object(v)) {
		(void)fputc('\n', to);
		print_object(v, indent, false, to);
	} else if (json_is_array(v)) {
		(void)fputc('\n', to);
		print_array(v, indent, to);
	} else {
		print_scalar(v, to);
	}
}

int answer_print(const void *text, size_t n, FILE *to)
{
	json_t *v = answer_parse(text, n);
	int r = json_is_object(v) ? 0 : -EINVAL;

	if (r == 0) {
		print_object(v, 0, false, to);
	}
	json_decref(v);
	return r;
}
