/* Joining: order, limits, markers, time. */
#include "common/runner.h"
#include "proto/join.h"
#include "util/macro.h"

#define SECOND UINT64_C(1000000000)

static const struct join_limits limits = {.message = 1000, .cost = 4000, .messages = 4};

/* A frame with the text s to a joiner; *ret is the joined text, freed by the caller. */
static enum join_result add_at(struct joiner *j, uint64_t now, uint64_t id, bool more,
	const char *s, size_t n, struct bytes *ret)
{
	const struct rv_frame f = {.code = RV_OP_CALL, .id = id, .flags = more ? RV_FRAME_MORE : 0};

	return joiner_add(j, &limits, now, &f, (const uint8_t *)s, n, ret);
}

static enum join_result add(struct joiner *j, uint64_t id, bool more, const char *s)
{
	struct bytes text;
	enum join_result r = add_at(j, 1, id, more, s, strlen(s), &text);

	bytes_free(&text);
	return r;
}

START_TEST(whole_ones_pass)
{
	struct joiner j = {0};
	struct bytes text;

	ck_assert_int_eq(add_at(&j, 1, 7, false, "abc", 3, &text), JOIN_DONE);
	ck_assert_ptr_null(text.data);
	ck_assert_ptr_null(j.messages);
	ck_assert_uint_eq(j.cost, 0);
}
END_TEST

START_TEST(interleaved_ones_are_told_apart)
{
	struct joiner j = {0};
	struct bytes text;

	ck_assert_int_eq(add(&j, 1, true, "ab"), JOIN_WAIT);
	ck_assert_int_eq(add(&j, 2, true, "xy"), JOIN_WAIT);
	ck_assert_int_eq(add(&j, 1, true, ""), JOIN_WAIT);
	ck_assert_int_eq(add_at(&j, 1, 2, false, "z", 1, &text), JOIN_DONE);
	ck_assert_mem_eq(bytes_head(&text), "xyz", 3);
	ck_assert_uint_eq(text.len, 3);
	bytes_free(&text);
	ck_assert_int_eq(add_at(&j, 1, 1, false, "", 0, &text), JOIN_DONE);
	ck_assert_mem_eq(bytes_head(&text), "ab", 2);
	bytes_free(&text);
	ck_assert_uint_eq(j.n_messages, 0);
	ck_assert_uint_eq(j.cost, 0);
}
END_TEST

START_TEST(operations_must_agree)
{
	struct joiner j = {0};
	const struct rv_frame f = {.code = RV_OP_PING, .id = 1};
	struct bytes text;

	ck_assert_int_eq(add(&j, 1, true, "ab"), JOIN_WAIT);
	ck_assert_int_eq(
		joiner_add(&j, &limits, 1, &f, (const uint8_t *)"", 0, &text), JOIN_MALFORMED);
	ck_assert_uint_eq(j.n_messages + j.n_markers, 0); /* it was the last fragment */
}
END_TEST

START_TEST(a_refused_one_is_swallowed_to_its_end)
{
	struct joiner j = {0};
	struct rv_frame f = {.id = 1, .flags = RV_FRAME_MORE};
	char big[1001] = "";
	struct bytes text;

	ck_assert_int_eq(add(&j, 1, true, "ab"), JOIN_WAIT);
	ck_assert_int_eq(add_at(&j, 1, 1, true, big, sizeof(big) - 2, &text), JOIN_TOO_LARGE);
	ck_assert_uint_eq(text.len, sizeof(big));
	ck_assert_uint_eq(j.n_markers, 1);
	ck_assert(joiner_swallow(&j, &f, 2));
	f.flags = 0;
	ck_assert(joiner_swallow(&j, &f, 3));
	ck_assert(!joiner_swallow(&j, &f, 4));
	ck_assert_uint_eq(j.n_markers, 0);
	ck_assert_uint_eq(j.cost, 0);
}
END_TEST

START_TEST(empty_fragments_cost)
{
	struct joiner j = {0};

	for (uint64_t id = 1; id <= limits.messages; id++) {
		ck_assert_int_eq(add(&j, id, true, ""), JOIN_WAIT);
	}
	ck_assert_uint_gt(j.cost, 0);
	ck_assert_int_eq(add(&j, 99, true, ""), JOIN_BUSY);
	joiner_finish(&j);
	ck_assert_uint_eq(j.cost, 0);
}
END_TEST

