/* What is taken for lost behind a broker: RFC 6298 with other bounds. */
#include "revc/late.h"
#include "common/runner.h"

#define MS UINT64_C(1000000)

START_TEST(a_second_is_given_to_the_first)
{
	struct late l = {0};

	ck_assert_uint_eq(late_after(&l, 0), 1000 * MS);
	ck_assert_uint_eq(late_after(&l, 1), 2000 * MS);
	ck_assert_uint_eq(late_after(&l, 3), 8000 * MS);
}
END_TEST

static void note(struct late *l, uint64_t first, unsigned again, uint64_t sent, uint64_t now)
{
	const struct late_request q = {.first_ns = first, .sent_ns = sent, .again = again};

	late_note(l, &q, now);
}

static bool is_late(const struct late *l, uint64_t sent, unsigned again, uint64_t now)
{
	const struct late_request q = {.first_ns = sent, .sent_ns = sent, .again = again};

	return late_is(l, &q, now);
}

/* Sent one after another, each answered so long after it was sent. Returns when. */
static uint64_t answer(struct late *l, unsigned n, uint64_t took, uint64_t now)
{
	for (unsigned i = 0; i < n; i++) {
		now += MS;
		note(l, now - took, 0, now - took, now);
	}
	return now;
}

START_TEST(soon_answered_is_late_after_the_least)
{
	struct late l = {0};

	answer(&l, 100, MS / 10, MS);
	ck_assert_uint_eq(late_after(&l, 0), 250 * MS);
	ck_assert_uint_eq(late_after(&l, 2), 1000 * MS);
}
END_TEST

/* What takes its time is not sent again and again, which would make it slower still. */
START_TEST(slow_answers_are_waited_for)
{
	struct late l = {0};
	uint64_t now = 10000 * MS;

	for (int i = 0; i < 50; i++) {
		now = answer(&l, 1, 1500 * MS, now);
		now = answer(&l, 1, 2500 * MS, now);
	}
	ck_assert_uint_gt(late_after(&l, 0), 2500 * MS);
	ck_assert_uint_lt(late_after(&l, 0), 6000 * MS);
}
END_TEST

START_TEST(there_is_a_most)
{
	struct late l = {0};

	note(&l, MS, 0, MS, 30000 * MS);
	ck_assert_uint_eq(late_after(&l, 1000), 60000 * MS);
}
END_TEST

/* All were sent at once and are answered in turn: who waits for 2 s was not lost. */
START_TEST(a_queue_is_no_loss)
{
	struct late l = {0};
	uint64_t sent = 1000 * MS;

	for (uint64_t now = sent; now < sent + 2000 * MS; now += MS) {
		note(&l, sent, 0, sent, now);
		ck_assert(!is_late(&l, sent, 0, now));
	}
}
END_TEST

START_TEST(what_others_overtake_is_lost)
{
	struct late l = {0};
	uint64_t sent = 1000 * MS, now = answer(&l, 100, MS, sent);

	ck_assert(!is_late(&l, sent, 0, now));
	now = answer(&l, 140, MS, now);
	ck_assert(!is_late(&l, sent, 0, now));
	now = answer(&l, 120, MS, now);
	ck_assert(is_late(&l, sent, 0, now));
	ck_assert(!is_late(&l, sent, 1, now));
	ck_assert(is_late(&l, sent, 1, answer(&l, 300, MS, now)));
}
END_TEST

/* It may be: some are sent again, and if they are answered, all others were lost. */
START_TEST(in_silence_some_are_tried)
{
	struct late l = {0};
	uint64_t now = answer(&l, 100, MS, 1000 * MS), sent = now - MS;
	unsigned n = 0;

	ck_assert(!is_late(&l, sent, 0, now + 249 * MS));
	now += 250 * MS;
	for (; n < 1000 && is_late(&l, sent, 0, now); n++) {
		late_spend(&l);
	}
	ck_assert_uint_eq(n, 16);
	note(&l, sent, 1, now, now + MS);
	ck_assert(is_late(&l, sent, 0, now + MS));
}
END_TEST

/* So soon after it was sent again that it must have been under way: the queue is long. */
START_TEST(an_answer_to_the_first_tells_nothing_of_others)
{
	struct late l = {0};
	uint64_t now = answer(&l, 100, 300 * MS, 1000 * MS), sent = now - MS;

	now += 400 * MS;
	ck_assert(is_late(&l, sent, 0, now));
	note(&l, sent, 1, now, now + MS);
	ck_assert(!is_late(&l, sent, 0, now + MS));
}
END_TEST

/* Which of the two was answered is not known; it was not answered before, that is. */
START_TEST(what_was_sent_twice_counts_from_the_first)
{
	struct late l = {0};

	note(&l, 1000 * MS, 0, 1000 * MS, 2000 * MS);
	note(&l, 1000 * MS, 1, 2900 * MS, 3000 * MS);
	ck_assert_uint_ge(late_after(&l, 0), 2000 * MS);
}
END_TEST

START_TEST(there_is_a_stock)
{
	struct late l = {0};
	uint64_t sent = 1000 * MS, now = answer(&l, 1000, MS, sent);
	unsigned n = 0;

	for (; n < 100000 && is_late(&l, sent, 0, now); n++) {
		late_spend(&l);
	}
	ck_assert_uint_eq(n, 2048);
	now = answer(&l, 1001, MS, now);
	for (n = 0; n < 100000 && is_late(&l, sent, 0, now); n++) {
		late_spend(&l);
	}
	ck_assert_uint_ge(n, 100);
	ck_assert_uint_le(n, 101);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("revc/late");
	TCase *tc = tcase_create("late");

	tcase_add_test(tc, a_second_is_given_to_the_first);
	tcase_add_test(tc, soon_answered_is_late_after_the_least);
	tcase_add_test(tc, slow_answers_are_waited_for);
	tcase_add_test(tc, there_is_a_most);
	tcase_add_test(tc, a_queue_is_no_loss);
	tcase_add_test(tc, what_others_overtake_is_lost);
	tcase_add_test(tc, in_silence_some_are_tried);
	tcase_add_test(tc, an_answer_to_the_first_tells_nothing_of_others);
	tcase_add_test(tc, what_was_sent_twice_counts_from_the_first);
	tcase_add_test(tc, there_is_a_stock);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
