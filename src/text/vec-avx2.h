/* The vector that kernel-simd.h computes with: two lanes of 16 bytes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <immintrin.h>

#define VEC __m256i
#define VEC_SIZE 32u

static inline VEC v_load(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline void v_store(uint8_t *p, VEC v)
{
	_mm256_storeu_si256((__m256i *)(void *)p, v);
}

static inline VEC v_zero(void)
{
	return _mm256_setzero_si256();
}

static inline VEC v_splat(uint8_t b)
{
	return _mm256_set1_epi8((char)b);
}

/* The same 16 bytes in each lane. */
static inline VEC v_lanes(const uint8_t *table)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

static inline VEC v_and(VEC a, VEC b)
{
	return _mm256_and_si256(a, b);
}

static inline VEC v_or(VEC a, VEC b)
{
	return _mm256_or_si256(a, b);
}

static inline VEC v_xor(VEC a, VEC b)
{
	return _mm256_xor_si256(a, b);
}

static inline VEC v_add(VEC a, VEC b)
{
	return _mm256_add_epi8(a, b);
}

/* Unsigned; not below 0. */
static inline VEC v_sub_saturated(VEC a, VEC b)
{
	return _mm256_subs_epu8(a, b);
}

/* 0xFF where they are equal, else 0. */
static inline VEC v_equal(VEC a, VEC b)
{
	return _mm256_cmpeq_epi8(a, b);
}

static inline VEC v_low_nibbles(VEC v)
{
	return _mm256_and_si256(v, _mm256_set1_epi8(0x0F));
}

static inline VEC v_high_nibbles(VEC v)
{
	return v_low_nibbles(_mm256_srli_epi16(v, 4));
}

/* Lane by lane: the byte of v that each index 0 to 15 names; 0 for 0x80 and above.
 * For indexes of 0x10 to 0x7F the low nibble counts. */
static inline VEC v_lookup(VEC v, VEC index)
{
	return _mm256_shuffle_epi8(v, index);
}

static inline VEC v_reverse_lanes(VEC v)
{
	return _mm256_permute4x64_epi64(v, 0x4E);
}

/* The high bits of the bytes, the first byte's in bit 0. */
static inline uint32_t v_mask(VEC v)
{
	return (uint32_t)_mm256_movemask_epi8(v);
}

static inline bool v_is_zero(VEC v)
{
	return _mm256_testz_si256(v, v);
}
