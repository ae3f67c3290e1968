#include "text/text.h"

#include <stdbool.h>
#include <string.h>
#include "text/cluster.h"
#include "text/utf8.h"

#define SHORT 32u /* less than this fills no vector */

/* The line that comes next, whatever is in it. False: it is to be left alone. */
static bool reverse_line(const struct text_kernel *k, enum text_unit unit, struct text_lines *l)
{
	const uint8_t *src = l->src + l->taken, *lf = memchr(src, '\n', l->n - l->taken);
	uint8_t *dst = l->dst + l->taken;
	size_t n, whole, bad;

	if (!lf) {
		return false;
	}
	n = (size_t)(lf - src);
	whole = n + 1;
	n -= n > 0 && src[n - 1] == '\r';
	if (n > l->max || whole > l->room - l->taken || k->reverse[unit](src, n, dst, &bad) < 0) {
		return false;
	}
	memcpy(dst + n, src + n, whole - n);
	l->taken += whole;
	l->lines++;
	return true;
}

void text_reverse_lines(const struct text_kernel *k, enum text_unit unit, struct text_lines *l)
{
	do {
		if (k->lines && l->n - l->taken > SHORT) {
			k->lines(unit, l);
		}
	} while (l->taken < l->n && reverse_line(k, unit, l));
}

const char *text_unicode_version(void)
{
	return gcb_unicode_version;
}

/* The length of what begins at p, and whether U+FFFD has to stand for it. */
static size_t repair_step(const uint8_t *p, size_t n, bool *ret_bad)
{
	uint32_t c;
	int length = utf8_decode(p, n, &c);

	*ret_bad = length < 0;
	return (size_t)(length < 0 ? -length : length);
}

size_t text_repair_size(const uint8_t *src, size_t n)
{
	size_t size = 0;
	bool bad;

	for (size_t i = 0; i < n;) {
		size_t length = repair_step(src + i, n - i, &bad);

		size += bad ? strlen(TEXT_REPLACEMENT) : length;
		i += length;
	}
	return size;
}

size_t text_repair(const uint8_t *src, size_t n, uint8_t *dst)
{
	size_t size = 0;
	bool bad;

	for (size_t i = 0; i < n;) {
		size_t length = repair_step(src + i, n - i, &bad);
		const uint8_t *from = bad ? (const uint8_t *)TEXT_REPLACEMENT : src + i;
		size_t put = bad ? strlen(TEXT_REPLACEMENT) : length;

		memcpy(dst + size, from, put);
		size += put;
		i += length;
	}
	return size;
}

static void reverse_bytes_in_place(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		uint8_t b = p[i];

		p[i] = p[n - 1 - i];
		p[n - 1 - i] = b;
	}
}

static size_t unit_end(enum text_unit unit, const uint8_t *text, size_t n, size_t pos)
{
	if (unit == TEXT_GRAPHEME) {
		return cluster_end(text, n, pos);
	}
	do {
		pos++;
	} while (pos < n && utf8_is_continuation(text[pos]));
	return pos;
}

/* Reversing the bytes of each unit, then those of the whole, leaves the units
 * as they were and in reverse order. */
void text_reverse_in_place(enum text_unit unit, uint8_t *text, size_t n)
{
	for (size_t i = 0; unit != TEXT_BYTE && i < n;) {
		size_t end = unit_end(unit, text, n, i);

		reverse_bytes_in_place(text + i, end - i);
		i = end;
	}
	reverse_bytes_in_place(text, n);
}
