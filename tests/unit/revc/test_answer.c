/* The daemon's JSON, read and shown. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "revc/answer.h"
#include "common/runner.h"
#include "util/macro.h"

static const char *print(
	int (*fn)(const void *, size_t, FILE *), const char *text, size_t n, int *ret)
{
	static char buf[1024];
	FILE *f = fmemopen(buf, sizeof(buf), "w");

	ck_assert_ptr_nonnull(f);
	*ret = fn(text, n, f);
	(void)fclose(f);
	return buf;
}

static const struct {
	const char *json, *text;
	int result;
} texts[] = {
	{"{\"a\":1,\"b\":\"x\"}", "a: 1\nb: x\n", 0},
	{" { \"a\" : { \"b\" : [ 1 , 2 ] } , \"c\" : null } ",
		"a:\n  b:\n    - 1\n    - 2\nc: null\n", 0},
	{"{\"e\":[{\"n\":\"u\",\"k\":{\"x\":1}},{\"n\":\"v\"}]}",
		"e:\n  - n: u\n    k:\n      x: 1\n  - n: v\n", 0},
	{"{\"a\":\"\\\"q\\\"\"}", "a: \"q\"\n", 0},
	{"{\"a\":\"\\u001b[1m\"}", "a: \\x1b[1m\n", 0},
	{"{\"a\":{},\"b\":[]}", "a:\nb:\n", 0},
	{"{\"a\":1", NULL, -EINVAL},
	{"{\"a\"}", NULL, -EINVAL},
	{"{\"a\":1}x", NULL, -EINVAL},
	{"{\"a\":\"x", NULL, -EINVAL},
	{"[1,", NULL, -EINVAL},
	{"", NULL, -EINVAL},
};

START_TEST(prints_for_people)
{
	int r;
	const char *text = print(answer_print, texts[_i].json, strlen(texts[_i].json), &r);

	ck_assert_int_eq(r, texts[_i].result);
	if (r == 0) {
		ck_assert_str_eq(text, texts[_i].text);
	}
}
END_TEST

/* What nests without end would end our stack. */
START_TEST(bounds_the_depth)
{
	char deep[4096];
	int r;

	memset(deep, '[', sizeof(deep));
	(void)print(answer_print, deep, sizeof(deep), &r);
	ck_assert_int_eq(r, -EINVAL);
}
END_TEST

START_TEST(finds_numbers)
{
	const char *json =
		"{\"name\":\"max_request\",\"limits\":{\"max_request\" : 65536},\"u\":1.5}";
	double v = 0;

	ck_assert_int_eq(
		answer_unpack(json, strlen(json), "{s:{s:F}}", "limits", "max_request", &v), 0);
	ck_assert(v > 65535.5 && v < 65536.5);
	ck_assert_int_eq(answer_unpack(json, strlen(json), "{s:F}", "u", &v), 0);
	ck_assert(v > 1.49 && v < 1.51);
	ck_assert_int_eq(answer_unpack(json, strlen(json), "{s:F}", "name", &v), -ENOENT);
	ck_assert_int_eq(answer_unpack(json, strlen(json), "{s:F}", "none", &v), -ENOENT);
	ck_assert_int_eq(answer_unpack(json, 20, "{s:F}", "max_request", &v), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("revc/answer");
	TCase *t = tcase_create("json");

	tcase_add_loop_test(t, prints_for_people, 0, (int)ARRAY_SIZE(texts));
	tcase_add_test(t, bounds_the_depth);
	tcase_add_test(t, finds_numbers);
	suite_add_tcase(s, t);
	return runner_run(s);
}
