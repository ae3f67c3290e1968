#include "client/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "util/macro.h"

/* The length of the well-formed sequence at p, 0 if there is none: table 3-7 of
 * the Unicode standard. */
static size_t sequence(const uint8_t *p, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c;

	if ((p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4 || len > n) {
		return 0;
	}
	c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	*ret = c;
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : len;
}

size_t escape_sequence(const void *p, size_t n)
{
	uint32_t c;

	return sequence(p, n, &c);
}

static bool is_harmless(uint32_t c)
{
	return c >= 0x20 && c != '\\' && !(c >= 0x7f && c < 0xa0) &&
	       !(c >= 0x200e && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
	       !(c >= 0x2066 && c <= 0x2069);
}

static size_t put_hex(const uint8_t *p, size_t n, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[4 * i] = '\\';
		out[4 * i + 1] = 'x';
		out[4 * i + 2] = hex[p[i] >> 4];
		out[4 * i + 3] = hex[p[i] & 15];
	}
	return 4 * n;
}

char *escape_text(const void *s, size_t n, char *buf, size_t size)
{
	const uint8_t *p = s, *end = p + n;
	size_t o = 0;

	while (p < end) {
		uint32_t c = 0;
		size_t len = sequence(p, (size_t)(end - p), &c);
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
