/* text_repair(), and text_reverse_in_place() of what it made. */
#include <string.h>
#include "fuzz/text.h"
#include "unit/text/reference.h"
#include "util/macro.h"

static void check_in_place(enum text_unit unit, const uint8_t *text, size_t n)
{
	CLEANUP_FREE uint8_t *expected = malloc(n + 1);
	CLEANUP_FREE uint8_t *turned = malloc(n + 1);
	size_t bad;

	FUZZ_CHECK(expected && turned);
	FUZZ_CHECK(text_kernel_best()->reverse[unit](text, n, expected, &bad) == 0);
	memcpy(turned, text, n);
	text_reverse_in_place(unit, turned, n);
	FUZZ_CHECK(memcmp(turned, expected, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE uint8_t *expected = malloc(TEXT_REPAIR_GROWTH * size + 1);
	CLEANUP_FREE uint8_t *text = NULL;
	size_t n = text_repair_size(data, size);

	text = malloc(n ? n : 1);
	FUZZ_CHECK(expected && text);
	FUZZ_CHECK(n <= TEXT_REPAIR_GROWTH * size && reference_repair(data, size, expected) == n);
	FUZZ_CHECK(text_repair(data, size, text) == n);
	FUZZ_CHECK(memcmp(text, expected, n) == 0);
	for (enum text_unit unit = 0; unit < TEXT_UNIT_COUNT; unit++) {
		check_in_place(unit, text, n);
	}
	return 0;
}
