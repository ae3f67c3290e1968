/* Numbers with units: what is one, what is none, and back again. */
#include <errno.h>
#include <inttypes.h>
#include "common/runner.h"
#include "util/num.h"

static const struct {
	int (*parse)(const char *, uint64_t *);
	const char *text;
	int result;
	uint64_t value;
} cases[] = {
	{num_parse_uint, "0", 0, 0},
	{num_parse_uint, "007", 0, 7},
	{num_parse_uint, "18446744073709551615", 0, UINT64_MAX},
	{num_parse_uint, "18446744073709551616", -ERANGE, 0},
	{num_parse_uint, "99999999999999999999999", -ERANGE, 0},
	{num_parse_uint, "", -EINVAL, 0},
	{num_parse_uint, " 1", -EINVAL, 0},
	{num_parse_uint, "1 ", -EINVAL, 0},
	{num_parse_uint, "+1", -EINVAL, 0},
	{num_parse_uint, "-1", -EINVAL, 0},
	{num_parse_uint, "1a", -EINVAL, 0},
	{num_parse_uint, "0x10", -EINVAL, 0},
	{num_parse_uint, "1e3", -EINVAL, 0},
	{num_parse_uint, "\xd9\xa1", -EINVAL, 0}, /* an Arabic digit */
	{num_parse_size, "0", 0, 0},
	{num_parse_size, "0K", 0, 0},
	{num_parse_size, "1B", 0, 1},
	{num_parse_size, "64K", 0, 65536},
	{num_parse_size, "3M", 0, 3145728},
	{num_parse_size, "2G", 0, 2147483648},
	{num_parse_size, "17179869183G", 0, 17179869183ull << 30},
	{num_parse_size, "17179869184G", -ERANGE, 0},
	{num_parse_size, "18446744073709551616B", -ERANGE, 0},
	{num_parse_size, "64", -ENOMSG, 0},
	{num_parse_size, "64k", -EINVAL, 0},
	{num_parse_size, "64KB", -EINVAL, 0},
	{num_parse_size, "64 K", -EINVAL, 0},
	{num_parse_size, "K", -EINVAL, 0},
	{num_parse_size, "1.5K", -EINVAL, 0},
	{num_parse_size, "64s", -EINVAL, 0},
	{num_parse_time, "0", 0, 0},
	{num_parse_time, "5us", 0, 5},
	{num_parse_time, "5ms", 0, 5000},
	{num_parse_time, "10s", 0, 10000000},
	{num_parse_time, "2min", 0, 120000000},
	{num_parse_time, "1h", 0, 3600000000},
	{num_parse_time, "5124095576h", 0, 5124095576ull * 3600000000},
	{num_parse_time, "5124095577h", -ERANGE, 0},
	{num_parse_time, "10", -ENOMSG, 0},
	{num_parse_time, "10S", -EINVAL, 0},
	{num_parse_time, "10m", -EINVAL, 0},
	{num_parse_time, "10K", -EINVAL, 0},
	{num_parse_time, "s", -EINVAL, 0},
};

START_TEST(parse)
{
	uint64_t v = 4711;

	ck_assert_int_eq(cases[_i].parse(cases[_i].text, &v), cases[_i].result);
	ck_assert_uint_eq(v, cases[_i].result == 0 ? cases[_i].value : 4711);
}
END_TEST

static const struct {
	const char *text;
	int result;
	mode_t value;
} modes[] = {
	{"0", 0, 0},
	{"0660", 0, 0660},
	{"660", 0, 0660},
	{"7777", 0, 07777},
	{"10000", -ERANGE, 0},
	{"7777777777777777777777777", -ERANGE, 0},
	{"0999", -EINVAL, 0},
	{"u=rw", -EINVAL, 0},
	{"", -EINVAL, 0},
	{"-1", -EINVAL, 0},
};

START_TEST(mode)
{
	mode_t v = 0123;

	ck_assert_int_eq(num_parse_mode(modes[_i].text, &v), modes[_i].result);
	ck_assert_uint_eq(v, modes[_i].result == 0 ? modes[_i].value : 0123);
}
END_TEST

static const struct {
	char *(*format)(uint64_t, char *);
	int (*parse)(const char *, uint64_t *);
	uint64_t value;
	const char *text;
} formats[] = {
	{num_format_size, num_parse_size, 0, "0"},
	{num_format_size, num_parse_size, 1, "1B"},
	{num_format_size, num_parse_size, 1023, "1023B"},
	{num_format_size, num_parse_size, 1024, "1K"},
	{num_format_size, num_parse_size, 1536, "1536B"},
	{num_format_size, num_parse_size, 1048576, "1M"},
	{num_format_size, num_parse_size, 5ull << 30, "5G"},
	{num_format_size, num_parse_size, UINT64_MAX, "18446744073709551615B"},
	{num_format_time, num_parse_time, 0, "0"},
	{num_format_time, num_parse_time, 1, "1us"},
	{num_format_time, num_parse_time, 1500, "1500us"},
	{num_format_time, num_parse_time, 1500000, "1500ms"},
	{num_format_time, num_parse_time, 90000000, "90s"},
	{num_format_time, num_parse_time, 120000000, "2min"},
	{num_format_time, num_parse_time, 7200000000, "2h"},
	{num_format_time, num_parse_time, UINT64_MAX, "18446744073709551615us"},
};

START_TEST(format)
{
	char buf[NUM_TEXT];
	uint64_t v;

	ck_assert_str_eq(formats[_i].format(formats[_i].value, buf), formats[_i].text);
	ck_assert_int_eq(formats[_i].parse(buf, &v), 0);
	ck_assert_uint_eq(v, formats[_i].value);
}
END_TEST

static const struct {
	const char *text, *size, *time; /* NULL: no idea */
} meant[] = {
	{"5m", "5M", "5min"},
	{"5sec", NULL, "5s"},
	{"64k", "64K", NULL},
	{"64MB", "64M", NULL},
	{"1 gib", "1G", NULL},
	{"9 Bytes", "9B", NULL},
	{"2 hours", NULL, "2h"},
	{"7 \xc2\xb5s", NULL, "7us"},
	{"3MSEC", NULL, "3ms"},
	{"5", NULL, NULL},
	{"k", NULL, NULL},
	{"1.5M", NULL, NULL},
	{"-1K", NULL, NULL},
	{"5 kb kib", NULL, NULL},
	{"5  ", NULL, NULL},
	{"5abcdefghijklmnopqrstuvwxyz", NULL, NULL},
	{"123456789012345678901234567890k", NULL, NULL},
	{"", NULL, NULL},
};

START_TEST(suggestions)
{
	const char *text = meant[_i].text;
	char buf[NUM_TEXT];
	uint64_t v;

	ck_assert_int_eq(num_suggest_size(text, buf), meant[_i].size != NULL);
	if (meant[_i].size) {
		ck_assert_str_eq(buf, meant[_i].size);
		ck_assert_int_eq(num_parse_size(buf, &v), 0);
	}
	ck_assert_int_eq(num_suggest_time(text, buf), meant[_i].time != NULL);
	if (meant[_i].time) {
		ck_assert_str_eq(buf, meant[_i].time);
		ck_assert_int_eq(num_parse_time(buf, &v), 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("num");
	TCase *t = tcase_create("num");

	tcase_add_loop_test(t, parse, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(t, mode, 0, ARRAY_SIZE(modes));
	tcase_add_loop_test(t, format, 0, ARRAY_SIZE(formats));
	tcase_add_loop_test(t, suggestions, 0, ARRAY_SIZE(meant));
	suite_add_tcase(s, t);
	return runner_run(s);
}
