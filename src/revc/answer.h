/* The daemon's JSON answers: numbers out of them, and shown to people. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include "util/macro.h"

/* The n bytes as a value that the caller owns (json_decref()); NULL: they are not JSON. */
json_t *answer_parse(const void *text, size_t n);

/* Numbers of an object, json_unpack(): "{s:{s:F}}", "limits", "max_request", &number. No
 * strings, which would be gone with the object. 0, or -ENOENT if one is missing. */
int answer_unpack(const void *text, size_t n, const char *format, ...) MUST_CHECK;

/* Prints an object for people: one "key: value" a line, objects and arrays indented,
 * foreign bytes escaped. 0, or -EINVAL for what is no JSON object. */
int answer_print(const void *text, size_t n, FILE *) MUST_CHECK;
