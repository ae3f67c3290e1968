/* The histogram against percentiles that are computed from all the values. */
#include <stdlib.h>
#include <string.h>
#include "common/runner.h"
#include "util/hist.h"
#include "util/macro.h"

#define N 20000

static const double quantiles[] = {0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1};

/* xorshift64*, Vigna 2016: the same values in each run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717u;
}

/* Shapes of latencies: even, over many powers of two, few values, two humps. */
static uint64_t value_of(int shape, uint64_t r)
{
	switch (shape) {
	case 0:
		return r % 1000000;
	case 1:
		return (r >> 8) >> (r % 56);
	case 2:
		return r % 16;
	default:
		return r % 10 ? 20000 + r % 1000 : 5000000 + r % 1000000;
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The smallest value such that at least a fraction q of all is not above it. */
static uint64_t exact(const uint64_t *sorted, size_t n, double q)
{
	size_t rank = 0;

	while (rank < n - 1 && (double)(rank + 1) < q * (double)n) {
		rank++;
	}
	return sorted[rank];
}

START_TEST(against_exact_percentiles)
{
	static uint64_t values[N];
	static struct hist h;
	uint64_t state = 88172645463325252u, sum = 0;

	for (size_t i = 0; i < N; i++) {
		values[i] = value_of(_i, next_random(&state));
		sum += values[i];
		hist_add(&h, values[i], 1);
	}
	qsort(values, N, sizeof(values[0]), compare);
	ck_assert_uint_eq(h.count, N);
	ck_assert_uint_eq(h.sum, sum);
	ck_assert_uint_eq(h.max, values[N - 1]);
	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++) {
		uint64_t want = exact(values, N, quantiles[i]);
		uint64_t got = hist_quantile(&h, quantiles[i]);

		/* never too low, and too high by no more than a step */
		ck_assert_uint_ge(got, want);
		ck_assert_uint_le(got, want + want / HIST_SUB);
	}
}
END_TEST

START_TEST(each_index_holds_its_values)
{
	unsigned last = 0;

	for (int bit = 0; bit < 64; bit++) {
		for (uint64_t step = 0; step < HIST_SUB; step++) {
			uint64_t above = bit < 4 ? (step << bit) / HIST_SUB : step << (bit - 4);
			uint64_t v = ((uint64_t)1 << bit) + above;
			unsigned i = hist_index(v);
			struct hist h = {0};

			ck_assert_uint_lt(i, HIST_SLOTS);
			ck_assert_uint_ge(i, last); /* never back: percentiles need the order */
			last = i;
			hist_add(&h, v, 1);
			h.max = UINT64_MAX; /* so that the slot's own bound is seen */
			ck_assert_uint_ge(hist_quantile(&h, 0.5), v);
			ck_assert_uint_le(hist_quantile(&h, 0.5) - v, v / HIST_SUB);
		}
	}
	ck_assert_uint_eq(hist_index(UINT64_MAX), HIST_SLOTS - 1);
	ck_assert_uint_eq(hist_index(0), 0);
}
END_TEST

START_TEST(small_values_are_exact)
{
	for (uint64_t v = 0; v < HIST_SUB; v++) {
		struct hist h = {0};

		hist_add(&h, v, 3);
		hist_add(&h, 1000, 1);
		ck_assert_uint_eq(hist_quantile(&h, 0.5), v);
		ck_assert_uint_eq(hist_quantile(&h, 1), 1000);
	}
}
END_TEST

/* A fraction that is reached exactly needs no further value. */
START_TEST(boundaries_between_values)
{
	struct hist h = {0};

	for (uint64_t v = 0; v < HIST_SUB; v++) {
		hist_add(&h, v, 1);
	}
	for (uint64_t v = 0; v < HIST_SUB; v++) {
		ck_assert_uint_eq(hist_quantile(&h, (double)(v + 1) / HIST_SUB), v);
		ck_assert_uint_eq(hist_quantile(&h, ((double)v + 0.5) / HIST_SUB), v);
	}
}
END_TEST

START_TEST(empty)
{
	static const struct hist h;

	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++) {
		ck_assert_uint_eq(hist_quantile(&h, quantiles[i]), 0);
	}
}
END_TEST

START_TEST(merged_is_as_if_recorded_in_one)
{
	static struct hist one, parts[3], merged;
	uint64_t state = 42;

	for (size_t i = 0; i < N; i++) {
		uint64_t v = value_of(1, next_random(&state));

		hist_add(&one, v, 1 + i % 5);
		hist_add(&parts[i % 3], v, 1 + i % 5);
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		hist_merge(&merged, &parts[i]);
	}
	ck_assert_mem_eq(&merged, &one, sizeof(one));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hist");
	TCase *t = tcase_create("hist");

	tcase_add_loop_test(t, against_exact_percentiles, 0, 4);
	tcase_add_test(t, each_index_holds_its_values);
	tcase_add_test(t, small_values_are_exact);
	tcase_add_test(t, boundaries_between_values);
	tcase_add_test(t, empty);
	tcase_add_test(t, merged_is_as_if_recorded_in_one);
	suite_add_tcase(s, t);
	return runner_run(s);
}
