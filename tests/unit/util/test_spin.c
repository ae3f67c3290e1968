/* When looking pays. */
#include "common/runner.h"
#include "util/spin.h"

/* How many of n waits begin with looking, if what they find is always the same. */
static unsigned looks(struct spinner *s, unsigned n, bool found)
{
	unsigned count = 0;

	while (n-- > 0) {
		if (spin_begin(s)) {
			count++;
			spin_end(s, found);
		}
	}
	return count;
}

START_TEST(always_while_it_pays)
{
	struct spinner s = {0};

	ck_assert_uint_eq(looks(&s, 1000, true), 1000);
}
END_TEST

START_TEST(ever_less_often_in_vain)
{
	struct spinner s = {0};

	ck_assert_uint_eq(looks(&s, 1, false), 1);
	ck_assert_uint_eq(looks(&s, 1, false), 0);
	ck_assert_uint_eq(looks(&s, 1, false), 1);
	ck_assert_uint_eq(looks(&s, 3, false), 0);
	ck_assert_uint_eq(looks(&s, 1, false), 1);
	(void)looks(&s, 10000, false);
	ck_assert_uint_le(looks(&s, 100 * (SPIN_SKIP_MAX + 1), false), 100);
	ck_assert_uint_ge(looks(&s, 100 * (SPIN_SKIP_MAX + 1), false), 100);
}
END_TEST

START_TEST(comes_back)
{
	struct spinner s = {0};

	(void)looks(&s, 10000, false);
	(void)looks(&s, SPIN_SKIP_MAX + 1, true);
	ck_assert_uint_eq(looks(&s, 1000, true), 1000);
	/* One failure among successes costs little. */
	for (int i = 0; i < 20; i++) {
		(void)looks(&s, 1, true);
	}
	ck_assert_uint_eq(looks(&s, 1, false), 1);
	ck_assert_uint_ge(looks(&s, 100, true), 99);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("spin");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, always_while_it_pays);
	tcase_add_test(tc, ever_less_often_in_vain);
	tcase_add_test(tc, comes_back);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return runner_run(make_suite());
}
