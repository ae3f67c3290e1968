#include "util/decimal.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* So many digits are a whole number below 2^53, and powers of ten up to 10^22 are exact,
 * too: a double holds both, and their quotient is rounded once. */
#define PLAIN_DIGITS 15

static const double powers[PLAIN_DIGITS + 1] = {
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

static bool is_digit(uint8_t c)
{
	return (uint8_t)(c - '0') <= 9;
}

/* The digits from p on, behind those in *value, which wraps where there are too many. */
static const uint8_t *read_digits(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
	uint64_t v = *value;

	for (; p < end && is_digit(*p); p++) {
		v = v * 10 + (uint64_t)(*p - '0');
	}
	*value = v;
	return p;
}

size_t decimal_read_plain(const uint8_t *s, size_t n, double *ret)
{
	const uint8_t *end = s + n, *p = s, *first;
	size_t whole, places = 0;
	uint64_t value = 0;
	double x;

	p += n > 0 && (*p == '-' || *p == '+');
	first = p;
	p = read_digits(p, end, &value);
	whole = (size_t)(p - first);
	if (p < end && *p == '.') {
		first = ++p;
		p = read_digits(p, end, &value);
		places = (size_t)(p - first);
	}
	if (whole + places == 0 || whole + places > PLAIN_DIGITS) {
		return 0;
	}
	x = (double)value / powers[places];
	*ret = *s == '-' ? -x : x;
	return (size_t)(p - s);
}

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end)
{
	while (p < end && is_digit(*p)) {
		p++;
	}
	return p;
}

/* strtod() takes more than what is a number here. */
static bool is_decimal(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *first;
	size_t digits;

	p += p < end && (*p == '-' || *p == '+');
	first = p;
	p = skip_digits(p, end);
	digits = (size_t)(p - first);
	if (p < end && *p == '.') {
		first = ++p;
		p = skip_digits(p, end);
		digits += (size_t)(p - first);
	}
	if (digits > 0 && p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '-' || *p == '+');
		first = p;
		p = skip_digits(p, end);
		digits = (size_t)(p - first);
	}
	return digits > 0 && p == end;
}

/* The C library has this one ready: nothing is allocated, nothing can fail. */
static locale_t c_locale(void)
{
	return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

int decimal_parse(const uint8_t *s, size_t n, double *ret)
{
	char text[DECIMAL_LENGTH_MAX + 1];
	locale_t c;
	double x;

	if (n == 0 || !is_decimal(s, s + n)) {
		return -EINVAL;
	}
	if (n > DECIMAL_LENGTH_MAX) {
		return -E2BIG;
	}
	memcpy(text, s, n);
	text[n] = '\0';
	c = c_locale();
	x = strtod_l(text, NULL, c);
	freelocale(c);
	if (isinf(x)) {
		return -ERANGE;
	}
	*ret = x;
	return 0;
}

char *decimal_format(double x, unsigned places, char *buf)
{
	locale_t c = c_locale(), before = uselocale(c);

	places = places < DECIMAL_PLACES_MAX ? places : DECIMAL_PLACES_MAX;
	snprintf(buf, DECIMAL_TEXT, "%.*f", (int)places, x);
	uselocale(before);
	freelocale(c);
	if (buf[0] == '-' && strspn(buf + 1, "0.") == strlen(buf + 1)) {
		memmove(buf, buf + 1, strlen(buf));
	}
	return buf;
}
