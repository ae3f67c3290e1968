#include <stdio.h>
#include <string.h>
#include <revd/base/peer_cache.h>
#include "common/runner.h"

#define MANY 3000

static struct rv_peer_cache table;
static struct rv_peer_cache_entry entries[MANY];
static char tokens[MANY][32];

static void teardown(void)
{
	rv_peer_cache_finish(&table);
}

static size_t name(char *buf, size_t size, unsigned i)
{
	int n = snprintf(buf, size, "token-%u", i);

	ck_assert_int_gt(n, 0);
	return (size_t)n;
}

static void add(unsigned i)
{
	size_t n = name(tokens[i], sizeof(tokens[i]), i);

	ck_assert_int_eq(rv_peer_cache_reserve(&table), 0);
	rv_peer_cache_add(&table, &entries[i], tokens[i], n);
}

static struct rv_peer_cache_entry *find(unsigned i)
{
	char buf[32];
	size_t n = name(buf, sizeof(buf), i);

	return rv_peer_cache_find(&table, buf, n);
}

START_TEST(test_empty)
{
	ck_assert_ptr_null(find(0));
	add(0);
	ck_assert_ptr_eq(find(0), &entries[0]);
	rv_peer_cache_remove(&table, &entries[0]);
	ck_assert_ptr_null(find(0));
	ck_assert_uint_eq(table.n, 0);
}
END_TEST

START_TEST(test_many)
{
	for (unsigned i = 0; i < MANY; i++) {
		add(i);
	}
	ck_assert_uint_eq(table.n, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		ck_assert_ptr_eq(find(i), &entries[i]);
	}
	for (unsigned i = 0; i < MANY; i += 2) {
		rv_peer_cache_remove(&table, &entries[i]);
	}
	for (unsigned i = 0; i < MANY; i++) {
		ck_assert_ptr_eq(find(i), i % 2 ? &entries[i] : NULL);
	}
}
END_TEST

/* A token that starts another one, or differs in case, is not the same. */
START_TEST(test_whole_tokens)
{
	ck_assert_int_eq(rv_peer_cache_reserve(&table), 0);
	rv_peer_cache_add(&table, &entries[0], "abc", 3);
	ck_assert_int_eq(rv_peer_cache_reserve(&table), 0);
	rv_peer_cache_add(&table, &entries[1], "abcd", 4);
	ck_assert_ptr_eq(rv_peer_cache_find(&table, "abcd", 3), &entries[0]);
	ck_assert_ptr_eq(rv_peer_cache_find(&table, "abcd", 4), &entries[1]);
	ck_assert_ptr_null(rv_peer_cache_find(&table, "abcd", 2));
	ck_assert_ptr_null(rv_peer_cache_find(&table, "ABC", 3));
}
END_TEST

static bool is_even(void *ctx, const struct rv_peer_cache_entry *e)
{
	++*(unsigned *)ctx;
	return (e - entries) % 2 == 0;
}

static bool never(void *ctx, const struct rv_peer_cache_entry *e)
{
	(void)e;
	++*(unsigned *)ctx;
	return false;
}

START_TEST(test_the_victim_is_the_oldest_idle_one)
{
	unsigned looked = 0;

	for (unsigned i = 0; i < 100; i++) {
		add(i);
	}
	ck_assert_ptr_eq(rv_peer_cache_victim(&table, is_even, &looked), &entries[0]);
	ck_assert_ptr_eq(find(0), &entries[0]); /* now the newest */
	ck_assert_ptr_eq(rv_peer_cache_victim(&table, is_even, &looked), &entries[2]);
	ck_assert_ptr_eq(table.newest, &entries[0]);
	looked = 0;
	ck_assert_ptr_null(rv_peer_cache_victim(&table, never, &looked));
	ck_assert_uint_le(looked, 32);
}
END_TEST

START_TEST(test_the_order_of_use)
{
	const unsigned want[] = {1, 3, 0, 2};
	struct rv_peer_cache_entry *e;

	for (unsigned i = 0; i < 4; i++) {
		add(i);
	}
	find(0);
	find(2);
	e = table.oldest;
	for (unsigned i = 0; i < 4; i++, e = e->newer) {
		ck_assert_ptr_eq(e, &entries[want[i]]);
	}
	ck_assert_ptr_null(e);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backends/replies");
	TCase *tc = tcase_create("replies");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, test_empty);
	tcase_add_test(tc, test_many);
	tcase_add_test(tc, test_whole_tokens);
	tcase_add_test(tc, test_the_victim_is_the_oldest_idle_one);
	tcase_add_test(tc, test_the_order_of_use);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
