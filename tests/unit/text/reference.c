#include "unit/text/reference.h"

#include <string.h>
#include <utf8proc.h>

void reference_encode(uint32_t c, size_t length, uint8_t *buf)
{
	static const uint8_t marks[] = {0, 0x00, 0xC0, 0xE0, 0xF0};

	for (size_t i = length - 1; i > 0; i--) {
		buf[i] = (uint8_t)(0x80 | (c & 0x3F));
		c >>= 6;
	}
	buf[0] = (uint8_t)(marks[length] | c);
}

static size_t shortest_length(uint32_t c)
{
	return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

/* Every sequence of one to four bytes that is what its own value encodes to. */
size_t reference_decode(const uint8_t *p, size_t n, uint32_t *ret_c)
{
	for (size_t length = 1; length <= 4 && length <= n; length++) {
		uint32_t c = length == 1 ? p[0] : p[0] & (0xFFu >> (length + 1));
		uint8_t again[4];

		for (size_t i = 1; i < length; i++) {
			c = c << 6 | (p[i] & 0x3Fu);
		}
		if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF) || shortest_length(c) != length) {
			continue;
		}
		reference_encode(c, length, again);
		if (memcmp(p, again, length) == 0) {
			if (ret_c) {
				*ret_c = c;
			}
			return length;
		}
	}
	return 0;
}

/* True if some well-formed sequence begins with these n bytes: if so, one does
 * whose other bytes are all the lowest or all the highest that there are. */
static bool is_prefix(const uint8_t *p, size_t n)
{
	static const uint8_t fills[] = {0x80, 0xBF};

	for (size_t i = 0; i < sizeof(fills); i++) {
		uint8_t buf[4];

		memset(buf, fills[i], sizeof(buf));
		memcpy(buf, p, n);
		if (reference_decode(buf, sizeof(buf), NULL) > n) {
			return true;
		}
	}
	return false;
}

size_t reference_subpart(const uint8_t *p, size_t n)
{
	for (size_t length = 3; length > 1; length--) {
		if (length <= n && is_prefix(p, length)) {
			return length;
		}
	}
	return 1;
}

size_t reference_validate(const uint8_t *src, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t length = reference_decode(src + i, n - i, NULL);

		if (length == 0) {
			break;
		}
		i += length;
	}
	return i;
}

/* The end of the unit that begins at i. */
static size_t unit_end(enum text_unit unit, const uint8_t *src, size_t n, size_t i)
{
	utf8proc_int32_t state = 0;
	uint32_t last = 0, c = 0;

	if (unit == TEXT_BYTE) {
		return i + 1;
	}
	i += reference_decode(src + i, n - i, &last);
	while (unit == TEXT_GRAPHEME && i < n) {
		size_t length = reference_decode(src + i, n - i, &c);

		if (utf8proc_grapheme_break_stateful(
			    (utf8proc_int32_t)last, (utf8proc_int32_t)c, &state)) {
			break;
		}
		last = c;
		i += length;
	}
	return i;
}

void reference_reverse(enum text_unit unit, const uint8_t *src, size_t n, uint8_t *dst)
{
	size_t i = 0;

	while (i < n) {
		size_t end = unit_end(unit, src, n, i);

		memcpy(dst + (n - end), src + i, end - i);
		i = end;
	}
}

size_t reference_repair(const uint8_t *src, size_t n, uint8_t *dst)
{
	size_t size = 0, i = 0;

	while (i < n) {
		size_t length = reference_decode(src + i, n - i, NULL);

		if (length == 0) {
			reference_encode(0xFFFD, 3, dst + size);
			size += 3;
			i += reference_subpart(src + i, n - i);
		} else {
			memcpy(dst + size, src + i, length);
			size += length;
			i += length;
		}
	}
	return size;
}
