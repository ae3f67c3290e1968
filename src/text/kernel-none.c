/* Which kernels there are: on a CPU family without vector kernels of its own. */
#include "text/kernel.h"

const struct text_kernel *text_kernel_find(enum text_simd simd)
{
	return simd == TEXT_PORTABLE ? &text_kernel_portable : NULL;
}

const struct text_kernel *text_kernel_best(void)
{
	return &text_kernel_portable;
}
