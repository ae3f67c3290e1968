#include "util/num.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	uint64_t factor;
	const char *also; /* what people write for it, each between blanks */
};

static const struct unit size_units[] = {
	{"G", 1024ull * 1024 * 1024, " gb gib "},
	{"M", 1024ull * 1024, " mb mib "},
	{"K", 1024, " kb kib "},
	{"B", 1, " byte bytes "},
};

static const struct unit time_units[] = {
	{"h", 3600ull * 1000 * 1000, " hr hour hours "},
	{"min", 60ull * 1000 * 1000, " m mins minute minutes "},
	{"s", 1000ull * 1000, " sec secs second seconds "},
	{"ms", 1000, " msec msecs "},
	{"us", 1, " usec usecs \xc2\xb5s "},
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

static bool is_meant(const struct unit *u, const char *word)
{
	char padded[16];
	int n = snprintf(padded, sizeof(padded), " %s ", word);

	return strcasecmp(word, u->name) == 0 ||
	       (n > 2 && (size_t)n < sizeof(padded) && !strchr(word, ' ') &&
		       strcasestr(u->also, padded));
}

static bool suggest(const char *s, const struct unit *units, size_t n, char *buf)
{
	size_t digits = strspn(s, "0123456789");
	const char *word = s + digits + strspn(s + digits, " \t");

	for (size_t i = 0; digits > 0 && digits < 20 && i < n; i++) {
		if (is_meant(&units[i], word)) {
			snprintf(buf, NUM_TEXT, "%.*s%s", (int)digits, s, units[i].name);
			return true;
		}
	}
	return false;
}

bool num_suggest_size(const char *s, char *buf)
{
	return suggest(s, size_units, ARRAY_SIZE(size_units), buf);
}

bool num_suggest_time(const char *s, char *buf)
{
	return suggest(s, time_units, ARRAY_SIZE(time_units), buf);
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
