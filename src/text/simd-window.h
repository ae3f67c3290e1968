/*
 * What the vector kernels compute of one vector of text, given the bytes around
 * it: where it is ill-formed, what it is with its code points in reverse
 * order, where clusters of more than one code point may be. There is no branch in it.
 */
#pragma once

#include <stdint.h>
#include "util/macro.h"

#define REACH 3u /* how far from a byte its code point may extend */

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

static ALWAYS_INLINE struct window window_load(const uint8_t *p)
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

static ALWAYS_INLINE VEC find_errors(const struct window *w)
{
	VEC pairs = v_and(v_lookup(v_lanes(error_first_high), w->back1_high),
		v_and(v_lookup(v_lanes(error_first_low), w->back1_low),
			v_lookup(v_lanes(error_second_high), w->here_high)));
	VEC third = v_sub_saturated(w->back2, v_splat(0xE0 - 0x80));
	VEC fourth = v_sub_saturated(w->back3, v_splat(0xF0 - 0x80));

	/* Two continuations in a row are right exactly where a third or fourth byte is due. */
	return v_xor(pairs, v_and(v_or(third, fourth), v_splat(TWO_CONTINUATIONS)));
}

static ALWAYS_INLINE VEC find_joins(const struct window *w)
{
	VEC first = v_and(v_lookup(v_lanes(join_first_high), w->back1_high),
		v_lookup(v_lanes(join_first_low), w->back1_low));
	VEC second = v_and(v_lookup(v_lanes(join_second_high), w->here_high),
		v_lookup(v_lanes(join_second_low), w->here_low));

	return v_and(first, second);
}

static ALWAYS_INLINE VEC reverse_bytes_of(VEC v)
{
	return v_reverse_lanes(v_lookup(v, v_lanes(backwards)));
}

static ALWAYS_INLINE VEC reverse_codepoints_of(const struct window *w)
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
