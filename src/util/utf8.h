/* UTF-8, where it is not the text of a request: messages, file names, JSON. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The bytes of the well-formed sequence that the n > 0 bytes at p begin with, and in
 * *ret its code point; 0 if they begin with none. Table 3-7 of the Unicode standard. */
size_t utf8_sequence(const void *p, size_t n, uint32_t *ret);
