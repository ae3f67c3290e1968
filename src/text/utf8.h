/* One code point of UTF-8, checked as table 3-7 of the Unicode standard says. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "util/macro.h"

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

/* The length of the maximal subpart at p, where something ill-formed begins: of
 * the longest beginning of a well-formed sequence, but at least 1. */
static inline int utf8_subpart(const uint8_t *p, size_t n)
{
	bool fits = n >= 2 && p[0] >= 0xE0 && p[0] <= 0xF4 && utf8_second_fits(p[0], p[1]);

	if (!fits) {
		return 1;
	}
	return n >= 3 && p[0] >= 0xF0 && utf8_is_continuation(p[2]) ? 3 : 2;
}

/* Decodes what begins at p, of which n >= 1 bytes may be read. Returns its
 * length, 1 to 4; or, if it is ill-formed, -1 to -3: minus the length of the
 * maximal subpart, which is what one U+FFFD stands for. */
static ALWAYS_INLINE int utf8_decode(const uint8_t *p, size_t n, uint32_t *ret)
{
	uint32_t c = p[0];

	if (c < 0x80) {
		*ret = c;
		return 1;
	}
	if (c < 0xE0 && n >= 2) {
		*ret = (c & 0x1F) << 6 | (p[1] & 0x3Fu);
		return c >= 0xC2 && utf8_is_continuation(p[1]) ? 2 : -1;
	}
	if (c >= 0xE0 && c < 0xF0 && n >= 3) {
		c = (c & 0x0F) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
		*ret = c;
		if (utf8_is_continuation(p[1]) && utf8_is_continuation(p[2]) && c >= 0x800 &&
			c >> 11 != 0xD800 >> 11) {
			return 3;
		}
	} else if (c >= 0xF0 && c < 0xF8 && n >= 4) {
		c = (c & 0x07) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
		*ret = c;
		if (utf8_is_continuation(p[1]) && utf8_is_continuation(p[2]) &&
			utf8_is_continuation(p[3]) && c >= 0x10000 && c < 0x110000) {
			return 4;
		}
	}
	return -utf8_subpart(p, n);
}
