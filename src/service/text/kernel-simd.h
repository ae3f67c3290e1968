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

#include <errno.h>
#include <string.h>
#include "service/text/cluster.h"
#include "service/text/kernel.h"
#include "service/text/utf8.h"
#include "service/text/word.h"

#define INLINE inline __attribute__((always_inline))

#define GROUP 128u      /* bytes */
#define REACH 3u        /* how far from a byte its code point may extend */
#define DENSE 12        /* marks in a group from which on it is better not to jump */
#define DENSE_RUN 256u  /* bytes that the automaton then takes beyond the group */
#define MARGIN VEC_SIZE /* before a staged group, and twice behind it */

struct group {
	const uint8_t *src;
	size_t n;
	uint8_t *dst;
	size_t begin, end; /* of the group, in src */
	VEC errors;        /* not zero: something is ill-formed in it or just before it */
	VEC special;       /* high bits: what keeps it from being handled as ASCII */
	uint64_t joins[2]; /* a bit for each byte */
};

/* Like tables of bits, one bit for each class of ill-formed pairs. */
enum {
	TOO_SHORT = 1 << 0,
	TOO_LONG = 1 << 1,
	OVERLONG_3 = 1 << 2,
	TOO_LARGE = 1 << 3,
	SURROGATE = 1 << 4,
	OVERLONG_2 = 1 << 5,
	OVERLONG_4 = 1 << 6,
	TOO_LARGE_1000 = 1 << 6,
	TWO_CONTINUATIONS = 1 << 7,
	ANY_LOW = TOO_SHORT | TOO_LONG | TWO_CONTINUATIONS,
};

static const uint8_t error_first_high[16] = {
	TOO_LONG,
	TOO_LONG,
	TOO_LONG,
	TOO_LONG,
	TOO_LONG,
	TOO_LONG,
	TOO_LONG,
	TOO_LONG,
	TWO_CONTINUATIONS,
	TWO_CONTINUATIONS,
	TWO_CONTINUATIONS,
	TWO_CONTINUATIONS,
	TOO_SHORT | OVERLONG_2,
	TOO_SHORT,
	TOO_SHORT | OVERLONG_3 | SURROGATE,
	TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4,
};

static const uint8_t error_first_low[16] = {
	ANY_LOW | OVERLONG_3 | OVERLONG_2 | OVERLONG_4,
	ANY_LOW | OVERLONG_2,
	ANY_LOW,
	ANY_LOW,
	ANY_LOW | TOO_LARGE,
	ANY_LOW | TOO_LARGE | TOO_LARGE_1000,
	ANY_LOW | TOO_LARGE | TOO_LARGE_1000,
	ANY_LOW | TOO_LARGE | TOO_LARGE_1000,
	ANY_LOW | TOO_LARGE | TOO_LARGE_1000,
	ANY_LOW | TOO_LARGE | TOO_LARGE_1000,
	ANY_LOW | TOO_LARGE | TOO_LARGE_1000,
	ANY_LOW | TOO_LARGE | TOO_LARGE_1000,
	ANY_LOW | TOO_LARGE | TOO_LARGE_1000,
	ANY_LOW | TOO_LARGE | TOO_LARGE_1000 | SURROGATE,
	ANY_LOW | TOO_LARGE | TOO_LARGE_1000,
	ANY_LOW | TOO_LARGE | TOO_LARGE_1000,
};

static const uint8_t error_second_high[16] = {
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4,
	TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE,
	TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE,
	TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
};

/* How far on a byte's source lies, by the high nibble of the lead byte that is
 * the byte itself, or one, two, three bytes before it. */
static const uint8_t shift_lead[16] = {[0xC] = 1, [0xD] = 1, [0xE] = 2, [0xF] = 3};
static const uint8_t shift_second[16] = {[0xC] = 0xFF, [0xD] = 0xFF, [0xF] = 1};
static const uint8_t shift_third[16] = {[0xE] = 0xFE, [0xF] = 0xFF};
static const uint8_t shift_fourth[16] = {[0xF] = 0xFD};

static const uint8_t backwards[16] = {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0};

/* Pairs of bytes that may belong to a joining code point: each bit is a set of
 * first bytes times a set of second bytes. */
