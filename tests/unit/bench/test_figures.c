/* Medians, ratios inside rounds, and what counts as noise. */
#include <string.h>
#include "bench/figures.h"
#include "common/runner.h"

static void set_rates(struct bench_contender *c, const double *rates, size_t n)
{
	memset(c, 0, sizeof(*c));
	c->n = n;
	for (size_t i = 0; i < n; i++) {
		c->samples[i].ns = 1000000000;
		c->samples[i].requests = c->samples[i].answered = (uint64_t)rates[i];
	}
}

START_TEST(median_of_odd_and_even)
{
	double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2};
	struct range r = figures_range(odd, 3);

	ck_assert_double_eq(r.median, 3);
	ck_assert_double_eq(r.min, 1);
	ck_assert_double_eq(r.max, 5);
	ck_assert_double_eq(figures_range(even, 4).median, 2.5);
	ck_assert_uint_eq(figures_range(even, 0).n, 0);
}
END_TEST

/* The machine's speed changes twofold from round to round, and the ratio stays. */
START_TEST(ratios_are_taken_inside_rounds)
{
	static const double a[] = {200, 400, 100, 800}, b[] = {100, 200, 50, 400};
	struct bench_contender x, y;
	struct range r;

	set_rates(&x, a, 4);
	set_rates(&y, b, 4);
	r = figures_ratio(&x, &y);
	ck_assert_double_eq(r.min, 2);
	ck_assert_double_eq(r.median, 2);
	ck_assert_double_eq(r.max, 2);
	ck_assert(!figures_is_noise(&r));
}
END_TEST

START_TEST(rounds_without_a_divisor_are_left_out)
{
	static const double a[] = {10, 10, 10}, b[] = {5, 0, 5};
	struct bench_contender x, y;

	set_rates(&x, a, 3);
	set_rates(&y, b, 3);
	ck_assert_uint_eq(figures_ratio(&x, &y).n, 2);
}
END_TEST

START_TEST(noise_is_a_range_that_holds_one_or_almost_one)
{
	struct range across = {1.2, 0.9, 1.5, 5}, near = {1.02, 1.01, 1.03, 5};
	struct range above = {1.2, 1.1, 1.3, 5}, none = {0};

	ck_assert(figures_is_noise(&across));
	ck_assert(figures_is_noise(&near));
	ck_assert(figures_is_noise(&none));
	ck_assert(!figures_is_noise(&above));
}
END_TEST

START_TEST(costs_are_per_answered_request)
{
	static const double rates[] = {1000, 3000};
	struct bench_contender c;
	struct figures_cost cost;

	set_rates(&c, rates, 2);
	c.samples[0].client_cpu_ns = 8000000;
	c.samples[1].server_cpu_ns = 4000000;
	c.samples[1].client_switches = 2000;
	c.samples[1].server_switches = 6000;
	cost = figures_cost(&c);
	ck_assert_double_eq(cost.client_ns, 2000);
	ck_assert_double_eq(cost.server_ns, 1000);
	ck_assert_double_eq(cost.switches, 2);
}
END_TEST

START_TEST(find_wants_samples)
{
	struct bench_group g = {.n = 1};

	g.contenders[0].side = BENCH_REVD;
	g.contenders[0].transport = BENCH_FIFO;
	ck_assert_ptr_null(figures_find(&g, BENCH_REVD, BENCH_FIFO));
	g.contenders[0].n = 1;
	ck_assert_ptr_eq(figures_find(&g, BENCH_REVD, BENCH_FIFO), &g.contenders[0]);
	ck_assert_ptr_null(figures_find(&g, BENCH_FLOOR, BENCH_FIFO));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench/figures");
	TCase *t = tcase_create("figures");

	tcase_add_test(t, median_of_odd_and_even);
	tcase_add_test(t, ratios_are_taken_inside_rounds);
	tcase_add_test(t, rounds_without_a_divisor_are_left_out);
	tcase_add_test(t, noise_is_a_range_that_holds_one_or_almost_one);
	tcase_add_test(t, costs_are_per_answered_request);
	tcase_add_test(t, find_wants_samples);
	suite_add_tcase(s, t);
	return runner_run(s);
}
