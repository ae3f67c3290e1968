#include "fuzz/text.h"

#include <errno.h>
#include <string.h>
#include "unit/text/reference.h"
#include "util/macro.h"

static void check_kernel(enum text_simd simd, enum text_unit unit, const uint8_t *data, size_t size,
	size_t bad, const uint8_t *expected)
{
	CLEANUP_FREE uint8_t *out = malloc(size ? size : 1);
	size_t ret_bad = SIZE_MAX;
	int r;

	FUZZ_CHECK(out);
	r = text_kernel_find(simd)->reverse[unit](data, size, out, &ret_bad);
	if (bad < size && unit != TEXT_BYTE) {
		FUZZ_CHECK(r == -EILSEQ && ret_bad == bad);
	} else {
		FUZZ_CHECK(r == 0 && memcmp(out, expected, size) == 0);
	}
}

void fuzz_text_reverse(enum text_unit unit, const uint8_t *data, size_t size)
{
	CLEANUP_FREE uint8_t *expected = calloc(1, size + 1);
	size_t bad = reference_validate(data, size);

	FUZZ_CHECK(expected);
	if (bad == size || unit == TEXT_BYTE) {
		reference_reverse(unit, data, size, expected);
	}
	for (enum text_simd simd = 0; simd < TEXT_SIMD_COUNT; simd++) {
		if (text_kernel_find(simd)) {
			check_kernel(simd, unit, data, size, bad, expected);
		}
	}
}