enum {
	JOIN_CC = 1 << 0,   /* CC CD: combining diacritics */
	JOIN_D = 1 << 1,    /* D2 D6-DF: Cyrillic numbers, Hebrew to N'Ko */
	JOIN_E0 = 1 << 2,   /* E0 E1 EA: Indic, South-East Asia, Hangul Jamo and so on */
	JOIN_E2 = 1 << 3,   /* E2 with 80 83 B3 B5 B7: ZWJ, marks for symbols */
	JOIN_E3 = 1 << 4,   /* E3 with 80 82: CJK tone marks, voiced sound marks */
	JOIN_EF = 1 << 5,   /* ED EF: more Jamo, variation selectors, half-width marks */
	JOIN_F0 = 1 << 6,   /* F0 with 90-9E, A0-AE; F3: scripts above U+FFFF, tags */
	JOIN_TAIL = 1 << 7, /* 9F with 87 8F: flags, skin tones; CR LF */
	JOIN_ANY_LOW = JOIN_CC | JOIN_D | JOIN_E0,
};

static const uint8_t join_first_high[16] = {
	[0x0] = JOIN_TAIL,
	[0x9] = JOIN_TAIL,
	[0xC] = JOIN_CC,
	[0xD] = JOIN_D,
	[0xE] = JOIN_E0 | JOIN_E2 | JOIN_E3 | JOIN_EF,
	[0xF] = JOIN_F0,
};

static const uint8_t join_first_low[16] = {
	[0x0] = JOIN_E0 | JOIN_F0,
	[0x1] = JOIN_E0,
	[0x2] = JOIN_D | JOIN_E2,
	[0x3] = JOIN_E3 | JOIN_F0,
	[0x6] = JOIN_D,
	[0x7] = JOIN_D,
	[0x8] = JOIN_D,
	[0x9] = JOIN_D,
	[0xA] = JOIN_D | JOIN_E0,
	[0xB] = JOIN_D,
	[0xC] = JOIN_D | JOIN_CC,
	[0xD] = JOIN_D | JOIN_CC | JOIN_EF | JOIN_TAIL,
	[0xE] = JOIN_D,
	[0xF] = JOIN_D | JOIN_EF | JOIN_TAIL,
};

static const uint8_t join_second_high[16] = {
	[0x0] = JOIN_TAIL,
	[0x8] = JOIN_ANY_LOW | JOIN_E2 | JOIN_E3 | JOIN_TAIL,
	[0x9] = JOIN_ANY_LOW | JOIN_EF | JOIN_F0,
	[0xA] = JOIN_ANY_LOW | JOIN_EF | JOIN_F0,
	[0xB] = JOIN_ANY_LOW | JOIN_E2 | JOIN_EF,
};

static const uint8_t join_second_low[16] = {
	[0x0] = JOIN_ANY_LOW | JOIN_F0 | JOIN_E2 | JOIN_E3,
	[0x1] = JOIN_ANY_LOW | JOIN_F0,
	[0x2] = JOIN_ANY_LOW | JOIN_F0 | JOIN_E3,
	[0x3] = JOIN_ANY_LOW | JOIN_F0 | JOIN_E2,
	[0x4] = JOIN_ANY_LOW | JOIN_F0,
	[0x5] = JOIN_ANY_LOW | JOIN_F0 | JOIN_E2,
	[0x6] = JOIN_ANY_LOW | JOIN_F0,
	[0x7] = JOIN_ANY_LOW | JOIN_F0 | JOIN_E2 | JOIN_TAIL,
	[0x8] = JOIN_ANY_LOW | JOIN_F0 | JOIN_EF,
	[0x9] = JOIN_ANY_LOW | JOIN_F0,
	[0xA] = JOIN_ANY_LOW | JOIN_F0 | JOIN_TAIL,
	[0xB] = JOIN_ANY_LOW | JOIN_F0,
	[0xC] = JOIN_ANY_LOW | JOIN_F0 | JOIN_EF,
	[0xD] = JOIN_ANY_LOW | JOIN_F0,
	[0xE] = JOIN_ANY_LOW | JOIN_F0 | JOIN_EF,
	[0xF] = JOIN_ANY_LOW | JOIN_EF | JOIN_TAIL,
};

/* Text that a vector's bytes depend on, and their nibbles. */
struct window {
	VEC here, back1, back2, back3, ahead3;
	VEC here_high, here_low, back1_high, back1_low;
};

static INLINE struct window window_load(const uint8_t *p)
{
	struct window w = {
		.here = v_load(p),
		.back1 = v_load(p - 1),
		.back2 = v_load(p - 2),
		.back3 = v_load(p - 3),
		.ahead3 = v_load(p + 3),
	};

	w.here_high = v_high_nibbles(w.here);
	w.here_low = v_low_nibbles(w.here);
	w.back1_high = v_high_nibbles(w.back1);
	w.back1_low = v_low_nibbles(w.back1);
	return w;
}

