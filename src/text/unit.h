/* What text is reversed by, and the lines that are reversed together. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum text_unit {
	TEXT_GRAPHEME,
	TEXT_CODEPOINT,
	TEXT_BYTE, /* any bytes: never an error */
	TEXT_UNIT_COUNT,
};

enum text_simd {
	TEXT_PORTABLE,
	TEXT_SSSE3,
	TEXT_AVX2,
	TEXT_SIMD_COUNT,
};

/* Lines to reverse. A line is a text, an optional CR and an LF; these two stay where
 * they are, so that what is written is as long as what was taken. */
struct text_lines {
	const uint8_t *src; /* n bytes, the last of them an LF */
	size_t n;
	uint8_t *dst; /* room bytes; those behind what was taken may be overwritten too */
	size_t room;
	size_t max;          /* bytes of the longest text, less than SIZE_MAX */
	size_t taken, lines; /* grow: bytes of src, and of dst; and lines */
};
