/* Reversal by graphemes. */
#include "fuzz/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_text_reverse(TEXT_GRAPHEME, data, size);
	return 0;
}
