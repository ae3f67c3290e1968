/* Command lines, as a shell reads them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "common/runner.h"
#include "exec/words.h"

/* The words with a bar behind each. */
static const struct {
	const char *text, *words;
} good[] = {
	{"", ""},
	{" \t ", ""},
	{"tr a-z A-Z", "tr|a-z|A-Z|"},
	{"  tr\ta  ", "tr|a|"},
	{"awk '{ print $1; }'", "awk|{ print $1; }|"},
	{"a'b c'd", "ab cd|"},
	{"a \"b 'c' d\" e", "a|b 'c' d|e|"},
	{"\"\\\"\\\\\\$\\`\\n\"", "\"\\$`\\n|"},
	{"a\\ b \\'c \\\\", "a b|'c|\\|"},
	{"'' \"\" a", "||a|"},
	{"sed s/a$/b/", "sed|s/a$/b/|"},
	{"grep a*b ?c [d] ~ # {e}", "grep|a*b|?c|[d]|~|#|{e}|"},
	{"\"a$\" b$", "a$|b$|"},
	{"x\xc3\xa9 y", "x\xc3\xa9|y|"},
	{"a b c d e f g h", "a|b|c|d|e|f|g|h|"},
};

START_TEST(good_ones)
{
	CLEANUP_FREE char **words = NULL;
	const char *why;
	char all[256] = "";

	ck_assert_int_eq(words_split(good[_i].text, &words, &why), 0);
	for (char **w = words; *w; w++) {
		strcat(strcat(all, *w), "|");
	}
	ck_assert_str_eq(all, good[_i].words);
}
END_TEST

static const struct {
	const char *text, *why;
} bad[] = {
	{"a 'b", "a single quote has no end"},
	{"a \"b", "a double quote has no end"},
	{"a \"b\\\"", "a double quote has no end"},
	{"a \\", "a backslash has nothing behind it"},
	{"a | b", NULL},
	{"a; b", NULL},
	{"a & b", NULL},
	{"a >b", NULL},
	{"a <b", NULL},
	{"(a)", NULL},
	{"a `b`", NULL},
	{"a $HOME", NULL},
	{"a ${b}", NULL},
	{"a $(b)", NULL},
	{"a $1", NULL},
	{"a \"$b\"", NULL},
	{"a \"`b`\"", NULL},
};

START_TEST(bad_ones)
{
	char **words = NULL;
	const char *why = NULL;

	ck_assert_int_eq(words_split(bad[_i].text, &words, &why), -EINVAL);
	ck_assert_ptr_null(words);
	if (bad[_i].why) {
		ck_assert_str_eq(why, bad[_i].why);
	} else {
		ck_assert_mem_eq(why, "there is no shell", 17);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("words");
	TCase *tc = tcase_create("words");

	tcase_add_loop_test(tc, good_ones, 0, (int)ARRAY_SIZE(good));
	tcase_add_loop_test(tc, bad_ones, 0, (int)ARRAY_SIZE(bad));
	suite_add_tcase(s, tc);
	return runner_run(s);
}
