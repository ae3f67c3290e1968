/* text_validate(). */
#include <errno.h>
#include "fuzz/text.h"
#include "unit/text/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t bad = reference_validate(data, size);

	for (enum text_simd simd = 0; simd < TEXT_SIMD_COUNT; simd++) {
		size_t ret_bad = size;
		int r;

		if (!text_simd_available(simd)) {
			continue;
		}
		r = text_validate_with(simd, data, size, &ret_bad);
		FUZZ_CHECK(ret_bad == bad && r == (bad < size ? -EILSEQ : 0));
	}
	return 0;
}
