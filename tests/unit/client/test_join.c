/* Fragments of replies, alone and interleaved. */
#include <errno.h>
#include "client/join.h"
#include "common/runner.h"

static int add(
	struct joiner *j, uint64_t id, bool more, const char *text, const uint8_t **p, size_t *n)
{
	return joiner_add(j, id, more, (const uint8_t *)text, strlen(text), p, n);
}

START_TEST(hands_one_frame_through)
{
	struct joiner j = {0};
	const char *text = "whole";
	const uint8_t *p;
	size_t n;

	ck_assert_int_eq(add(&j, 1, false, text, &p, &n), 1);
	ck_assert_ptr_eq(p, text);
	ck_assert_uint_eq(n, 5);
	joiner_finish(&j);
}
END_TEST

START_TEST(joins_what_is_interleaved)
{
	struct joiner j = {0};
	const uint8_t *p;
	size_t n;

	ck_assert_int_eq(add(&j, 1, true, "a1", &p, &n), 0);
	ck_assert_int_eq(add(&j, 2, true, "b1", &p, &n), 0);
	ck_assert_int_eq(add(&j, 3, false, "single", &p, &n), 1);
	ck_assert_int_eq(add(&j, 2, true, "", &p, &n), 0);
	ck_assert_int_eq(add(&j, 1, true, "a2", &p, &n), 0);
	ck_assert_int_eq(add(&j, 2, false, "b2", &p, &n), 1);
	ck_assert_mem_eq(p, "b1b2", 4);
	ck_assert_uint_eq(n, 4);
	ck_assert_int_eq(add(&j, 1, false, "", &p, &n), 1);
	ck_assert_mem_eq(p, "a1a2", 4);
	ck_assert_uint_eq(n, 4);
	ck_assert_uint_eq(j.n, 0);
	joiner_finish(&j);
}
END_TEST

START_TEST(keeps_many_apart)
{
	struct joiner j = {0};
	const uint8_t *p;
	size_t n;

	for (int round = 0; round < 3; round++) {
		for (uint64_t id = 0; id < 100; id++) {
			char text[2] = {(char)('0' + id % 64), 0};

			ck_assert_int_eq(add(&j, id, round < 2, text, &p, &n), round == 2);
			if (round == 2) {
				ck_assert_uint_eq(n, 3);
				ck_assert_int_eq(p[0], text[0]);
				ck_assert_int_eq(p[2], text[0]);
			}
		}
	}
	joiner_finish(&j);
}
END_TEST

/* Leftovers go with the joiner; the sanitizers see whether they do. */
START_TEST(drops_what_is_unfinished)
{
	struct joiner j = {0};
	const uint8_t *p;
	size_t n;

	ck_assert_int_eq(add(&j, 7, true, "half", &p, &n), 0);
	ck_assert_uint_eq(j.n, 1);
	joiner_finish(&j);
	ck_assert_uint_eq(j.n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client/join");
	TCase *t = tcase_create("join");

	tcase_add_test(t, hands_one_frame_through);
	tcase_add_test(t, joins_what_is_interleaved);
	tcase_add_test(t, keeps_many_apart);
	tcase_add_test(t, drops_what_is_unfinished);
	suite_add_tcase(s, t);
	return runner_run(s);
}
