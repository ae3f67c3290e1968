/* Which kernels there are: on x86, where the CPU's features are known before main(). */
#include "text/kernel.h"

const struct text_kernel *text_kernel_find(enum text_simd simd)
{
	switch (simd) {
	case TEXT_PORTABLE:
		return &text_kernel_portable;
	case TEXT_SSSE3:
		return __builtin_cpu_supports("ssse3") ? &text_kernel_ssse3 : NULL;
	case TEXT_AVX2:
		return __builtin_cpu_supports("avx2") ? &text_kernel_avx2 : NULL;
	case TEXT_SIMD_COUNT:
		break;
	}
	return NULL;
}

const struct text_kernel *text_kernel_best(void)
{
	if (__builtin_cpu_supports("avx2")) {
		return &text_kernel_avx2;
	}
	return __builtin_cpu_supports("ssse3") ? &text_kernel_ssse3 : &text_kernel_portable;
}
