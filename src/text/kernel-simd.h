/*
 * The vector kernels, written once over the vectors of vec-ssse3.h and
 * vec-avx2.h: a file that includes one of those and then this one has them all.
 *
 * ASCII is reversed vector by vector for as long as there is nothing else.
 * Everything else goes in groups of 128 bytes, in which there is no branch per
 * code point:
 *
 * - Validity, by Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction
 *   Per Byte" (2020): three lookups by nibbles find every ill-formed pair of
 *   bytes, two comparisons the third and fourth bytes that are missing or too many.
 *   Where the error is, is found by the portable code.
 *
 * - Order. Reversed bytewise, the k bytes of a code point lie in its right place
 *   but backwards. So the byte for the place of number j of them comes from
 *   k - 1 - 2j further on (-3 to 3), which four lookups tell from the lead bytes
 *   at most three bytes back. Those sources lie in the window that begins three
 *   bytes before the vector or in the one that begins three bytes after it.
 *
 * - Clusters. Four more lookups mark the places where a code point might join its
 *   neighbours (gcb.h: GCB_JOINING, and CR LF); this may be too many, never too
 *   few. Only from those on does the automaton of cluster.h look at the text,
 *   and it writes its clusters over what the group has written there.
 *
 * The vectors of a group may begin in the middle of a code point, since what
 * came before is read from the text again.
 */
#pragma once

#include "text/simd-group.h"

/* Reverses the vector at src + i if there is nothing special in it. */
static ALWAYS_INLINE bool step_plain(
	const uint8_t *src, size_t n, uint8_t *dst, size_t i, bool clusters)
{
	VEC v = v_load(src + i), special = v;

	if (clusters) {
		special = v_or(v, v_equal(v, v_splat('\r')));
	}
	if (v_mask(special)) {
		return false;
	}
	v_store(dst + (n - i - VEC_SIZE), reverse_bytes_of(v));
	return true;
}

/* Reverses ASCII from i on (for clusters: without CR); returns where it ends,
 * rounded down to vectors unless that is the end of the text. */
static ALWAYS_INLINE size_t run_plain(
	const uint8_t *src, size_t n, uint8_t *dst, size_t begin, bool clusters)
{
	size_t i = begin;

	while (n - i >= VEC_SIZE) {
		if (!step_plain(src, n, dst, i, clusters)) {
			return i;
		}
		i += VEC_SIZE;
	}
	/* The last vector overlaps the one before it, but it must not touch the
	 * clusters that may lie before this run. */
	if (i < n && i - begin >= VEC_SIZE &&
		step_plain(src, n, dst, n - VEC_SIZE, clusters)) {
		return n;
	}
	return i;
}

/* What begins at `begin` and is not all plain: groups for as long as they are
 * special, then plain vectors again, and so on. */
static ALWAYS_INLINE int run_groups(const uint8_t *src, size_t n, uint8_t *dst, size_t begin,
	size_t *ret_bad, bool clusters)
{
	struct group g = {.src = src, .n = n, .dst = dst, .begin = begin};

	do {
		do {
			if (group_run(&g, clusters, ret_bad) < 0 ||
				(clusters && group_join(&g, ret_bad) < 0)) {
				return -EILSEQ;
			}
			g.begin = g.end;
		} while (g.begin < n && v_mask(g.special));
		g.begin = run_plain(src, n, dst, g.begin, clusters);
	} while (g.begin < n);
	return 0;
}

/* Reverses the plain beginning; returns where it ends: n if that was all. Kept
 * apart from the groups so that short ASCII does not pay for their stack. */
static ALWAYS_INLINE size_t begin_plain(
	const uint8_t *src, size_t n, uint8_t *dst, bool clusters)
{
	if (n >= VEC_SIZE) {
		return run_plain(src, n, dst, 0, clusters);
	}
	if (!word_is_plain(src, n, clusters)) {
		return 0;
	}
	word_reverse(src, n, dst);
	return n;
}

static int reverse_bytes(const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad)
{
	size_t i = 0;

	(void)ret_bad;
	if (n < VEC_SIZE) {
		word_reverse(src, n, dst);
		return 0;
	}
	for (; n - i >= VEC_SIZE; i += VEC_SIZE) {
		v_store(dst + (n - i - VEC_SIZE), reverse_bytes_of(v_load(src + i)));
	}
	v_store(dst, reverse_bytes_of(v_load(src + (n - VEC_SIZE))));
	return 0;
}

static __attribute__((noinline)) int reverse_special_graphemes(
	const uint8_t *src, size_t n, uint8_t *dst, size_t begin, size_t *ret_bad)
{
	return run_groups(src, n, dst, begin, ret_bad, true);
}

static int reverse_graphemes(const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad)
{
	size_t i = begin_plain(src, n, dst, true);

	return i == n ? 0 : reverse_special_graphemes(src, n, dst, i, ret_bad);
}

static __attribute__((noinline)) int reverse_special_codepoints(
	const uint8_t *src, size_t n, uint8_t *dst, size_t begin, size_t *ret_bad)
{
	return run_groups(src, n, dst, begin, ret_bad, false);
}

static int reverse_codepoints(const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad)
{
	size_t i = begin_plain(src, n, dst, false);

	return i == n ? 0 : reverse_special_codepoints(src, n, dst, i, ret_bad);
}
