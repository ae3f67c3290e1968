/* Who may be a peer: so many in all, so many of one user, from any thread. */
#include <errno.h>
#include <pthread.h>
#include "common/runner.h"
#include "server/admission.h"

static struct admission a;

static void open_by_uid(void)
{
	admission_init(&a, true);
}

static void open_alike(void)
{
	admission_init(&a, false);
}

static void close_it(void)
{
	ck_assert_uint_eq(a.peers, 0);
	ck_assert_uint_eq(a.n_uids, 0);
	admission_finish(&a);
}

static void enter(uid_t uid, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(admission_enter(&a, uid), 0);
	}
}

static void leave(uid_t uid, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		admission_leave(&a, uid);
	}
}

START_TEST(any_number)
{
	enter(1, 1000);
	leave(1, 1000);
}
END_TEST

START_TEST(so_many_in_all)
{
	admission_limit(&a, 3, 0);
	enter(1, 2);
	enter(2, 1);
	ck_assert_int_eq(admission_enter(&a, 3), -EUSERS);
	leave(1, 1);
	enter(3, 1);
	ck_assert_int_eq(admission_enter(&a, 1), -EUSERS);
	leave(1, 1);
	leave(2, 1);
	leave(3, 1);
}
END_TEST

START_TEST(so_many_of_a_user)
{
	admission_limit(&a, 0, 2);
	enter(1, 2);
	ck_assert_int_eq(admission_enter(&a, 1), -EDQUOT);
	enter(2, 2);
	leave(1, 1);
	enter(1, 1);
	ck_assert_int_eq(admission_enter(&a, 1), -EDQUOT);
	leave(1, 2);
	leave(2, 2);
}
END_TEST

/* Where nobody vouches for them all are alike. */
START_TEST(users_that_are_not_known)
{
	admission_limit(&a, 3, 1);
	enter((uid_t)-1, 3);
	ck_assert_int_eq(admission_enter(&a, (uid_t)-1), -EUSERS);
	leave((uid_t)-1, 3);
}
END_TEST

/* A reload that allows less takes nobody's place. */
START_TEST(limits_that_change)
{
	enter(1, 5);
	admission_limit(&a, 4, 2);
	ck_assert_int_eq(admission_enter(&a, 1), -EUSERS);
	leave(1, 2);
	ck_assert_int_eq(admission_enter(&a, 1), -EDQUOT);
	enter(2, 1);
	admission_limit(&a, 5, 0);
	enter(1, 1);
	leave(1, 4);
	leave(2, 1);
}
END_TEST

/* Many users come and go in any order: each has a count of his own. */
START_TEST(many_users)
{
	enum { USERS = 100 };

	admission_limit(&a, 0, 3);
	for (uid_t uid = 0; uid < USERS; uid++) {
		enter(uid, 1 + uid % 3);
	}
	for (uid_t uid = 0; uid < USERS; uid += 2) {
		leave(uid, 1 + uid % 3);
	}
	ck_assert_uint_eq(a.n_uids, USERS / 2);
	for (uid_t uid = 0; uid < USERS; uid++) {
		size_t has = uid % 2 ? 1 + uid % 3 : 0;

		enter(uid, 3 - has);
		ck_assert_int_eq(admission_enter(&a, uid), -EDQUOT);
		leave(uid, 3);
	}
}
END_TEST

static void *come_and_go(void *arg)
{
	uid_t uid = *(uid_t *)arg;
	size_t in = 0;

	for (int i = 0; i < 20000; i++) {
		in += admission_enter(&a, uid) == 0;
		if (i % 3 == 2) {
			leave(uid, in);
			in = 0;
		}
	}
	leave(uid, in);
	return NULL;
}

START_TEST(from_four_threads)
{
	pthread_t threads[4];
	uid_t uids[4] = {1, 2, 1, 3};

	admission_limit(&a, 7, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, &uids[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
	}
}
END_TEST

int main(void)
{
	TCase *by_uid = tcase_create("by user"), *alike = tcase_create("alike");
	Suite *s = suite_create("admission");

	tcase_add_checked_fixture(by_uid, open_by_uid, close_it);
	tcase_add_checked_fixture(alike, open_alike, close_it);
	tcase_add_test(by_uid, any_number);
	tcase_add_test(by_uid, so_many_in_all);
	tcase_add_test(by_uid, so_many_of_a_user);
	tcase_add_test(by_uid, limits_that_change);
	tcase_add_test(by_uid, many_users);
	tcase_add_test(by_uid, from_four_threads);
	tcase_add_test(alike, users_that_are_not_known);
	suite_add_tcase(s, by_uid);
	suite_add_tcase(s, alike);
	return runner_run(s);
}
