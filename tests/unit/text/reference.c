#include "unit/text/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Properties of each code point, straight from the data file. */

enum property {
	CR,
	LF,
	CONTROL,
	EXTEND,
	ZWJ,
	SPACING,
	PREPEND,
	REGIONAL,
	HANGUL_L,
	HANGUL_V,
	HANGUL_T,
	HANGUL_LV,
	HANGUL_LVT,
	PICTOGRAPHIC,
	CONSONANT,
	CONJUNCT_EXTEND,
	LINKER,
	PROPERTIES,
};

static const char *const names[PROPERTIES] = {
	[CR] = "GCB CR",
	[LF] = "GCB LF",
	[CONTROL] = "GCB Control",
	[EXTEND] = "GCB Extend",
	[ZWJ] = "GCB ZWJ",
	[SPACING] = "GCB SpacingMark",
	[PREPEND] = "GCB Prepend",
	[REGIONAL] = "GCB Regional_Indicator",
	[HANGUL_L] = "GCB L",
	[HANGUL_V] = "GCB V",
	[HANGUL_T] = "GCB T",
	[HANGUL_LV] = "GCB LV",
	[HANGUL_LVT] = "GCB LVT",
	[PICTOGRAPHIC] = "ExtPict",
	[CONSONANT] = "InCB Consonant",
	[CONJUNCT_EXTEND] = "InCB Extend",
	[LINKER] = "InCB Linker",
};

static uint32_t properties[0x110000]; /* bit n: enum property */

static void set_range(const char *line)
{
	unsigned first, last;
	char name[64];

	if (line[0] == '#' || sscanf(line, "%x..%x ; %63[^\n]", &first, &last, name) != 3) {
		return;
	}
	for (unsigned p = 0; p < PROPERTIES; p++) {
		for (unsigned c = first; strcmp(names[p], name) == 0 && c <= last; c++) {
			properties[c] |= 1u << p;
		}
	}
}

__attribute__((constructor)) static void load(void)
{
	FILE *f = fopen(REFERENCE_DATA, "re");
	char line[128];

	if (!f) {
		perror(REFERENCE_DATA);
		abort();
	}
	while (fgets(line, sizeof(line), f)) {
		set_range(line);
	}
	fclose(f);
}

static bool is(uint32_t c, enum property p)
{
	return properties[c] >> p & 1;
}

bool reference_same_class(uint32_t a, uint32_t b)
{
	return properties[a] == properties[b];
}

/* The rules of UAX #29, revision 47, for a boundary before c[i], 0 < i. */

static bool gb9c(const uint32_t *c, size_t i)
{
	bool linked = false;

	if (!is(c[i], CONSONANT)) {
		return false;
	}
	while (i > 0 && (is(c[i - 1], CONJUNCT_EXTEND) || is(c[i - 1], LINKER))) {
		i--;
		linked |= is(c[i], LINKER);
	}
	return linked && i > 0 && is(c[i - 1], CONSONANT);
}

static bool gb11(const uint32_t *c, size_t i)
{
	if (!is(c[i], PICTOGRAPHIC) || !is(c[i - 1], ZWJ)) {
		return false;
	}
	i--;
	while (i > 0 && is(c[i - 1], EXTEND)) {
		i--;
	}
	return i > 0 && is(c[i - 1], PICTOGRAPHIC);
}

static bool gb12_13(const uint32_t *c, size_t i)
{
	size_t before = 0;

	while (before < i && is(c[i - 1 - before], REGIONAL)) {
		before++;
	}
	return is(c[i], REGIONAL) && before % 2 == 1;
}

static bool is_any_control(uint32_t c)
{
	return is(c, CONTROL) || is(c, CR) || is(c, LF);
}

static bool is_break(const uint32_t *c, size_t i)
{
	uint32_t a = c[i - 1], b = c[i];

	if (is(a, CR) && is(b, LF)) {
		return false; /* GB3 */
	}
	if (is_any_control(a) || is_any_control(b)) {
		return true; /* GB4, GB5 */
	}
	if ((is(a, HANGUL_L) && (is(b, HANGUL_L) || is(b, HANGUL_V) || is(b, HANGUL_LV) ||
					is(b, HANGUL_LVT))) ||
		((is(a, HANGUL_LV) || is(a, HANGUL_V)) && (is(b, HANGUL_V) || is(b, HANGUL_T))) ||
		((is(a, HANGUL_LVT) || is(a, HANGUL_T)) && is(b, HANGUL_T))) {
		return false; /* GB6, GB7, GB8 */
	}
	if (is(b, EXTEND) || is(b, ZWJ) || is(b, SPACING) || is(a, PREPEND)) {
		return false; /* GB9, GB9a, GB9b */
	}
	return !gb9c(c, i) && !gb11(c, i) && !gb12_13(c, i); /* else GB999 */
}

static void reverse_bytes(const uint8_t *src, size_t n, uint8_t *dst)
{
	for (size_t i = 0; i < n; i++) {
		dst[n - 1 - i] = src[i];
	}
}

void reference_reverse(enum text_unit unit, const uint8_t *src, size_t n, uint8_t *dst)
{
	uint32_t *c = calloc(n + 1, sizeof(*c));
	size_t begin = 0, i = 0, k = 0;

	if (unit == TEXT_BYTE) {
		reverse_bytes(src, n, dst);
		free(c);
		return;
	}
	while (i < n) {
		size_t length = reference_decode(src + i, n - i, &c[k]);

		if (k > 0 && (unit == TEXT_CODEPOINT || is_break(c, k))) {
			memcpy(dst + (n - i), src + begin, i - begin);
			begin = i;
		}
		i += length;
		k++;
	}
	if (n > 0) {
		memcpy(dst, src + begin, n - begin);
	}
	free(c);
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
