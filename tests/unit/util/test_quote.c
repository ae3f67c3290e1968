/* What reaches a terminal when foreign bytes are shown. */
#include <stdio.h>
#include <string.h>
#include "util/quote.h"
#include "common/runner.h"
#include "util/macro.h"

static const struct {
	const char *text;
	size_t n;
	const char *shown;
} cases[] = {
	{"hola", 4, "hola"}, {"", 0, ""},
	{"ma\xc3\xb1"
	 "ana",
		7,
		"ma\xc3\xb1"
		"ana"},
	{"\xf0\x9f\x87\xaa", 4, "\xf0\x9f\x87\xaa"}, {"\033[31m", 5, "\\x1b[31m"},
	{"a\nb\rc\td", 7, "a\\x0ab\\x0dc\\x09d"}, {"a\0b", 3, "a\\x00b"}, {"\x7f", 1, "\\x7f"},
	{"\xc2\x9b"
	 "31m",
		5, "\\xc2\\x9b31m"}, /* CSI, a C1 control */
	{"\xe2\x80\xae"
	 "txt",
		6, "\\xe2\\x80\\xaetxt"},                    /* right-to-left override */
	{"\xe2\x81\xa6", 3, "\\xe2\\x81\\xa6"},              /* left-to-right isolate */
	{"\\", 1, "\\x5c"},                                  /* or escapes could be forged */
	{"\xff\xfe", 2, "\\xff\\xfe"}, {"\xc3", 1, "\\xc3"}, /* cut in the middle */
	{"\xc0\xaf", 2, "\\xc0\\xaf"},                       /* over-long */
	{"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},              /* a surrogate */
	{"\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"},     /* above U+10FFFF */
};

START_TEST(shows)
{
	char buf[64];

	ck_assert_str_eq(
		quote_text(cases[_i].text, cases[_i].n, buf, sizeof(buf)), cases[_i].shown);
}
END_TEST

START_TEST(never_leaves_the_buffer)
{
	for (size_t size = 8; size < 34; size++) {
		char buf[48];

		memset(buf, '#', sizeof(buf));
		quote_text("a\xc3\xb1\033\xff\xe2\x82\xac"
			   "bcdefghijklmnopqrst",
			26, buf, size);
		ck_assert_uint_lt(strlen(buf), size);
		ck_assert_ptr_nonnull(strstr(buf, "..."));
		ck_assert_int_eq(buf[size], '#');
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("util/quote");
	TCase *t = tcase_create("escape");

	tcase_add_loop_test(t, shows, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(t, never_leaves_the_buffer);
	suite_add_tcase(s, t);
	return runner_run(s);
}