static INLINE VEC find_errors(const struct window *w)
{
	VEC pairs = v_and(v_lookup(v_lanes(error_first_high), w->back1_high),
		v_and(v_lookup(v_lanes(error_first_low), w->back1_low),
			v_lookup(v_lanes(error_second_high), w->here_high)));
	VEC third = v_sub_saturated(w->back2, v_splat(0xE0 - 0x80));
	VEC fourth = v_sub_saturated(w->back3, v_splat(0xF0 - 0x80));

	/* Two continuations in a row are right exactly where a third or fourth byte is due. */
	return v_xor(pairs, v_and(v_or(third, fourth), v_splat(TWO_CONTINUATIONS)));
}

static INLINE VEC find_joins(const struct window *w)
{
	VEC first = v_and(v_lookup(v_lanes(join_first_high), w->back1_high),
		v_lookup(v_lanes(join_first_low), w->back1_low));
	VEC second = v_and(v_lookup(v_lanes(join_second_high), w->here_high),
		v_lookup(v_lanes(join_second_low), w->here_low));

	return v_and(first, second);
}

static INLINE VEC reverse_bytes_of(VEC v)
{
	return v_reverse_lanes(v_lookup(v, v_lanes(backwards)));
}

static INLINE VEC reverse_codepoints_of(const struct window *w)
{
	VEC shift = v_add(v_add(v_lookup(v_lanes(shift_lead), w->here_high),
				  v_lookup(v_lanes(shift_second), w->back1_high)),
		v_add(v_lookup(v_lanes(shift_third), v_high_nibbles(w->back2)),
			v_lookup(v_lanes(shift_fourth), v_high_nibbles(w->back3))));
	VEC back = v_lanes(backwards);
	VEC source = v_add(v_lookup(shift, back), back);
	/* Indexes into each of the two windows; out of its range: 0x80 or above. */
	VEC low = v_lookup(w->back3, v_add(source, v_splat(0x70 + REACH)));
	VEC high = v_lookup(w->ahead3, v_add(source, v_splat((uint8_t)-REACH)));

	return v_reverse_lanes(v_or(low, high));
}

static INLINE void add_joins(struct group *g, VEC joins, size_t at)
{
	uint64_t none = v_mask(v_equal(joins, v_zero()));
	uint64_t bits = ~none & (UINT64_MAX >> (64 - VEC_SIZE));

	if (at >= 64) {
		g->joins[1] |= bits << (at - 64);
		return;
	}
	g->joins[0] |= bits << at;
	if (at > 64 - VEC_SIZE) {
		g->joins[1] |= bits >> (64 - at);
	}
}

/* The vector that begins `at` bytes into the group, at p; its result goes to out. */
static INLINE void group_step(
	struct group *g, const uint8_t *p, size_t at, uint8_t *out, bool reverse, bool clusters)
{
	struct window w = window_load(p);

	g->errors = v_or(g->errors, find_errors(&w));
	g->special = v_or(g->special, w.here);
	if (reverse) {
		v_store(out, reverse_codepoints_of(&w));
	}
	if (clusters) {
		g->special = v_or(g->special, v_equal(w.here, v_splat('\r')));
		add_joins(g, find_joins(&w), at);
	}
}

/* Where the result of the vector that begins `at` bytes into the group belongs. */
static INLINE uint8_t *group_out(const struct group *g, size_t at, bool reverse)
{
	return reverse ? g->dst + (g->n - g->begin - at - VEC_SIZE) : NULL;
}

/* A group that has REACH bytes of text on both sides. */
static INLINE void group_run_inner(struct group *g, bool reverse, bool clusters)
{
	const uint8_t *p = g->src + g->begin;

	for (size_t at = 0; at < GROUP; at += VEC_SIZE) {
		group_step(g, p + at, at, group_out(g, at, reverse), reverse, clusters);
	}
}

/* Copies the group and the REACH bytes around it to in + MARGIN, with zeros beyond the
 * ends of the text: they do as well as any ASCII. The vectors that are copied may
 * overlap, for none reaches beyond the text. */
