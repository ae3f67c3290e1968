/* One code point of UTF-8, checked as table 3-7 of the Unicode standard says. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool utf8_is_continuation(uint8_t b)
{
	return (b & 0xC0) == 0x80;
}

/* The bounds of the second byte: they keep out what is over-long, the
 * surrogates and what lies above U+10FFFF. */
static inline bool utf8_second_fits(uint8_t lead, uint8_t second)
{
	uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;

	return second >= low && second <= high;
}

static inline int utf8_decode_tail(
	const uint8_t *p, size_t n, int length, uint32_t c, uint32_t *ret)
{
	if (n < 2 || !utf8_second_fits(p[0], p[1])) {
		return -1;
	}
	c = c << 6 | (p[1] & 0x3Fu);
	for (int i = 2; i < length; i++) {
		if ((size_t)i >= n || !utf8_is_continuation(p[i])) {
			return -i;
		}
		c = c << 6 | (p[i] & 0x3Fu);
	}
	*ret = c;
	return length;
}

/* Decodes what begins at p, of which n >= 1 bytes may be read. Returns its
 * length, 1 to 4; or, if it is ill-formed, -1 to -3: minus the length of the
 * maximal subpart, which is what one U+FFFD stands for. */
static inline int utf8_decode(const uint8_t *p, size_t n, uint32_t *ret)
{
	uint8_t b = p[0];

	if (b < 0x80) {
		*ret = b;
		return 1;
	}
	if (b >= 0xC2 && b < 0xE0) {
		return utf8_decode_tail(p, n, 2, b & 0x1Fu, ret);
	}
	if (b >= 0xE0 && b < 0xF0) {
		return utf8_decode_tail(p, n, 3, b & 0x0Fu, ret);
	}
	if (b >= 0xF0 && b <= 0xF4) {
		return utf8_decode_tail(p, n, 4, b & 0x07u, ret);
	}
	return -1;
}
