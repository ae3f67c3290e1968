/* The daemon's JSON answers: numbers out of them, and shown to people. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include "util/macro.h"

/* The n bytes as a value that the caller owns (json_decref()); NULL: they are not JSON. */
json_t *answer_parse(const void *text, size_t n);

/* The number at a path of keys, "limits.max_request". 0 or -ENOENT. */
int answer_number(const void *text, size_t n, const char *path, double *ret) MUST_CHECK;

/* Prints an object for people: one "key: value" a line, objects and arrays indented,
 * foreign bytes escaped. 0, or -EINVAL for what is no JSON object. */
int answer_print(const void *text, size_t n, FILE *) MUST_CHECK;
