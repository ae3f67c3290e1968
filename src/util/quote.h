/* Foreign bytes made fit for a person's terminal; <revd/quote.h> is for logs. */
#pragma once

#include <stddef.h>
#include <revd/quote.h>

/* Copies n bytes as a string into buf (size >= 8) and returns it. Text in UTF-8
 * stays readable; control characters (C0, DEL, C1), the invisible ones that
 * change the direction of text, and bytes that are not UTF-8 become \xNN. Cut
 * with ... where buf is too small. */
char *quote_text(const void *s, size_t n, char *buf, size_t size);
