/*
 * Strict numbers with units, as people write them in configuration files and
 * on command lines. The whole string must be the number: no leading or
 * trailing space, no sign, no overflow. 0, -EINVAL (not a number), -ERANGE (too
 * large), -ENOMSG (a unit is missing).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "util/macro.h"

#define NUM_TEXT 32 /* bytes for a number as text */

int num_parse_uint(const char *s, uint64_t *ret) MUST_CHECK;
/* Bytes: B K M G, binary multiples; only 0 stands alone. */
int num_parse_size(const char *s, uint64_t *ret) MUST_CHECK;
/* Microseconds: us ms s min h; only 0 stands alone. */
int num_parse_time(const char *s, uint64_t *ret) MUST_CHECK;
/* Octal permission bits, up to 07777. */
int num_parse_mode(const char *s, mode_t *ret) MUST_CHECK;

/* What was meant by a number that is none: "5m" by 5min, "64 kb" by 64K. False: no
 * idea. buf: NUM_TEXT bytes. */
bool num_suggest_size(const char *s, char *buf);
bool num_suggest_time(const char *s, char *buf);

/* Back again, in the largest unit that divides it. Return buf. */
char *num_format_size(uint64_t bytes, char *buf);
char *num_format_time(uint64_t usec, char *buf);
