/* Compiled with -mssse3; called only if the CPU has it. */
#include "text/vec-ssse3.h"
#include "text/kernel-simd.h"
#include "text/simd-lines.h"

const struct text_kernel text_kernel_ssse3 = {
	.name = "ssse3",
	.reverse =
		{
			[TEXT_GRAPHEME] = reverse_graphemes,
			[TEXT_CODEPOINT] = reverse_codepoints,
			[TEXT_BYTE] = reverse_bytes,
		},
	.lines = lines,
};
