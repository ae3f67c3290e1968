/*
 * Writes JSON (RFC 8259). Commas, colons and line breaks come by themselves:
 *
 *	struct json_writer j = {.file = f};
 *
 *	json_write_object(&j, NULL);
 *	json_write_string(&j, "program", "revd");
 *	json_write_array(&j, "workers");
 *	json_write_uint(&j, NULL, 3);
 *	json_write_end(&j);
 *	json_write_end(&j);
 *
 * key: NULL in an array and for the outermost value. Errors are the FILE's: ferror().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 32 /* objects and arrays inside each other, at most */

struct json_writer {
	FILE *file;
	unsigned lines; /* members down to this depth stand on lines of their own */
	unsigned depth;
	uint32_t arrays; /* bit n: what is open at depth n is an array */
	bool more;       /* the next member needs a comma */
};

void json_write_object(struct json_writer *, const char *key);
void json_write_array(struct json_writer *, const char *key);
/* Ends the object or array begun last. */
void json_write_end(struct json_writer *);

/* s: any bytes; what is not UTF-8 becomes U+FFFD. NULL: null. */
void json_write_string(struct json_writer *, const char *key, const char *s);
void json_write_uint(struct json_writer *, const char *key, uint64_t v);
void json_write_bool(struct json_writer *, const char *key, bool v);
/* The n bytes at s. */
void json_write_text(struct json_writer *, const char *key, const void *s, size_t n);
/* decimals: digits behind the point; -1: as many as it takes, six significant. What
 * is no finite number becomes null. */
void json_write_double(struct json_writer *, const char *key, double v, int decimals);
void json_write_null(struct json_writer *, const char *key);
