/*
 * What the text library must do, in the plainest way there is and sharing no
 * code or table with it: for the unit tests and the fuzz targets. Boundaries of
 * clusters are found by the rules of UAX #29, revision 47, one after the other, with
 * the properties as the data file gives them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "text/text.h"

/* Encodes c, which may be any number below 2^21, in `length` bytes, over-long or not. */
void reference_encode(uint32_t c, size_t length, uint8_t *buf);

/* The length of the well-formed sequence at p, or 0. *ret_c may be NULL. */
size_t reference_decode(const uint8_t *p, size_t n, uint32_t *ret_c);

/* The length of the maximal subpart at p, where no well-formed sequence begins. */
size_t reference_subpart(const uint8_t *p, size_t n);

/* The offset of the first ill-formed sequence; n if there is none. */
size_t reference_validate(const uint8_t *src, size_t n);

/* src must be valid unless unit is TEXT_BYTE. */
void reference_reverse(enum text_unit unit, const uint8_t *src, size_t n, uint8_t *dst);

/* dst has room for TEXT_REPAIR_GROWTH * n bytes. Returns the bytes written. */
size_t reference_repair(const uint8_t *src, size_t n, uint8_t *dst);

/* True if the properties that boundaries depend on are the same. */
bool reference_same_class(uint32_t a, uint32_t b);
