/*
 * <revd/quote.h>: foreign bytes made fit for a log line.
 *
 * Header-only, like <revd/wire.h>: the daemon, its clients and plugins quote alike.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RV_QUOTE_SIZE 160 /* bytes of a buffer that is enough for a line of a log */

/*
 * Writes the n bytes at s into buf (size bytes, at least 10) as 'like this': control
 * bytes, quotes, backslashes and everything outside of ASCII become \xNN, so that
 * nobody can forge a line of the log. Cut with ... where buf is too small. Returns
 * buf, always terminated.
 */
static inline char *rv_quote(const void *s, size_t n, char *buf, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *p = (const uint8_t *)s;
	size_t at = 0;

	buf[at++] = '\'';
	for (size_t i = 0; i < n; i++) {
		if (at + 9 > size) { /* room for \xNN...' and the NUL */
			buf[at++] = '.';
			buf[at++] = '.';
			buf[at++] = '.';
			break;
		}
		if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\'' && p[i] != '\\') {
			buf[at++] = (char)p[i];
			continue;
		}
		buf[at++] = '\\';
		buf[at++] = 'x';
		buf[at++] = hex[p[i] >> 4];
		buf[at++] = hex[p[i] & 15];
	}
	buf[at++] = '\'';
	buf[at] = '\0';
	return buf;
}
