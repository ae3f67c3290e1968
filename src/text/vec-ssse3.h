/* The vector that kernel-simd.h computes with: one lane of 16 bytes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <tmmintrin.h>

#define VEC __m128i
#define VEC_SIZE 16u

static inline VEC v_load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void v_store(uint8_t *p, VEC v)
{
	_mm_storeu_si128((__m128i *)(void *)p, v);
}

static inline VEC v_zero(void)
{
	return _mm_setzero_si128();
}

static inline VEC v_splat(uint8_t b)
{
	return _mm_set1_epi8((char)b);
}

/* The same 16 bytes in each lane. */
static inline VEC v_lanes(const uint8_t *table)
{
	return v_load(table);
}

static inline VEC v_and(VEC a, VEC b)
{
	return _mm_and_si128(a, b);
}

static inline VEC v_or(VEC a, VEC b)
{
	return _mm_or_si128(a, b);
}

static inline VEC v_xor(VEC a, VEC b)
{
	return _mm_xor_si128(a, b);
}

static inline VEC v_add(VEC a, VEC b)
{
	return _mm_add_epi8(a, b);
}

/* Unsigned; not below 0. */
static inline VEC v_sub_saturated(VEC a, VEC b)
{
	return _mm_subs_epu8(a, b);
}

/* 0xFF where they are equal, else 0. */
static inline VEC v_equal(VEC a, VEC b)
{
	return _mm_cmpeq_epi8(a, b);
}

static inline VEC v_low_nibbles(VEC v)
{
	return _mm_and_si128(v, _mm_set1_epi8(0x0F));
}

static inline VEC v_high_nibbles(VEC v)
{
	return v_low_nibbles(_mm_srli_epi16(v, 4));
}

/* Lane by lane: the byte of v that each index 0 to 15 names; 0 for 0x80 and above.
 * For indexes of 0x10 to 0x7F the low nibble counts. */
static inline VEC v_lookup(VEC v, VEC index)
{
	return _mm_shuffle_epi8(v, index);
}

static inline VEC v_reverse_lanes(VEC v)
{
	return v;
}

/* The high bits of the bytes, the first byte's in bit 0. */
static inline uint32_t v_mask(VEC v)
{
	return (uint32_t)_mm_movemask_epi8(v);
}

static inline bool v_is_zero(VEC v)
{
	return v_mask(v_equal(v, v_zero())) == 0xFFFFu;
}
