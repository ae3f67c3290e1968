/* What waits: records, lines that are served in part, what is dropped, what it costs. */
#include <stdio.h>
#include "common/runner.h"
#include "traffic/waiting.h"

static void put(struct waiting *w, const char *text, bool lines, uint32_t tag)
{
	const struct waiting_record rec = {
		.len = (uint32_t)strlen(text), .lines = lines, .tag = tag, .client = tag + 1u};

	ck_assert_int_eq(waiting_put(w, &rec, (const uint8_t *)text), 0);
}

static void expect(const struct waiting *w, const char *text, uint32_t tag)
{
	struct waiting_record rec;
	const uint8_t *data = waiting_first(w, &rec);

	ck_assert_ptr_nonnull(data);
	ck_assert_uint_eq(rec.len, strlen(text));
	ck_assert_int_eq(memcmp(data, text, rec.len), 0);
	ck_assert_uint_eq(rec.tag, tag);
	ck_assert_uint_eq(rec.client, tag + 1u);
}

START_TEST(records_keep_their_order)
{
	struct waiting w = {0};
	struct waiting_record rec;

	ck_assert_ptr_null(waiting_first(&w, &rec));
	put(&w, "uno", false, 1);
	put(&w, "", false, 2);
	put(&w, "tres", false, 3);
	expect(&w, "uno", 1);
	waiting_advance(&w, 3);
	expect(&w, "", 2);
	waiting_advance(&w, 0);
	put(&w, "cuatro", false, 4);
	expect(&w, "tres", 3);
	waiting_advance(&w, 4);
	expect(&w, "cuatro", 4);
	waiting_advance(&w, 6);
	ck_assert_ptr_null(waiting_first(&w, &rec));
	ck_assert_uint_eq(waiting_cost(&w), 0);
	bytes_free(&w.records);
}
END_TEST

/* Any number of lines may be served of a record, and more come meanwhile. */
START_TEST(lines_are_served_in_part)
{
	struct waiting w = {0};

	put(&w, "a\nbb\nccc\n", true, 7);
	put(&w, "d\n", true, 8);
	waiting_advance(&w, 0);
	expect(&w, "a\nbb\nccc\n", 7);
	waiting_advance(&w, 2);
	expect(&w, "bb\nccc\n", 7);
	put(&w, "e\n", true, 9);
	waiting_advance(&w, 3);
	expect(&w, "ccc\n", 7);
	ck_assert_uint_eq(waiting_drop(&w), 3);
	ck_assert_uint_eq(waiting_cost(&w), 0);
}
END_TEST

/* A message is one request, whatever is in it. */
START_TEST(requests_are_counted_when_dropped)
{
	struct waiting w = {0};

	ck_assert_uint_eq(waiting_drop(&w), 0);
	put(&w, "a\nb\nc\n", true, 1);
	put(&w, "d\ne\n", false, 2);
	put(&w, "", false, 3);
	waiting_advance(&w, 2);
	ck_assert_uint_eq(waiting_drop(&w), 2 + 1 + 1);
	ck_assert_ptr_null(w.records.data);
}
END_TEST

/* Coming and going for long: nothing is mixed up, and the memory stays small. */
START_TEST(a_steady_stream)
{
	struct waiting w = {0};
	char text[32];

	for (uint32_t i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "%u", i);
		put(&w, text, false, i);
		if (i >= 10) {
			snprintf(text, sizeof(text), "%u", i - 10);
			expect(&w, text, i - 10);
			waiting_advance(&w, strlen(text));
		}
	}
	ck_assert_uint_lt(w.records.size, 4096);
	ck_assert_uint_eq(waiting_drop(&w), 10);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("waiting");
	Suite *s = suite_create("waiting");

	tcase_add_test(tc, records_keep_their_order);
	tcase_add_test(tc, lines_are_served_in_part);
	tcase_add_test(tc, requests_are_counted_when_dropped);
	tcase_add_test(tc, a_steady_stream);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
