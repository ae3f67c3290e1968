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

static const struct {
	const char *text;
	size_t n;
	const char *shown;
} quoted[] = {
	{"", 0, "''"},
	{"hola", 4, "'hola'"},
	{"a b~", 4, "'a b~'"},
	{"it's", 4, "'it\\x27s'"},
	{"back\\slash", 10, "'back\\x5cslash'"},
	{"a\0b", 3, "'a\\x00b'"},
	{"good\n<0>forged", 14, "'good\\x0a<0>forged'"},
	{"\033[2J\x7f\t", 6, "'\\x1b[2J\\x7f\\x09'"},
	{"\xc3\xb1", 2, "'\\xc3\\xb1'"},
	{"\xff\x80", 2, "'\\xff\\x80'"},
	{"%n%s", 4, "'%n%s'"},
};

START_TEST(quotes_for_a_log)
{
	char buf[128];

	ck_assert_str_eq(
		rv_quote(quoted[_i].text, quoted[_i].n, buf, sizeof(buf)), quoted[_i].shown);
}
END_TEST

/* Buffers of each size: ended in time, whole or with the mark of a cut, and no
 * escape in halves. */
START_TEST(quotes_into_little_room)
{
	static const char text[] = "abc\x01\x02"
				   "def\xff";
	static const char whole[] = "'abc\\x01\\x02def\\xff'";
	char buf[64];

	for (size_t size = 10; size <= sizeof(buf); size++) {
		size_t n;

		memset(buf, '#', sizeof(buf));
		ck_assert_ptr_eq(rv_quote(text, sizeof(text) - 1, buf, size), buf);
		for (size_t i = size; i < sizeof(buf); i++) {
			ck_assert_int_eq(buf[i], '#');
		}
		n = strlen(buf);
		ck_assert_uint_lt(n, size);
		if (strcmp(buf, whole) != 0) {
			ck_assert_uint_ge(n, 5);
			ck_assert_str_eq(buf + n - 4, "...'");
			ck_assert_int_eq(strncmp(buf, whole, n - 4), 0);
			ck_assert_msg(n - 4 == strcspn(buf, ".") && buf[n - 5] != 'x', "%s", buf);
		}
	}
	ck_assert_str_eq(buf, whole);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("util/quote");
	TCase *t = tcase_create("escape");

	tcase_add_loop_test(t, shows, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(t, never_leaves_the_buffer);
	tcase_add_loop_test(t, quotes_for_a_log, 0, (int)ARRAY_SIZE(quoted));
	tcase_add_test(t, quotes_into_little_room);
	suite_add_tcase(s, t);
	return runner_run(s);
}
