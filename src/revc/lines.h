/* Counting lines at the speed of memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* How many LF are among the n bytes at p. */
size_t lines_count(const uint8_t *p, size_t n);

/* The bytes that the first `lines` lines take, each with its LF; 0 if there are not so
 * many among the n bytes at p. */
size_t lines_span(const uint8_t *p, size_t n, size_t lines);

/* The offset of the first line that begins with `byte`, n if none does. The bytes at
 * p begin a line; from: where to look, the bytes before are known. */
size_t lines_find(const uint8_t *p, size_t n, size_t from, uint8_t byte);
