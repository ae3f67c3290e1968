/*
 * The kernels for every CPU: eight bytes of ASCII at a time, everything else one
 * code point at a time.
 */
#include <errno.h>
#include "text/cluster.h"
#include "text/kernel.h"
#include "text/utf8.h"
#include "text/word.h"

static int reverse_bytes(const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad)
{
	size_t i = 0;

	(void)ret_bad;
	for (; n - i >= 8; i += 8) {
		word_store_reversed(dst + (n - i - 8), word_load(src + i));
	}
	for (; i < n; i++) {
		dst[n - i - 1] = src[i];
	}
	return 0;
}

/* Reverses words of ASCII from i to `until` (for clusters: without CR); returns where
 * they end. */
static inline size_t run_ascii(
	const uint8_t *src, size_t n, uint8_t *dst, size_t i, size_t until, bool clusters)
{
	for (; i + 8 <= until; i += 8) {
		uint64_t v = word_load(src + i);

		if (word_special(v, clusters)) {
			break;
		}
		word_store_reversed(dst + (n - i - 8), v);
	}
	return i;
}

/* True if it is worth trying run_ascii() at i. */
static bool is_ascii_at(const uint8_t *src, size_t n, size_t i)
{
	return n - i >= 8 && !word_special(word_load(src + i), false);
}

static int reverse_codepoints(const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad)
{
	size_t i = 0;

	while ((i = run_ascii(src, n, dst, i, n, false)) < n) {
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
		} while (i < n && !is_ascii_at(src, n, i));
	}
	return 0;
}

/* The same as run_ascii() to the last byte that ASCII follows: what follows the
 * others may join them. */
static size_t run_ascii_clusters(
	const uint8_t *src, size_t n, uint8_t *dst, size_t begin, size_t until)
{
	size_t i = run_ascii(src, n, dst, begin, until, true);

	if (i > begin && i < n && src[i] >= 0x80) {
		return i - 1;
	}
	for (; i + 1 < until && src[i] < 0x80 && src[i] != '\r' && src[i + 1] < 0x80; i++) {
		dst[n - 1 - i] = src[i];
	}
	return i;
}

int text_reverse_clusters(const uint8_t *src, size_t n, uint8_t *dst, size_t *pos, size_t until)
{
	size_t end = MIN(until, n);

	while (*pos < end) {
		*pos = run_ascii_clusters(src, n, dst, *pos, end);
		if (*pos < end && cluster_reverse(src, n, dst, pos, end) < 0) {
			return -EILSEQ;
		}
	}
	return 0;
}

static int reverse_graphemes(const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad)
{
	size_t i = 0;

	if (text_reverse_clusters(src, n, dst, &i, n) < 0) {
		*ret_bad = i;
		return -EILSEQ;
	}
	return 0;
}

int text_find_error(const uint8_t *src, size_t n, size_t i, size_t *ret_bad)
{
	while (i < n) {
		uint32_t c;
		int length;

		if (is_ascii_at(src, n, i)) {
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
	.name = "portable",
	.reverse =
		{
			[TEXT_GRAPHEME] = reverse_graphemes,
			[TEXT_CODEPOINT] = reverse_codepoints,
			[TEXT_BYTE] = reverse_bytes,
		},
};
