/*
 * The kernels for every CPU: eight bytes of ASCII at a time in a 64-bit word,
 * everything else one code point at a time.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include "service/text/cluster.h"
#include "service/text/kernel.h"
#include "service/text/utf8.h"

#define EACH_BYTE(b) (0x0101010101010101u * (uint64_t)(b))

static uint64_t load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void store_swapped(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

/* Not 0 if some byte of v, which is ASCII, is a CR. */
static uint64_t find_cr(uint64_t v)
{
	v ^= EACH_BYTE('\r');
	return (v - EACH_BYTE(1)) & ~v & EACH_BYTE(0x80);
}

static int reverse_bytes(const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad)
{
	size_t i = 0;

	(void)ret_bad;
	for (; n - i >= 8; i += 8) {
		store_swapped(dst + (n - i - 8), load(src + i));
	}
	for (; i < n; i++) {
		dst[n - i - 1] = src[i];
	}
	return 0;
}

/* Reverses whole words of ASCII from i on; returns where they end. */
static size_t reverse_ascii(const uint8_t *src, size_t n, uint8_t *dst, size_t i)
{
	for (; n - i >= 8; i += 8) {
		uint64_t v = load(src + i);

		if (v & EACH_BYTE(0x80)) {
			break;
		}
		store_swapped(dst + (n - i - 8), v);
	}
	return i;
}

/* The same, but stops at a CR too: CR LF is one cluster. */
static size_t reverse_ascii_clusters(const uint8_t *src, size_t n, uint8_t *dst, size_t i)
{
	for (; n - i >= 8; i += 8) {
		uint64_t v = load(src + i);

		if ((v & EACH_BYTE(0x80)) || find_cr(v)) {
			break;
		}
		store_swapped(dst + (n - i - 8), v);
	}
	return i;
}

static int reverse_codepoints(const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad)
{
	size_t i = 0;

	while ((i = reverse_ascii(src, n, dst, i)) < n) {
		/* Up to the next word that could be ASCII. */
		do {
			uint32_t c;
			int length = utf8_decode(src + i, n - i, &c);

			if (length < 0) {
				*ret_bad = i;
				return -EILSEQ;
			}
			for (int k = 0; k < length; k++) {
				dst[n - i - (size_t)(length - k)] = src[i + (size_t)k];
			}
			i += (size_t)length;
		} while (i < n && (n - i < 8 || (load(src + i) & EACH_BYTE(0x80))));
	}
	return 0;
}

static int reverse_graphemes(const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad)
{
	size_t i = 0;

	while (i < n) {
		size_t ascii_end = reverse_ascii_clusters(src, n, dst, i);

		/* What follows may join the last of the ASCII. */
		i = ascii_end > i ? ascii_end - 1 : i;
		do {
			if (cluster_reverse_run(src, n, dst, &i) < 0) {
				*ret_bad = i;
				return -EILSEQ;
			}
		} while (i < n && (i < ascii_end || n - i < 8 || (load(src + i) & EACH_BYTE(0x80))));
	}
	return 0;
}

static int validate(const uint8_t *src, size_t n, size_t *ret_bad)
{
	size_t i = 0;

	while (i < n) {
		uint32_t c;
		int length;

		if (n - i >= 8 && !(load(src + i) & EACH_BYTE(0x80))) {
			i += 8;
			continue;
		}
		length = utf8_decode(src + i, n - i, &c);
		if (length < 0) {
			*ret_bad = i;
			return -EILSEQ;
		}
		i += (size_t)length;
	}
	return 0;
}

const struct text_kernel text_kernel_portable = {
	.reverse =
		{
			[TEXT_GRAPHEME] = reverse_graphemes,
			[TEXT_CODEPOINT] = reverse_codepoints,
			[TEXT_BYTE] = reverse_bytes,
		},
	.validate = validate,
};