static INLINE void stage(const struct group *g, uint8_t *in)
{
	const uint8_t *begin = g->src + g->begin, *end = g->src + g->end + REACH;
	uint8_t *out = in + MARGIN;

	v_store(in, v_zero());
	if (g->n < VEC_SIZE) {
		v_store(out, v_zero());
		word_copy(out, g->src, g->n);
	} else {
		const uint8_t *last = g->src + (g->n - VEC_SIZE);
		const uint8_t *p = g->begin > VEC_SIZE ? begin - VEC_SIZE : g->src;

		for (; p < last && p < end; p += VEC_SIZE) {
			v_store(out + (p - begin), v_load(p));
		}
		if (p < end) {
			v_store(out + (last - begin), v_load(last));
		}
	}
	if (g->n - g->end < REACH) {
		v_store(out + (g->n - g->begin), v_zero());
	}
}

/* A group at the beginning or the end of the text. */
static INLINE void group_run_outer(struct group *g, bool reverse, bool clusters)
{
	uint8_t in[MARGIN + GROUP + 2 * MARGIN], out[VEC_SIZE];
	size_t size = g->end - g->begin, at = 0;

	stage(g, in);
	if (size < VEC_SIZE) {
		group_step(g, in + MARGIN, 0, out, reverse, clusters);
		if (reverse) {
			word_copy(g->dst + (g->n - g->end), out + VEC_SIZE - size, size);
		}
		return;
	}
	for (; size - at >= VEC_SIZE; at += VEC_SIZE) {
		group_step(g, in + MARGIN + at, at, group_out(g, at, reverse), reverse, clusters);
	}
	if (at < size) {
		at = size - VEC_SIZE;
		group_step(g, in + MARGIN + at, at, group_out(g, at, reverse), reverse, clusters);
	}
}

/* The text ends in a lead byte that waits for more. */
static bool ends_short(const uint8_t *src, size_t n)
{
	return src[n - 1] >= 0xC0 || (n >= 2 && src[n - 2] >= 0xE0) ||
	       (n >= 3 && src[n - 3] >= 0xF0);
}

/* Where the error is, given that all is well before i, except that the last
 * code point before it may lack bytes. */
static int locate_error(const uint8_t *src, size_t n, size_t i, size_t *ret_bad)
{
	for (size_t k = 0; k <= REACH && i > 0; k++) {
		if (!utf8_is_continuation(src[--i])) {
			break;
		}
	}
	return text_validate_from(src, n, i, ret_bad);
}

/* Checks and reverses the group that begins at g->begin. */
static INLINE int group_run(struct group *g, bool reverse, bool clusters, size_t *ret_bad)
{
	g->errors = g->special = v_zero();
	g->joins[0] = g->joins[1] = 0;
	g->end = MIN(g->n, g->begin + GROUP);
	if (g->begin >= REACH && g->n - g->begin >= GROUP + REACH) {
		group_run_inner(g, reverse, clusters);
	} else {
		group_run_outer(g, reverse, clusters);
	}
	if (!v_is_zero(g->errors) || (g->end == g->n && ends_short(g->src, g->n))) {
		return locate_error(g->src, g->n, g->begin, ret_bad);
	}
	return 0;
}

/* Where the automaton has to begin because of the mark at i: at the code point
 * before the joining one. g->n if it was a false alarm. */
static size_t join_begin(const struct group *g, size_t i)
{
	uint32_t c;
	int length;

	if (g->src[i] == '\n') {
		return g->src[i - 1] == '\r' ? i - 1 : g->n;
	}
	while (utf8_is_continuation(g->src[i])) {
		i--;
	}
	length = utf8_decode(g->src + i, g->n - i, &c);
	if (length > 0 && gcb_class(c) < GCB_JOINING) {
		return g->n;
	}
	while (i > 0 && utf8_is_continuation(g->src[--i])) {
	}
	return i;
}

/* The bits for base and what follows it, without those for what lies before `from`. */
static INLINE uint64_t bits_from(uint64_t bits, size_t base, size_t from)
{
	return from <= base ? bits : from - base >= 64 ? 0 : bits & (UINT64_MAX << (from - base));
}

/* Lets the automaton loose on what begins at *done. */
static int join_run(const struct group *g, bool dense, size_t *done)
{
	if (dense) {
		return cluster_reverse_until(g->src, g->n, g->dst, done, g->end + DENSE_RUN);
	}
	return cluster_patch(g->src, g->n, g->dst, done);
}

/* Puts the clusters of more than one code point in order. g->end moves on if
 * one of them goes on beyond it. */
