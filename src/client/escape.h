/* Foreign bytes made fit for a terminal. */
#pragma once

#include <stddef.h>

/* Copies n bytes as a string into buf (size >= 8) and returns it. Text in UTF-8
 * stays readable; control characters (C0, DEL, C1), the invisible ones that
 * change the direction of text, and bytes that are not UTF-8 become \xNN. Cut
 * with ... where buf is too small. */
char *escape_text(const void *s, size_t n, char *buf, size_t size);

/* The length of the well-formed UTF-8 sequence that the n > 0 bytes at p begin with,
 * 0 if they begin with none. */
size_t escape_sequence(const void *p, size_t n);
