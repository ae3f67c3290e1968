/* What the fuzz targets of the text library share. */
#pragma once

#include "fuzz/fuzz.h"
#include "text/text.h"

/* Every kernel against the reference, reversing the input by that unit: results,
 * and offsets of errors. Input and output are as long as they have to be, so
 * that a sanitizer sees every access beyond them. */
void fuzz_text_reverse(enum text_unit unit, const uint8_t *data, size_t size);
