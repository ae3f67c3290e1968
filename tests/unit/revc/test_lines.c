/* Counting lines agrees with counting them one by one, at every length and offset. */
#include <stdlib.h>
#include "revc/lines.h"
#include "common/runner.h"

#define SIZE 20000

static uint8_t data[SIZE];

static void fill(unsigned seed, unsigned every)
{
	srand(seed);
	for (size_t i = 0; i < SIZE; i++) {
		data[i] = rand() % (int)every == 0 ? '\n' : (uint8_t)rand();
	}
}

static size_t count(const uint8_t *p, size_t n)
{
	size_t c = 0;

	for (size_t i = 0; i < n; i++) {
		c += p[i] == '\n';
	}
	return c;
}

START_TEST(counts)
{
	fill((unsigned)_i, (unsigned)_i * 7 + 1);
	for (size_t n = 0; n < 300; n++) {
		ck_assert_uint_eq(lines_count(data + n % 61, n), count(data + n % 61, n));
	}
	ck_assert_uint_eq(lines_count(data, SIZE), count(data, SIZE));
}
END_TEST

/* All LF: no lane may overflow. */
START_TEST(counts_nothing_but_lines)
{
	memset(data, '\n', SIZE);
	ck_assert_uint_eq(lines_count(data, SIZE), SIZE);
	ck_assert_uint_eq(lines_span(data, SIZE, SIZE), SIZE);
	ck_assert_uint_eq(lines_span(data, SIZE, SIZE + 1), 0);
}
END_TEST

START_TEST(spans)
{
	size_t at = 0, lines = 0, total;

	fill((unsigned)_i, (unsigned)_i * 31 + 2);
	total = count(data, SIZE);
	ck_assert_uint_eq(lines_span(data, SIZE, 0), 0);
	for (; at < SIZE; at++) {
		if (data[at] == '\n') {
			ck_assert_uint_eq(lines_span(data, SIZE, ++lines), at + 1);
		}
	}
	ck_assert_uint_eq(lines_span(data, SIZE, total + 1), 0);
}
END_TEST

START_TEST(finds_beginnings)
{
	const uint8_t *p = (const uint8_t *)"a\xff\n\xff"
					    "b\n\xff\n";

	ck_assert_uint_eq(lines_find(p, 8, 0, 0xff), 3);
	ck_assert_uint_eq(lines_find(p, 8, 4, 0xff), 6);
	ck_assert_uint_eq(lines_find(p, 8, 7, 0xff), 8);
	ck_assert_uint_eq(lines_find(p, 3, 0, 0xff), 3);
	ck_assert_uint_eq(lines_find(p + 1, 7, 0, 0xff), 0);
	ck_assert_uint_eq(lines_find(p, 0, 0, 0xff), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client/lines");
	TCase *t = tcase_create("lines");

	tcase_add_loop_test(t, counts, 0, 20);
	tcase_add_test(t, counts_nothing_but_lines);
	tcase_add_loop_test(t, spans, 0, 10);
	tcase_add_test(t, finds_beginnings);
	suite_add_tcase(s, t);
	return runner_run(s);
}
