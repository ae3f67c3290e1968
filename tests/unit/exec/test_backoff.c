#include "common/runner.h"
#include "exec/backoff.h"

#define SECOND UINT64_C(1000000000)

START_TEST(it_doubles_up_to_the_limit)
{
	static const uint64_t want[] = {100, 200, 400, 800, 1000, 1000};
	struct backoff b = {0};
	uint64_t now = 5 * SECOND;

	ck_assert_uint_eq(backoff_left(&b, 0), 0);
	for (size_t i = 0; i < 6; i++) {
		backoff_failed(&b, now, SECOND);
		ck_assert_uint_eq(backoff_left(&b, now), want[i] * 1000000);
		ck_assert_uint_eq(backoff_left(&b, now + want[i] * 1000000 - 1), 1);
		ck_assert_uint_eq(backoff_left(&b, now + want[i] * 1000000), 0);
		now += SECOND;
	}
}
END_TEST

START_TEST(it_never_overflows)
{
	struct backoff b = {0};

	for (int i = 0; i < 1000; i++) {
		backoff_failed(&b, 0, 3600 * SECOND);
	}
	ck_assert_uint_eq(backoff_left(&b, 0), 3600 * SECOND);
	backoff_failed(&b, 0, 1000000);
	ck_assert_uint_eq(backoff_left(&b, 0), 1000000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("backoff");
	TCase *tc = tcase_create("backoff");

	tcase_add_test(tc, it_doubles_up_to_the_limit);
	tcase_add_test(tc, it_never_overflows);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
