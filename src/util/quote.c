#include "util/quote.h"

#include <stdbool.h>
#include <string.h>
#include "util/macro.h"
#include "util/utf8.h"

static bool is_harmless(uint32_t c)
{
	return c >= 0x20 && c != '\\' && !(c >= 0x7f && c < 0xa0) &&
	       !(c >= 0x200e && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
	       !(c >= 0x2066 && c <= 0x2069);
}

static void put_hex(const uint8_t *p, size_t n, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[4 * i] = '\\';
		out[4 * i + 1] = 'x';
		out[4 * i + 2] = hex[p[i] >> 4];
		out[4 * i + 3] = hex[p[i] & 15];
	}
}

char *quote_text(const void *s, size_t n, char *buf, size_t size)
{
	const uint8_t *p = s, *end = p + n;
	size_t o = 0;

	while (p < end) {
		uint32_t c = 0;
		size_t len = utf8_sequence(p, (size_t)(end - p), &c);
		bool plain = len > 0 && is_harmless(c);
		size_t need = plain ? len : 4 * MAX(len, (size_t)1);

		if (o + need + 4 > size) { /* room for ... and the NUL */
			memcpy(buf + o, "...", 3);
			o += 3;
			break;
		}
		len = MAX(len, (size_t)1);
		if (plain) {
			memcpy(buf + o, p, len);
		} else {
			put_hex(p, len, buf + o);
		}
		o += need;
		p += len;
	}
	buf[o] = '\0';
	return buf;
}
