/*
 * Decimal numbers as people write them, whatever the locale: an optional sign, digits
 * with or without a point among them, perhaps an exponent. Neither "nan" nor "inf" nor
 * "0x1p3" is one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "util/macro.h"

#define DECIMAL_TEXT 352        /* bytes for any number as text */
#define DECIMAL_PLACES_MAX 17   /* behind the point: more than a double has */
#define DECIMAL_LENGTH_MAX 1100 /* characters that a number may have; 770 say all */

/* Reads what stands first in the n bytes at s if it is a plain number of at most 15
 * digits, without an exponent: exact, in a sixth of the time that strtod(3) takes.
 * Returns how many bytes it has; 0: it is another kind of number, or none. */
size_t decimal_read_plain(const uint8_t *s, size_t n, double *ret);

/* All n bytes, which need not be terminated, are one number. 0, -EINVAL (it is none),
 * -ERANGE (too large for a double), -E2BIG (longer than DECIMAL_LENGTH_MAX). What is too
 * small for a double is 0. */
int decimal_parse(const uint8_t *s, size_t n, double *ret) MUST_CHECK;

/* With so many digits behind the point, up to DECIMAL_PLACES_MAX; zero has no sign.
 * buf: DECIMAL_TEXT bytes. Returns buf. */
char *decimal_format(double, unsigned places, char *buf);
