/* text_reverse_lines(): the same as text_reverse() line by line, with every kernel. */
#include <string.h>
#include "fuzz/text.h"
#include "unit/text/reference.h"
#include "util/macro.h"

/* The lines that can be reversed, one by one; returns their bytes. */
static size_t reference_lines(
	enum text_unit unit, const uint8_t *data, size_t size, uint8_t *dst, size_t *ret_lines)
{
	size_t at = 0;

	for (*ret_lines = 0; at < size; ++*ret_lines) {
		const uint8_t *lf = memchr(data + at, '\n', size - at);
		size_t whole = (size_t)(lf - (data + at)) + 1, n = whole - 1;

		n -= n > 0 && data[at + n - 1] == '\r';
		if (unit != TEXT_BYTE && reference_validate(data + at, n) < n) {
			break;
		}
		reference_reverse(unit, data + at, n, dst + at);
		memcpy(dst + at + n, data + at + n, whole - n);
		at += whole;
	}
	return at;
}

static void check(enum text_unit unit, const uint8_t *data, size_t size)
{
	CLEANUP_FREE uint8_t *want = malloc(size), *out = malloc(size);
	size_t lines, taken;

	FUZZ_CHECK(want && out);
	taken = reference_lines(unit, data, size, want, &lines);
	for (enum text_simd simd = 0; simd < TEXT_SIMD_COUNT; simd++) {
		struct text_lines l = {
			.src = data, .n = size, .dst = out, .room = size, .max = size};

		if (text_kernel_find(simd)) {
			text_reverse_lines(text_kernel_find(simd), unit, &l);
			FUZZ_CHECK(l.taken == taken && l.lines == lines);
			FUZZ_CHECK(memcmp(out, want, taken) == 0);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size > 0 && data[size - 1] != '\n') {
		size--;
	}
	for (enum text_unit unit = 0; size > 0 && unit < TEXT_UNIT_COUNT; unit++) {
		check(unit, data, size);
	}
	return 0;
}
