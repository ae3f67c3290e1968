/*
 * Reversal of UTF-8 text by bytes, code points or user-perceived characters.
 *
 * A user-perceived character is an extended grapheme cluster of UAX #29, by the
 * rules and properties of the Unicode version that text_unicode_version()
 * names. Valid UTF-8 is what table 3-7 of the Unicode standard says: nothing
 * over-long, no surrogates, nothing above U+10FFFF. The locale plays no part.
 *
 * Nothing here allocates, keeps state or needs to be set up; every function
 * may be called by any thread. Memory is the caller's; src and dst must not
 * overlap; either may be NULL if n is 0.
 *
 * There is a kernel per instruction set, with the same results; text_kernel_best()
 * is the one to use, the others are for tests and benchmarks.
 */
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

struct text_kernel {
	const char *name; /* "avx2" */
	/* Writes the n bytes of src to dst, the last unit first. 0, or -EILSEQ if src is
	 * not valid UTF-8: then *ret_bad is the offset of the first byte of the first
	 * ill-formed sequence, and dst holds n bytes of no meaning. */
	int (*reverse[TEXT_UNIT_COUNT])(
		const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad);
	/* For text_reverse_lines(): the lines that it can take faster than that. May be NULL. */
	void (*lines)(enum text_unit, struct text_lines *);
};

/* NULL if this build or this CPU has none. */
const struct text_kernel *text_kernel_find(enum text_simd);
/* The best one: never NULL. */
const struct text_kernel *text_kernel_best(void);

/* Reverses line by line up to one that is not valid, is longer than max or has not
 * enough room; that one and those behind it are left alone. */
void text_reverse_lines(const struct text_kernel *, enum text_unit, struct text_lines *);

/* What replaces an ill-formed sequence in text_repair(). */
#define TEXT_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define TEXT_REPAIR_GROWTH 3            /* repaired text is at most so many times as long */

/* Bytes that text_repair() writes for src: n if it is valid. */
size_t text_repair_size(const uint8_t *src, size_t n);

/* Copies src to dst, with U+FFFD in place of each maximal subpart of an
 * ill-formed sequence (Unicode standard, section 3.9, tables 3-8 to 3-11).
 * Returns the bytes written: text_repair_size(). */
size_t text_repair(const uint8_t *src, size_t n, uint8_t *dst);

/* Reverses the text where it lies; slower. It must be valid, unless unit is TEXT_BYTE. */
void text_reverse_in_place(enum text_unit unit, uint8_t *text, size_t n);

/* "17.0.0": of the tables. Static. */
const char *text_unicode_version(void);
