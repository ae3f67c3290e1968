/* Tickets: ids that are never valid again, chains, slots that are used again. */
#include "common/runner.h"
#include "traffic/ticket.h"

static rv_ticket create(struct tickets *ts, uint32_t *chain)
{
	rv_ticket id = 0;

	ck_assert_ptr_nonnull(ticket_create(ts, chain, &id));
	ck_assert_uint_ne(id, 0);
	ck_assert_uint_eq(ticket_id(ts, ticket_find(ts, id)), id);
	return id;
}

START_TEST(ids_are_never_valid_again)
{
	enum { N = 1000 };
	struct tickets ts = {0};
	uint32_t chain = 0;
	rv_ticket ids[N];
	size_t valid = 0;

	ck_assert_ptr_null(ticket_find(&ts, 0));
	ck_assert_ptr_null(ticket_find(&ts, 1));
	for (size_t i = 0; i < N; i++) {
		ids[i] = create(&ts, &chain);
		ticket_free(&ts, ticket_find(&ts, ids[i]));
		for (size_t k = 0; k <= i; k++) { /* an assertion each would take seconds */
			valid += ticket_find(&ts, ids[k]) != NULL || (k < i && ids[k] == ids[i]);
		}
	}
	ck_assert_uint_eq(valid, 0);
	ck_assert_uint_eq(ts.used, 0);
	ck_assert_uint_eq(chain, 0);
	ck_assert_uint_eq(ts.n, 64); /* slots are used again */
	ck_assert_ptr_null(ticket_find(&ts, UINT64_MAX));
	tickets_finish(&ts);
}
END_TEST

/* Nor after four thousand millions of them. */
START_TEST(a_slot_whose_ids_are_used_up_is_left)
{
	struct tickets ts = {0};
	uint32_t chain = 0, slot;
	rv_ticket id = create(&ts, &chain);

	slot = (uint32_t)id;
	ticket_find(&ts, id)->generation = UINT32_MAX;
	id = ticket_id(&ts, &ts.table[slot - 1]);
	ticket_free(&ts, ticket_find(&ts, id));
	ck_assert_ptr_null(ticket_find(&ts, id));
	for (int i = 0; i < 200; i++) {
		ck_assert_uint_ne((uint32_t)create(&ts, &chain), slot);
	}
	ck_assert_uint_eq(ts.used, 200);
	tickets_finish(&ts);
}
END_TEST

static size_t n_cancelled;
static rv_ticket cancelled[1000];

static void note(struct ticket *t, rv_ticket id)
{
	(void)t;
	cancelled[n_cancelled++] = id;
}

START_TEST(a_chain_is_cancelled_alone)
{
	enum { N = 300 }; /* the table grows meanwhile */
	struct tickets ts = {0};
	uint32_t mine = 0, other = 0;
	rv_ticket ids[N];

	for (size_t i = 0; i < N; i++) {
		ids[i] = create(&ts, i % 3 ? &mine : &other);
	}
	for (size_t i = 0; i < N; i += 50) { /* some of both kinds, wherever they stand */
		ticket_free(&ts, ticket_find(&ts, ids[i]));
	}
	n_cancelled = 0;
	tickets_cancel(&ts, &mine, note);
	ck_assert_uint_eq(n_cancelled, 196);
	ck_assert_uint_eq(mine, 0);
	for (size_t i = 0; i < N; i++) {
		ck_assert(!ticket_find(&ts, ids[i]) == (i % 3 || i % 50 == 0));
	}
	for (size_t i = 0; i < n_cancelled; i++) {
		ck_assert_ptr_null(ticket_find(&ts, cancelled[i]));
	}
	tickets_cancel(&ts, &other, note);
	ck_assert_uint_eq(ts.used, 0);
	tickets_finish(&ts);
}
END_TEST

START_TEST(those_that_are_due)
{
	struct tickets ts = {0};
	uint32_t chain = 0, at = 0;
	rv_ticket ids[5];
	size_t n = 0;

	for (uint64_t i = 0; i < 5; i++) {
		ids[i] = create(&ts, &chain);
		ticket_find(&ts, ids[i])->deadline_ns = 10 * i;
	}
	ticket_free(&ts, ticket_find(&ts, ids[1]));
	for (struct ticket *t; (t = tickets_due(&ts, 20, &at)); n++) {
		ck_assert_uint_le(t->deadline_ns, 20);
		ticket_free(&ts, t);
	}
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(ts.used, 2);
	tickets_finish(&ts);
}
END_TEST

/* The memory of many goes back; the ids of those that come later are new all the same. */
START_TEST(memory_is_given_back)
{
	enum { N = 3000 };
	struct tickets ts = {0};
	uint32_t chain = 0;
	rv_ticket ids[2][N];

	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < N; i++) {
			ids[round][i] = create(&ts, &chain);
		}
		ck_assert_uint_eq(tickets_trim(&ts), 0);
		for (size_t i = 0; i < N; i++) {
			ck_assert(!round || !ticket_find(&ts, ids[0][i]));
			ticket_free(&ts, ticket_find(&ts, ids[round][i]));
		}
		ck_assert_uint_ge(tickets_trim(&ts), N * sizeof(struct ticket));
		ck_assert_uint_eq(ts.n, 0);
		ck_assert_ptr_null(ticket_find(&ts, ids[0][0]));
		ck_assert_uint_eq(tickets_trim(&ts), 0);
	}
	tickets_finish(&ts);
}
END_TEST

/* Where a place has none left that is not given back. */
START_TEST(used_up_ids_are_not_given_back)
{
	enum { N = 2000 };
	struct tickets ts = {0};
	uint32_t chain = 0;

	for (size_t i = 0; i < N; i++) {
		(void)create(&ts, &chain);
	}
	ts.table[N / 2].generation = UINT32_MAX;
	while (chain) {
		ticket_free(&ts, &ts.table[chain - 1]);
	}
	ck_assert_uint_eq(tickets_trim(&ts), 0);
	ck_assert_uint_ge(ts.n, N);
	tickets_finish(&ts);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("ticket");
	Suite *s = suite_create("ticket");

	tcase_add_test(tc, ids_are_never_valid_again);
	tcase_add_test(tc, a_slot_whose_ids_are_used_up_is_left);
	tcase_add_test(tc, a_chain_is_cancelled_alone);
	tcase_add_test(tc, those_that_are_due);
	tcase_add_test(tc, memory_is_given_back);
	tcase_add_test(tc, used_up_ids_are_not_given_back);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
