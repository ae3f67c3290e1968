/*
 * Writes JSON (RFC 8259). Commas, colons and line breaks come by themselves:
 *
 *	struct json j = {.file = f};
 *
 *	json_object(&j, NULL);
 *	json_string(&j, "program", "revd");
 *	json_array(&j, "workers");
 *	json_uint(&j, NULL, 3);
 *	json_end(&j);
 *	json_end(&j);
 *
 * key: NULL in an array and for the outermost value. Errors are the FILE's: ferror().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 32 /* objects and arrays inside each other, at most */

struct json {
	FILE *file;
	unsigned lines; /* members down to this depth stand on lines of their own */
	unsigned depth;
	uint32_t arrays; /* bit n: what is open at depth n is an array */
	bool more;       /* the next member needs a comma */
};

void json_object(struct json *, const char *key);
void json_array(struct json *, const char *key);
/* Ends the object or array begun last. */
void json_end(struct json *);

/* s: any bytes; what is not UTF-8 becomes U+FFFD. NULL: null. */
void json_string(struct json *, const char *key, const char *s);
void json_uint(struct json *, const char *key, uint64_t v);
void json_bool(struct json *, const char *key, bool v);
/* decimals: digits behind the point; -1: as many as it takes, six significant. What
 * is no finite number becomes null. */
void json_double(struct json *, const char *key, double v, int decimals);
void json_null(struct json *, const char *key);
