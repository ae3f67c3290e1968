/* Decimal numbers: what is one, to the last bit, and back to text. */
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/runner.h"
#include "util/decimal.h"

/* In memory that ends where the text does, so that a sanitizer sees any more. */
static uint8_t *copy_exactly(const char *text, size_t n)
{
	uint8_t *s = malloc(n > 0 ? n : 1);

	memcpy(s, text, n);
	return s;
}

static int parse(const char *text, double *ret)
{
	size_t n = strlen(text);
	uint8_t *s = copy_exactly(text, n);
	int r = decimal_parse(s, n, ret);

	free(s);
	return r;
}

static size_t read_plain(const char *text, double *ret)
{
	size_t n = strlen(text);
	uint8_t *s = copy_exactly(text, n);
	size_t taken = decimal_read_plain(s, n, ret);

	free(s);
	return taken;
}

static const struct {
	const char *text;
	int result;
	double value;
} cases[] = {
	{"0", 0, 0}, {"7", 0, 7}, {"007", 0, 7}, {"+4.5", 0, 4.5}, {"-4.5", 0, -4.5}, {".5", 0, .5},
	{"-.5", 0, -.5}, {"5.", 0, 5}, {"1e3", 0, 1000}, {"1E+3", 0, 1000}, {"1.5e-3", 0, 0.0015},
	{"123456789012345", 0, 123456789012345}, {"0.1", 0, 0.1},
	{"0.12345678901234567890", 0, 0.12345678901234567890},
	{"9007199254740993", 0, 9007199254740992}, /* between two doubles: to even */
	{"9007199254740993.00000000000000000001", 0, 9007199254740994},
	{"1.7976931348623157e308", 0, DBL_MAX}, {"4.9406564584124654e-324", 0, 0x1p-1074},
	{"1e-400", 0, 0}, {"1e400", -ERANGE, 0}, {"-1e400", -ERANGE, 0},
	{"1.7976931348623159e308", -ERANGE, 0}, {"1e99999999999999999999", -ERANGE, 0},
	{"0e99999999999999999999", 0, 0}, {"", -EINVAL, 0}, {"-", -EINVAL, 0}, {".", -EINVAL, 0},
	{"+.", -EINVAL, 0}, {"--1", -EINVAL, 0}, {"1-", -EINVAL, 0}, {" 1", -EINVAL, 0},
	{"1 ", -EINVAL, 0}, {"1,5", -EINVAL, 0}, {"1.2.3", -EINVAL, 0}, {"e5", -EINVAL, 0},
	{".e5", -EINVAL, 0}, {"1e", -EINVAL, 0}, {"1e+", -EINVAL, 0}, {"1e5.0", -EINVAL, 0},
	{"0x10", -EINVAL, 0}, {"0x1p3", -EINVAL, 0}, {"nan", -EINVAL, 0}, {"NaN", -EINVAL, 0},
	{"inf", -EINVAL, 0}, {"-Infinity", -EINVAL, 0}, {"1_000", -EINVAL, 0},
	{"\xd9\xa1", -EINVAL, 0}, /* an Arabic digit */
};

START_TEST(whole)
{
	double x = -1;
	int r = parse(cases[_i].text, &x);

	ck_assert_msg(r == cases[_i].result, "'%s': %d", cases[_i].text, r);
	ck_assert_msg(r < 0 ? x == -1 : x == cases[_i].value, "'%s' is %a", cases[_i].text, x);
}
END_TEST

START_TEST(nul_byte)
{
	double x;

	ck_assert_int_eq(decimal_parse((const uint8_t *)"1\0002", 3, &x), -EINVAL);
}
END_TEST

START_TEST(length)
{
	char text[DECIMAL_LENGTH_MAX + 2];
	double x;

	memset(text, '0', sizeof(text));
	text[1] = '.';
	text[DECIMAL_LENGTH_MAX - 1] = '1';
	text[DECIMAL_LENGTH_MAX] = '\0';
	ck_assert_int_eq(parse(text, &x), 0);
	ck_assert_double_eq(x, 0);
	text[DECIMAL_LENGTH_MAX] = '0';
	text[DECIMAL_LENGTH_MAX + 1] = '\0';
	ck_assert_int_eq(parse(text, &x), -E2BIG);
	/* The first thing to be said of it is that it is none. */
	text[DECIMAL_LENGTH_MAX] = 'x';
	ck_assert_int_eq(parse(text, &x), -EINVAL);
}
END_TEST

