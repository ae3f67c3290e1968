#include "util/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "util/utf8.h"

static void put_text(FILE *f, const char *s, size_t n)
{
	putc('"', f);
	while (n > 0) {
		uint32_t c = 0;
		size_t len = utf8_sequence(s, n, &c);

		if (len == 0) {
			fputs("\xef\xbf\xbd", f); /* U+FFFD */
			len = 1;
		} else if (c < 0x20 || c == 0x7f) {
			fprintf(f, "\\u%04x", (unsigned)c);
		} else {
			if (c == '"' || c == '\\') {
				putc('\\', f);
			}
			fwrite(s, 1, len, f);
		}
		s += len;
		n -= len;
	}
	putc('"', f);
}

static void new_line(const struct json_writer *j)
{
	fprintf(j->file, "\n%*s", (int)(2 * j->depth), "");
}

/* What stands before a value. */
static void begin(struct json_writer *j, const char *key)
{
	if (j->more) {
		putc(',', j->file);
	}
	if (j->depth > 0 && j->depth <= j->lines) {
		new_line(j);
	} else if (j->more && j->lines > 0) {
		putc(' ', j->file);
	}
	j->more = true;
	if (key) {
		put_text(j->file, key, strlen(key));
		fputs(j->lines > 0 ? ": " : ":", j->file);
	}
}

static void open_level(struct json_writer *j, const char *key, bool array)
{
	begin(j, key);
	putc(array ? '[' : '{', j->file);
	j->depth++;
	assert(j->depth < JSON_DEPTH);
	j->arrays &= ~(UINT32_C(1) << j->depth);
	j->arrays |= (uint32_t)array << j->depth;
	j->more = false;
}

void json_write_object(struct json_writer *j, const char *key)
{
	open_level(j, key, false);
}

void json_write_array(struct json_writer *j, const char *key)
{
	open_level(j, key, true);
}

void json_write_end(struct json_writer *j)
{
	bool array = j->arrays >> j->depth & 1, broken = j->more && j->depth <= j->lines;

	assert(j->depth > 0);
	j->depth--;
	if (broken) {
		new_line(j);
	}
	putc(array ? ']' : '}', j->file);
	j->more = true;
}

void json_write_text(struct json_writer *j, const char *key, const void *s, size_t n)
{
	begin(j, key);
	put_text(j->file, s, n);
}

void json_write_string(struct json_writer *j, const char *key, const char *s)
{
	if (s) {
		json_write_text(j, key, s, strlen(s));
	} else {
		json_write_null(j, key);
	}
}

void json_write_uint(struct json_writer *j, const char *key, uint64_t v)
{
	begin(j, key);
	fprintf(j->file, "%" PRIu64, v);
}

void json_write_bool(struct json_writer *j, const char *key, bool v)
{
	begin(j, key);
	fputs(v ? "true" : "false", j->file);
}

void json_write_double(struct json_writer *j, const char *key, double v, int decimals)
{
	if (!isfinite(v)) {
		json_write_null(j, key);
		return;
	}
	begin(j, key);
	if (decimals < 0) {
		fprintf(j->file, "%.6g", v);
	} else {
		fprintf(j->file, "%.*f", decimals, v);
	}
}

void json_write_null(struct json_writer *j, const char *key)
{
	begin(j, key);
	fputs("null", j->file);
}
