/* The little JSON that a client needs: RFC 8259, read in place. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "util/macro.h"

/* The first number behind "key": at any depth. 0 or -ENOENT. */
int json_number(const void *text, size_t n, const char *key, double *ret) MUST_CHECK;

/* Prints a value for people: one "key: value" a line, objects and arrays indented,
 * foreign bytes escaped. 0, or -EINVAL for what is not JSON (then nothing sensible
 * was printed). */
int json_print_text(const void *text, size_t n, FILE *) MUST_CHECK;

/* Prints n bytes as a JSON string; what is not UTF-8 becomes U+FFFD. */
void json_print_string(const void *text, size_t n, FILE *);