static int group_join(struct group *g, size_t *ret_bad)
{
	int marks = __builtin_popcountll(g->joins[0]) + __builtin_popcountll(g->joins[1]);
	size_t done = g->begin, base = g->begin;

	for (size_t word = 0; word < ARRAY_SIZE(g->joins); word++, base += 64) {
		uint64_t bits = g->joins[word];

		while ((bits = bits_from(bits, base, done))) {
			size_t i = base + (size_t)__builtin_ctzll(bits);
			size_t from = join_begin(g, i);

			bits &= bits - 1;
			if (from == g->n) {
				continue;
			}
			done = from;
			if (join_run(g, marks >= DENSE, &done) < 0) {
				*ret_bad = done;
				return -EILSEQ;
			}
		}
	}
	g->end = MAX(g->end, done);
	return 0;
}

/* Reverses the vector at src + i if there is nothing special in it. */
static INLINE bool step_plain(
	const uint8_t *src, size_t n, uint8_t *dst, size_t i, bool reverse, bool clusters)
{
	VEC v = v_load(src + i), special = v;

	if (clusters) {
		special = v_or(v, v_equal(v, v_splat('\r')));
	}
	if (v_mask(special)) {
		return false;
	}
	if (reverse) {
		v_store(dst + (n - i - VEC_SIZE), reverse_bytes_of(v));
	}
	return true;
}

/* Reverses ASCII from i on (for clusters: without CR); returns where it ends,
 * rounded down to vectors unless that is the end of the text. */
static INLINE size_t run_plain(
	const uint8_t *src, size_t n, uint8_t *dst, size_t begin, bool reverse, bool clusters)
{
	size_t i = begin;

	while (n - i >= VEC_SIZE) {
		if (!step_plain(src, n, dst, i, reverse, clusters)) {
			return i;
		}
		i += VEC_SIZE;
	}
	/* The last vector overlaps the one before it, but it must not touch the
	 * clusters that may lie before this run. */
	if (i < n && i - begin >= VEC_SIZE &&
		step_plain(src, n, dst, n - VEC_SIZE, reverse, clusters)) {
		return n;
	}
	return i;
}

/* What begins at `begin` and is not all plain: groups for as long as they are
 * special, then plain vectors again, and so on. */
static INLINE int run_groups(const uint8_t *src, size_t n, uint8_t *dst, size_t begin,
	size_t *ret_bad, bool reverse, bool clusters)
{
	struct group g = {.src = src, .n = n, .dst = dst, .begin = begin};

	do {
		do {
			if (group_run(&g, reverse, clusters, ret_bad) < 0 ||
				(clusters && group_join(&g, ret_bad) < 0)) {
				return -EILSEQ;
			}
			g.begin = g.end;
		} while (g.begin < n && v_mask(g.special));
		g.begin = run_plain(src, n, dst, g.begin, reverse, clusters);
	} while (g.begin < n);
	return 0;
}

/* Reverses the plain beginning; returns where it ends: n if that was all. Kept
 * apart from the groups so that short ASCII does not pay for their stack. */
static INLINE size_t begin_plain(
	const uint8_t *src, size_t n, uint8_t *dst, bool reverse, bool clusters)
{
	if (n >= VEC_SIZE) {
		return run_plain(src, n, dst, 0, reverse, clusters);
	}
	if (!word_is_plain(src, n, clusters)) {
		return 0;
	}
	if (reverse) {
		word_reverse(src, n, dst);
	}
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
	return run_groups(src, n, dst, begin, ret_bad, true, true);
}

static int reverse_graphemes(const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad)
{
	size_t i = begin_plain(src, n, dst, true, true);

	return i == n ? 0 : reverse_special_graphemes(src, n, dst, i, ret_bad);
}

static __attribute__((noinline)) int reverse_special_codepoints(
	const uint8_t *src, size_t n, uint8_t *dst, size_t begin, size_t *ret_bad)
{
	return run_groups(src, n, dst, begin, ret_bad, true, false);
}

static int reverse_codepoints(const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad)
{
	size_t i = begin_plain(src, n, dst, true, false);

	return i == n ? 0 : reverse_special_codepoints(src, n, dst, i, ret_bad);
}

static __attribute__((noinline)) int validate_special(
	const uint8_t *src, size_t n, size_t begin, size_t *ret_bad)
{
	return run_groups(src, n, NULL, begin, ret_bad, false, false);
}

static int validate(const uint8_t *src, size_t n, size_t *ret_bad)
{
	size_t i = begin_plain(src, n, NULL, false, false);

	return i == n ? 0 : validate_special(src, n, i, ret_bad);
}
