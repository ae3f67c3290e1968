/*
 * Just enough JSON for the tests: a strict checker (RFC 8259, UTF-8 not looked
 * at) and a way to a value by its path.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if the n bytes at s are one JSON text and nothing else. */
bool json_valid(const char *s, size_t n);

/*
 * The text of the value at `path`, within s, or NULL. s is valid JSON, with a
 * NUL behind it. A path is "endpoints.fifo.requests": a step is a key of an
 * object or, in an array, an index or the "endpoint" of one of its objects.
 */
const char *json_find(const char *s, const char *path, size_t *ret_n);

/* The same for a number that is a natural one; false if there is none. */
bool json_find_uint(const char *s, const char *path, uint64_t *ret);
