/* The mean of lists: exact sums, what separates, what is refused and how. */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/runner.h"
#include "util/mean.h"

/* In memory that ends where the text does, so that a sanitizer sees any more. */
static int mean_of(const void *text, size_t n, double *ret, char *sentence)
{
	uint8_t *s = malloc(n > 0 ? n : 1);
	struct mean_error err;
	int r;

	memcpy(s, text, n);
	r = mean_of_list(s, n, ret, &err);
	ck_assert_int_eq(r, err.error == -ENODATA && r == 0 ? 0 : err.error);
	if (r < 0) {
		mean_sentence(&err, sentence);
	}
	free(s);
	return r;
}

static const struct {
	const char *text;
	double value;
} lists[] = {
	{"7", 7},
	{"1 2", 1.5},
	{"1,2\n3\r\n4\t5", 3},
	{" , 1 ,\n, 3,\n", 2},
	{"4,5", 4.5}, /* two numbers: a comma separates */
	{"1e308 1e308 1e308", 1e308},
	{"-1e308,-1e308", -1e308},
	{"1e100 1 -1e100 2", 0.75},
	{"1 1e100 2 -1e100", 0.75},
	{"0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1", 0.1},
	{"-0 -0", 0},
	{"1e-300 3e-300", 0}, /* near enough: what is so small is lost in the scale */
	{"9007199254740993 9007199254740993", 9007199254740992},
};

START_TEST(values)
{
	char sentence[MEAN_SENTENCE];
	double x;

	ck_assert_int_eq(mean_of(lists[_i].text, strlen(lists[_i].text), &x, sentence), 0);
	ck_assert_msg(fabs(x - lists[_i].value) < 1e-299, "'%s': %a", lists[_i].text, x);
}
END_TEST

static const struct {
	const char *text;
	int error;
	const char *sentence;
} errors[] = {
	{"", -ENODATA, "there is no number"},
	{" ,\n\t\r\v\f", -ENODATA, "there is no number"},
	{"1 2 1.2.3 4", -EINVAL, "item 3, '1.2.3': not a number"},
	{"1,2,x", -EINVAL, "item 3, 'x': not a number"},
	{"nan", -EINVAL, "item 1, 'nan': not a number"},
	{"1 inf", -EINVAL, "item 2, 'inf': not a number"},
	{"1 -Infinity", -EINVAL, "item 2, '-Infinity': not a number"},
	{"0x1p3", -EINVAL, "item 1, '0x1p3': not a number"},
	{"1;2", -EINVAL, "item 1, '1;2': not a number"},
	{"5\n1e400\n", -ERANGE, "item 2, '1e400': out of range"},
	{"7 '\x1b[2J'", -EINVAL, "item 2, '\\x27\\x1b[2J\\x27': not a number"},
	{"\xc3\xb1", -EINVAL, "item 1, '\\xc3\\xb1': not a number"},
	{"1\x01", -EINVAL, "item 1, '1\\x01': not a number"},
};

START_TEST(refused)
{
	char sentence[MEAN_SENTENCE];
	double x = 4711;

	ck_assert_int_eq(
		mean_of(errors[_i].text, strlen(errors[_i].text), &x, sentence), errors[_i].error);
	ck_assert_str_eq(sentence, errors[_i].sentence);
	ck_assert_double_eq(x, 4711);
}
END_TEST

START_TEST(long_items)
{
	static char digits[2000], words[100000];
	char sentence[MEAN_SENTENCE];
	double x;

	memset(digits, '7', sizeof(digits));
	ck_assert_int_eq(mean_of(digits, sizeof(digits), &x, sentence), -E2BIG);
	ck_assert_str_eq(sentence,
		"item 1, '7777777777777777777777777777777777777777777777777777777"
		"...': too long a number");
	memset(words, 0xff, sizeof(words));
	ck_assert_int_eq(mean_of(words, sizeof(words), &x, sentence), -EINVAL);
	ck_assert_str_eq(sentence,
		"item 1, '\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff"
		"\\xff\\xff...': not a number");
	ck_assert_int_eq(mean_of("1\0002", 3, &x, sentence), -EINVAL);
	ck_assert_str_eq(sentence, "item 1, '1\\x002': not a number");
}
END_TEST

/* Rounding must not make them infinite, however many there are. */
START_TEST(largest_of_all)
{
	struct mean m = {0};

	for (unsigned i = 0; i < 1000; i++) {
		mean_add(&m, -DBL_MAX);
		ck_assert(isfinite(mean_value(&m)));
		ck_assert_double_le(fabs(mean_value(&m) / DBL_MAX + 1), DBL_EPSILON);
	}
}
END_TEST

/* A million of them, of which a sum of doubles would lose half: 1, then many 2^-53. */
START_TEST(nothing_is_lost)
{
	struct mean m = {0};
	double naive = 0;

	for (unsigned i = 0; i < 1u << 20; i++) {
		double x = i == 0 ? 1 : 0x1p-53;

		mean_add(&m, x);
		naive += x;
	}
	ck_assert_double_eq(naive, 1);
	ck_assert_double_eq(mean_value(&m), (1 + 0x1p-33 - 0x1p-53) / 0x1p20);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mean");
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, values, 0, (int)ARRAY_SIZE(lists));
	tcase_add_loop_test(tc, refused, 0, (int)ARRAY_SIZE(errors));
	tcase_add_test(tc, long_items);
	tcase_add_test(tc, largest_of_all);
	tcase_add_test(tc, nothing_is_lost);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
