/* The kernels of the instruction sets, and what they have in common. */
#pragma once

#include "text/text.h"
#include "util/macro.h"

extern const struct text_kernel text_kernel_portable, text_kernel_ssse3, text_kernel_avx2;

/* Where the first ill-formed sequence from i on is: -EILSEQ and *ret_bad, or 0. */
int text_find_error(const uint8_t *src, size_t n, size_t i, size_t *ret_bad) MUST_CHECK;

/* Writes the clusters from the one at *pos to the first boundary from `until` on at which
 * the text may be cut, as cluster_reverse() does, but takes ASCII in words. */
int text_reverse_clusters(
	const uint8_t *src, size_t n, uint8_t *dst, size_t *pos, size_t until) MUST_CHECK;
