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
 * Each kernel exists once per instruction set, with the same results. The best
 * one that the CPU has is used; the _with() functions are for tests and
 * benchmarks, which want a particular one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "text/unit.h"
#include "util/macro.h"

/* What replaces an ill-formed sequence in text_repair(). */
#define TEXT_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define TEXT_REPAIR_GROWTH 3            /* repaired text is at most so many times as long */

/* Writes the n bytes of src to dst, the last unit first. 0, or -EILSEQ if src is
 * not valid UTF-8: then *ret_bad is the offset of the first byte of the first
 * ill-formed sequence, and dst holds n bytes of no meaning. */
int text_reverse(enum text_unit unit, const uint8_t *src, size_t n, uint8_t *dst,
	size_t *ret_bad) MUST_CHECK;

/* Reverses line by line up to one that is not valid, is longer than max or has not
 * enough room; that one and those behind it are left alone. */
void text_reverse_lines(enum text_unit unit, struct text_lines *);

/* 0, or -EILSEQ and *ret_bad as in text_reverse(). */
int text_validate(const uint8_t *src, size_t n, size_t *ret_bad) MUST_CHECK;

/* Bytes that text_repair() writes for src: n if it is valid. */
size_t text_repair_size(const uint8_t *src, size_t n);

/* Copies src to dst, with U+FFFD in place of each maximal subpart of an
 * ill-formed sequence (Unicode standard, section 3.9, tables 3-8 to 3-11).
 * Returns the bytes written: text_repair_size(). */
size_t text_repair(const uint8_t *src, size_t n, uint8_t *dst);

/* text_reverse() where the text lies; slower. It must be valid, unless unit is
 * TEXT_BYTE. */
void text_reverse_in_place(enum text_unit unit, uint8_t *text, size_t n);

/* "17.0.0": of the tables. Static. */
const char *text_unicode_version(void);

/* "avx2". Static. */
const char *text_simd_name(enum text_simd);
/* True if this build has these kernels and this CPU can run them. */
bool text_simd_available(enum text_simd);

/* simd must be available. */
int text_reverse_with(enum text_simd simd, enum text_unit unit, const uint8_t *src, size_t n,
	uint8_t *dst, size_t *ret_bad) MUST_CHECK;
void text_reverse_lines_with(enum text_simd simd, enum text_unit unit, struct text_lines *);
int text_validate_with(
	enum text_simd simd, const uint8_t *src, size_t n, size_t *ret_bad) MUST_CHECK;