START_TEST(all_of_them_together_are_limited)
{
	struct joiner j = {0};
	char text[900] = "";
	struct bytes ret;
	enum join_result r = JOIN_WAIT;
	uint64_t id = 0;

	while (r == JOIN_WAIT) {
		r = add_at(&j, 1, ++id, true, text, sizeof(text), &ret);
	}
	ck_assert_int_eq(r, JOIN_BUSY);
	ck_assert_uint_le(j.cost, limits.cost + 200);
	joiner_finish(&j);
}
END_TEST

START_TEST(late_ones_are_told_once)
{
	struct joiner j = {0};
	struct bytes text;

	ck_assert_int_eq(add(&j, 1, true, "ab"), JOIN_WAIT);
	ck_assert_uint_eq(joiner_expire(&j, SECOND / 2, SECOND, true), 0);
	ck_assert_uint_eq(joiner_expire(&j, 2 * SECOND, SECOND, true), 1);
	ck_assert_int_eq(add_at(&j, 3 * SECOND, 1, true, "c", 1, &text), JOIN_LATE);
	ck_assert(joiner_swallow(&j, &(struct rv_frame){.id = 1}, 4 * SECOND));
	ck_assert_int_eq(add(&j, 1, false, "new"), JOIN_DONE);
}
END_TEST

/* Whose fragments still come is not forgotten, though they come late. */
START_TEST(late_ones_are_remembered_from_their_last_fragment)
{
	struct joiner j = {0};
	struct bytes text;

	ck_assert_int_eq(add(&j, 1, true, "ab"), JOIN_WAIT);
	ck_assert_uint_eq(joiner_expire(&j, 2 * SECOND, SECOND, true), 1);
	ck_assert_int_eq(add_at(&j, 17 * SECOND, 1, true, "c", 1, &text), JOIN_LATE);
	(void)joiner_expire(&j, 18 * SECOND, SECOND, true);
	ck_assert(joiner_swallow(&j, &(struct rv_frame){.id = 1}, 19 * SECOND));
	joiner_finish(&j);
}
END_TEST

START_TEST(markers_are_forgotten_only_where_that_was_asked_for)
{
	struct joiner j = {0};
	const struct rv_frame f = {.id = 1, .flags = RV_FRAME_MORE};

	joiner_discard(&j, &f, SECOND);
	ck_assert_uint_eq(joiner_expire(&j, 100 * SECOND, SECOND, false), 0);
	ck_assert_uint_eq(j.n_markers, 1);
	(void)joiner_expire(&j, 100 * SECOND, SECOND, true);
	ck_assert_uint_eq(j.n_markers, 0);
}
END_TEST

START_TEST(lossy_for_a_while)
{
	struct joiner j = {0};

	for (uint64_t id = 0; id <= JOIN_MARKERS; id++) {
		joiner_discard(&j, &(struct rv_frame){.id = id, .flags = RV_FRAME_MORE}, SECOND);
	}
	ck_assert_uint_eq(j.n_markers, JOIN_MARKERS);
	ck_assert_int_eq(add(&j, 1000, false, "x"), JOIN_BUSY);
	(void)joiner_expire(&j, 1000 * SECOND, SECOND, true);
	ck_assert_int_eq(add(&j, 1000, false, "x"), JOIN_DONE);
	joiner_finish(&j);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("join");
	Suite *s = suite_create("join");

	tcase_add_test(tc, whole_ones_pass);
	tcase_add_test(tc, interleaved_ones_are_told_apart);
	tcase_add_test(tc, operations_must_agree);
	tcase_add_test(tc, a_refused_one_is_swallowed_to_its_end);
	tcase_add_test(tc, empty_fragments_cost);
	tcase_add_test(tc, all_of_them_together_are_limited);
	tcase_add_test(tc, late_ones_are_told_once);
	tcase_add_test(tc, late_ones_are_remembered_from_their_last_fragment);
	tcase_add_test(tc, markers_are_forgotten_only_where_that_was_asked_for);
	tcase_add_test(tc, lossy_for_a_while);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
