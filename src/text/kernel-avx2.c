/* Compiled with -mavx2; called only if the CPU has it. */
#include "text/vec-avx2.h"
#include "text/kernel-simd.h"
#include "text/simd-lines.h"

const struct text_kernel text_kernel_avx2 = {
	.name = "avx2",
	.reverse =
		{
			[TEXT_GRAPHEME] = reverse_graphemes,
			[TEXT_CODEPOINT] = reverse_codepoints,
			[TEXT_BYTE] = reverse_bytes,
		},
	.lines = lines,
};
