/* The kernels of one instruction set, behind text.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "text/unit.h"
#include "util/macro.h"

struct text_kernel {
	/* As text_reverse() and text_validate(). */
	int (*reverse[TEXT_UNIT_COUNT])(
		const uint8_t *src, size_t n, uint8_t *dst, size_t *ret_bad);
	int (*validate)(const uint8_t *src, size_t n, size_t *ret_bad);
	/* As text_reverse_lines(), but stops where it pleases. NULL: nowhere fast. */
	void (*lines)(enum text_unit, struct text_lines *);
};

extern const struct text_kernel text_kernel_portable, text_kernel_ssse3, text_kernel_avx2;

/* text_validate() without vectors, of what begins at i. */
int text_validate_from(const uint8_t *src, size_t n, size_t i, size_t *ret_bad) MUST_CHECK;

/* Writes the clusters from the one at *pos to the first boundary from `until` on at which
 * the text may be cut, as cluster_reverse() does, but takes ASCII in words. */
int text_reverse_clusters(
	const uint8_t *src, size_t n, uint8_t *dst, size_t *pos, size_t until) MUST_CHECK;

/* NULL if this build or this CPU has none. Costs a load and a test. */
const struct text_kernel *text_kernel_find(enum text_simd);
/* The best one: never NULL. */
const struct text_kernel *text_kernel_best(void);
