#include "common/macro.h"

#include <stdarg.h>
#include <stdio.h>

int rv_fail(struct rv_err *e, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return err;
}

static size_t quote_byte(uint8_t c, char *out)
{
	static const char hex[] = "0123456789abcdef";

	if (c >= 0x20 && c < 0x7f && c != '\'' && c != '\\') {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex[c >> 4];
	out[3] = hex[c & 15];
	return 4;
}

const char *rv_quote(const void *s, size_t n, char *buf, size_t size)
{
	const size_t reserve = sizeof("...'");
	const uint8_t *p = s;
	size_t at = 0;

	if (size < reserve + 5) {
		return "'...'";
	}
	buf[at++] = '\'';
	for (size_t i = 0; i < n; i++) {
		if (at + 4 + reserve > size) {
			for (int k = 0; k < 3; k++) {
				buf[at++] = '.';
			}
			break;
		}
		at += quote_byte(p[i], buf + at);
	}
	buf[at++] = '\'';
	buf[at] = '\0';
	return buf;
}