START_TEST(plain)
{
	static const struct {
		const char *text;
		size_t taken;
		double value;
	} plains[] = {
		{"5.5", 3, 5.5},
		{"-0", 2, 0},
		{"+1,2", 2, 1},
		{"1.2.3", 3, 1.2},
		{"1e5", 1, 1},
		{"5.", 2, 5},
		{".5", 2, .5},
		{"123456789.012345", 16, 123456789.012345},
		{"1234567890.123456", 0, 0},
		{"18446744073709551617", 0, 0},
		{"", 0, 0},
		{"-", 0, 0},
		{".", 0, 0},
		{"x", 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(plains); i++) {
		double x = 0;
		size_t taken = read_plain(plains[i].text, &x);

		ck_assert_msg(taken == plains[i].taken, "'%s': %zu", plains[i].text, taken);
		ck_assert_msg(x == plains[i].value, "'%s' is %a", plains[i].text, x);
	}
}
END_TEST

/* As exact as strtod(), for every place that the point may have. */
START_TEST(plain_is_exact)
{
	uint64_t state = 88172645463325252u;

	for (unsigned i = 0; i < 200000; i++) {
		char text[40];
		uint64_t digits;
		unsigned places = i % 16, n;
		double x;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		digits = state % 1000000000000000u;
		n = (unsigned)snprintf(text, sizeof(text), "%s%015llu", i & 1 ? "-" : "",
			(unsigned long long)digits);
		memmove(text + n - places + 1, text + n - places, places + 1);
		text[n - places] = '.';
		ck_assert_uint_eq(read_plain(text, &x), n + 1);
		ck_assert_msg(x == strtod(text, NULL), "'%s' is %a", text, x);
	}
}
END_TEST

START_TEST(format)
{
	static const struct {
		double value;
		unsigned places;
		const char *text;
	} texts[] = {
		{4.533333, 2, "4.53"},
		{4.5, 0, "4"}, /* half to even, as printf(3) does */
		{5.5, 0, "6"},
		{-0.0, 2, "0.00"},
		{-0.001, 2, "0.00"},
		{-0.0, 0, "0"},
		{-0.006, 2, "-0.01"},
		{-10, 1, "-10.0"},
		{0.1, 17, "0.10000000000000001"},
		{0.1, 99, "0.10000000000000001"},
	};
	char buf[DECIMAL_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		ck_assert_str_eq(
			decimal_format(texts[i].value, texts[i].places, buf), texts[i].text);
	}
	decimal_format(-DBL_MAX, DECIMAL_PLACES_MAX, buf);
	ck_assert_uint_eq(strlen(buf), 1 + 309 + 1 + DECIMAL_PLACES_MAX);
}
END_TEST

/* A locale whose point is a comma, made of the one that every machine has: of its
 * numbers' file, the second word says where the point stands. */
static void write_comma_locale(const char *dir)
{
	char path[128];
	uint8_t numeric[256];
	uint32_t at;
	FILE *f = fopen("/usr/lib/locale/C.utf8/LC_NUMERIC", "r");
	size_t n;

	ck_assert(f);
	n = fread(numeric, 1, sizeof(numeric), f);
	fclose(f);
	ck_assert_uint_ge(n, 12);
	memcpy(&at, numeric + 8, sizeof(at));
	ck_assert_uint_lt(at, n);
	ck_assert_int_eq(numeric[at], '.');
	numeric[at] = ',';
	snprintf(path, sizeof(path), "%s/comma", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/comma/LC_NUMERIC", dir);
	f = fopen(path, "w");
	ck_assert(f);
	ck_assert_uint_eq(fwrite(numeric, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

static void remove_comma_locale(const char *dir)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/comma/LC_NUMERIC", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/comma", dir);
	rmdir(path);
	rmdir(dir);
}

START_TEST(any_locale)
{
	char dir[] = "/tmp/revd-locale-XXXXXX", buf[DECIMAL_TEXT];
	double x;

	ck_assert(mkdtemp(dir));
	write_comma_locale(dir);
	setenv("LOCPATH", dir, 1);
	ck_assert(setlocale(LC_NUMERIC, "comma"));
	remove_comma_locale(dir);
	snprintf(buf, sizeof(buf), "%.1f", 1.5);
	ck_assert_str_eq(buf, "1,5");
	ck_assert_int_eq(parse("1.5e0", &x), 0);
	ck_assert_double_eq(x, 1.5);
	ck_assert_str_eq(decimal_format(x, 2, buf), "1.50");
	snprintf(buf, sizeof(buf), "%.1f", 1.5);
	ck_assert_str_eq(buf, "1,5");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("decimal");
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, whole, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(tc, nul_byte);
	tcase_add_test(tc, length);
	tcase_add_test(tc, plain);
	tcase_add_test(tc, plain_is_exact);
	tcase_add_test(tc, format);
	tcase_add_test(tc, any_locale);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
