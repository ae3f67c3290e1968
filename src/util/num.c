#include "util/num.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{"G", 1024ull * 1024 * 1024},
	{"M", 1024ull * 1024},
	{"K", 1024},
	{"B", 1},
};

static const struct unit time_units[] = {
	{"h", 3600ull * 1000 * 1000},
	{"min", 60ull * 1000 * 1000},
	{"s", 1000ull * 1000},
	{"ms", 1000},
	{"us", 1},
};

/* Reads the digits at s; *end is what follows them. */
static int parse_digits(const char *s, unsigned base, uint64_t *ret, const char **end)
{
	uint64_t v = 0;
	const char *p = s;

	for (; *p >= '0' && *p < (char)('0' + (int)base); p++) {
		if (__builtin_mul_overflow(v, base, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v)) {
			return -ERANGE;
		}
	}
	if (p == s) {
		return -EINVAL;
	}
	*ret = v;
	*end = p;
	return 0;
}

int num_parse_uint(const char *s, uint64_t *ret)
{
	const char *end;
	uint64_t v;
	int r = parse_digits(s, 10, &v, &end);

	if (r < 0) {
		return r;
	}
	if (*end) {
		return -EINVAL;
	}
	*ret = v;
	return 0;
}

static int parse_unit(const char *s, const struct unit *units, size_t n, uint64_t *ret)
{
	const char *end;
	uint64_t v;
	int r = parse_digits(s, 10, &v, &end);

	if (r < 0) {
		return r;
	}
	if (!*end) {
		if (v != 0) {
			return -ENOMSG;
		}
		*ret = 0;
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (strcmp(end, units[i].name) == 0) {
			if (__builtin_mul_overflow(v, units[i].factor, &v)) {
				return -ERANGE;
			}
			*ret = v;
			return 0;
		}
	}
	return -EINVAL;
}

int num_parse_size(const char *s, uint64_t *ret)
{
	return parse_unit(s, size_units, ARRAY_SIZE(size_units), ret);
}

int num_parse_time(const char *s, uint64_t *ret)
{
	return parse_unit(s, time_units, ARRAY_SIZE(time_units), ret);
}

int num_parse_mode(const char *s, mode_t *ret)
{
	const char *end;
	uint64_t v;
	int r = parse_digits(s, 8, &v, &end);

	if (r < 0) {
		return r;
	}
	if (*end) {
		return -EINVAL;
	}
	if (v > 07777) {
		return -ERANGE;
	}
	*ret = (mode_t)v;
	return 0;
}

static char *format_unit(uint64_t v, const struct unit *units, size_t n, char *buf)
{
	for (size_t i = 0; i < n; i++) {
		if (v > 0 && v % units[i].factor == 0) {
			snprintf(buf, NUM_TEXT, "%llu%s", (unsigned long long)(v / units[i].factor),
				units[i].name);
			return buf;
		}
	}
	snprintf(buf, NUM_TEXT, "0");
	return buf;
}

char *num_format_size(uint64_t bytes, char *buf)
{
	return format_unit(bytes, size_units, ARRAY_SIZE(size_units), buf);
}

char *num_format_time(uint64_t usec, char *buf)
{
	return format_unit(usec, time_units, ARRAY_SIZE(time_units), buf);
}
