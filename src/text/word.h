/* Eight bytes at a time, and texts too short for a vector. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_MAX 32u /* the texts here are shorter */
#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (uint64_t)(b))

static inline uint64_t word_load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t word_load_half(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void word_store_reversed(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

static inline void word_store_half_reversed(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

/* Not 0 if a byte of v is not ASCII or, for clusters, is a CR. (Above the first
 * such byte the bits may be wrong.) */
static inline uint64_t word_special(uint64_t v, bool clusters)
{
	uint64_t cr = v ^ EACH_BYTE('\r');

	return (v | (clusters ? (cr - EACH_BYTE(1)) & ~cr : 0)) & EACH_BYTE(0x80);
}

/* True if there is nothing special among the n < WORD_MAX bytes. */
static inline bool word_is_plain(const uint8_t *p, size_t n, bool clusters)
{
	uint64_t special = 0;

	if (n >= 16) {
		special = word_special(word_load(p + 8), clusters) |
			  word_special(word_load(p + n - 16), clusters);
	}
	if (n >= 8) {
		special |= word_special(word_load(p), clusters) |
			   word_special(word_load(p + n - 8), clusters);
	} else if (n >= 4) {
		special = word_special(word_load_half(p), clusters) |
			  word_special(word_load_half(p + n - 4), clusters);
	} else {
		for (size_t i = 0; i < n; i++) {
			special |= word_special(p[i], clusters);
		}
	}
	return special == 0;
}

/* Reverses the n < WORD_MAX bytes at src. */
static inline void word_reverse(const uint8_t *src, size_t n, uint8_t *dst)
{
	if (n >= 16) {
		word_store_reversed(dst + n - 16, word_load(src + 8));
		word_store_reversed(dst + 8, word_load(src + n - 16));
	}
	if (n >= 8) {
		word_store_reversed(dst + n - 8, word_load(src));
		word_store_reversed(dst, word_load(src + n - 8));
	} else if (n >= 4) {
		word_store_half_reversed(dst + n - 4, word_load_half(src));
		word_store_half_reversed(dst, word_load_half(src + n - 4));
	} else {
		for (size_t i = 0; i < n; i++) {
			dst[n - 1 - i] = src[i];
		}
	}
}

/* memcpy() of n < WORD_MAX bytes; cheaper than the call. */
static inline void word_copy(uint8_t *dst, const uint8_t *src, size_t n)
{
	if (n >= 16) {
		memcpy(dst, src, 16);
		memcpy(dst + n - 16, src + n - 16, 16);
	} else if (n >= 8) {
		memcpy(dst, src, 8);
		memcpy(dst + n - 8, src + n - 8, 8);
	} else if (n >= 4) {
		memcpy(dst, src, 4);
		memcpy(dst + n - 4, src + n - 4, 4);
	} else if (n > 0) {
		dst[0] = src[0];
		dst[n / 2] = src[n / 2];
		dst[n - 1] = src[n - 1];
	}
}
