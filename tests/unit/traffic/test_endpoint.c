/* What passes between a backend and its endpoint: down and up, the reports, failure,
 * admission, functions posted from other threads. */
#include <errno.h>
#include <pthread.h>
#include "common/runner.h"
#include "fake.h"
#include "fake_ops.h"

static struct fake f;

static void open_it(void)
{
	fake_open(&f, 0, false);
}

static void close_it(void)
{
	fake_close(&f);
}

/* Each reason is told; which one is the first, for a log that is read. */
START_TEST(down_and_up)
{
	fake_host->up(&f.in);
	ck_assert_uint_eq(f.n_up, 0);
	for (size_t i = 1; i < 4; i++) {
		fake_host->down(&f.in, "the line is cut");
		fake_host->down(&f.in, "it is still cut");
		ck_assert_str_eq(f.why, "it is still cut");
		ck_assert_uint_eq(f.n_down, 2 * i);
		ck_assert_uint_eq(f.n_first, i);
		fake_host->up(&f.in);
		fake_host->up(&f.in);
		ck_assert_uint_eq(f.n_up, i);
		ck_assert_str_eq(f.why, "");
	}
}
END_TEST

/* The reason is copied: the caller's may go. */
START_TEST(reports_say_so)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	char why[] = "the line is cut";

	fake_host->down(&f.in, why);
	memset(why, 'x', sizeof(why) - 1);
	fake_ask(&f, p, RV_OP_INFO, 0, 1, NULL, "");
	fake_expect_frame(p, 1, RV_STATUS_OK, "{\"down\":true}");
	fake_ask(&f, p, RV_OP_STATS, 0, 2, NULL, "");
	fake_expect_frame(p, 2, RV_STATUS_OK, "the line is cut");
	fake_host->up(&f.in);
	fake_ask(&f, p, RV_OP_INFO, 0, 3, NULL, "");
	fake_expect_frame(p, 3, RV_STATUS_OK, "{}");
}
END_TEST

/* However the backend writes it, the endpoint hears a positive errno. */
START_TEST(failed)
{
	fake_host->failed(&f.in, EIO);
	ck_assert_int_eq(f.failed, EIO);
	fake_host->failed(&f.in, -EIO);
	ck_assert_int_eq(f.failed, EIO);
	fake_host->failed(&f.in, 0);
	ck_assert_int_eq(f.failed, 0);
	ck_assert_uint_eq(f.n_failed, 3);
}
END_TEST

/* Who is let in is counted out again; who shares or is denied was never let in. */
START_TEST(admission)
{
	struct rv_peer_info denied = {.flags = RV_PEER_STREAM, .denied = true};
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	struct fake_peer *shared = fake_connect(&f, RV_PEER_SHARED);
	struct fake_peer *d = fake_connect_as(&f, &denied);

	ck_assert_uint_eq(f.n_admitted, 1);
	ck_assert_uint_eq(f.in.n.peers, 3);
	ck_assert_uint_eq(f.in.n.refused, 1);
	fake_leave(&f, p);
	fake_leave(&f, shared);
	ck_assert_uint_eq(f.n_left, 1);
	fake_say(&f, d, "a\n");
	fake_expect(d, "\x15"
		       "denied: this user may not use the endpoint\n");
	ck_assert(d->closed);
	fake_turn(&f);
	ck_assert_uint_eq(f.n_left, 1);
	ck_assert_uint_eq(f.in.n.peers, 0);
}
END_TEST

/* It is told in the encoding in which it asks; a reply name is not even opened. */
START_TEST(no_room)
{
	struct rv_peer_info name = {.flags = RV_PEER_REPLY_ONLY};
	struct fake_peer *p;

	f.admit = -EUSERS;
	p = fake_connect(&f, RV_PEER_STREAM);
	ck_assert_ptr_null(fake_connect_as(&f, &name));
	fake_ask(&f, p, RV_OP_CALL, 0, 7, NULL, "hola");
	fake_expect_frame(p, 7, RV_STATUS_BUSY, "too many clients, try again later");
	ck_assert(p->closed && p->how == RV_CLOSE_FLUSH);
	ck_assert_uint_eq(f.service.n_calls, 0);
	fake_turn(&f);
	f.admit = 0;
	p = fake_connect(&f, RV_PEER_STREAM);
	fake_say(&f, p, "a\n");
	fake_expect(p, "a\n");
}
END_TEST

/* More of them at a time than are told why. */
START_TEST(a_crowd)
{
	size_t told = 0;

	f.admit = -EUSERS;
	for (size_t i = 0; i < FAKE_PEERS; i++) {
		told += fake_connect_as(&f, &(struct rv_peer_info){.flags = RV_PEER_STREAM}) !=
			NULL;
	}
	ck_assert_uint_eq(told, FAKE_PEERS);
	ck_assert_ptr_null(fake_connect_as(&f, &(struct rv_peer_info){.flags = RV_PEER_STREAM}));
	ck_assert_uint_eq(f.in.n.refused, FAKE_PEERS + 1);
}
END_TEST

enum { POSTS = 5000 };

struct poster {
	pthread_t thread;
	size_t index, next; /* next: how many of its posts have run, in order */
	size_t numbers[POSTS];
};

static struct poster posters[4];
static pthread_t worker_thread;
static size_t n_run, n_detached;

static void posted(void *in, void *arg)
{
	size_t *number = arg;
	struct poster *p = &posters[*number / POSTS];

	ck_assert(pthread_equal(pthread_self(), worker_thread));
	ck_assert_uint_eq(*number % POSTS, p->next++);
	n_detached += in == NULL;
	n_run++;
}

static void *post_all(void *arg)
{
	struct poster *p = arg;

	for (size_t i = 0; i < POSTS; i++) {
		p->numbers[i] = p->index * POSTS + i;
		if (fake_host->post(&f.in, posted, &p->numbers[i]) < 0) {
			return p;
		}
	}
	return NULL;
}

static void start_posting(void)
{
	worker_thread = pthread_self();
	for (size_t i = 0; i < ARRAY_SIZE(posters); i++) {
		posters[i].index = i;
		ck_assert_int_eq(
			pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
	}
}

static void join_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(posters); i++) {
		void *failed_one;

		ck_assert_int_eq(pthread_join(posters[i].thread, &failed_one), 0);
		ck_assert_ptr_null(failed_one);
	}
}

/* From other threads: each runs once, in its thread's order, on the worker. */
START_TEST(posted_from_four_threads)
{
	start_posting();
	while (n_run < ARRAY_SIZE(posters) * POSTS) {
		ck_assert(worker_turn(&f.traffic.worker, true));
	}
	join_all();
	fake_turn(&f);
	ck_assert_uint_eq(n_run, ARRAY_SIZE(posters) * POSTS);
	ck_assert_uint_eq(n_detached, 0);
}
END_TEST

/* What has not run by then runs without an instance: nothing is lost. */
START_TEST(posted_and_detached)
{
	start_posting();
	join_all();
	instance_detach(&f.in);
	ck_assert_uint_eq(n_run, ARRAY_SIZE(posters) * POSTS);
	ck_assert_uint_eq(n_detached, n_run);
}
END_TEST

static void post_again(void *in, void *arg)
{
	size_t *left = arg;

	ck_assert_ptr_eq(in, f.in.block);
	if (--*left > 0) {
		ck_assert_int_eq(fake_host->post(&f.in, post_again, left), 0);
	}
}

START_TEST(posted_by_what_was_posted)
{
	size_t left = 100;

	ck_assert_int_eq(fake_host->post(&f.in, post_again, &left), 0);
	while (left > 0) {
		ck_assert(worker_turn(&f.traffic.worker, true));
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("endpoint");
	Suite *s = suite_create("endpoint");

	tcase_add_checked_fixture(tc, open_it, close_it);
	tcase_add_test(tc, down_and_up);
	tcase_add_test(tc, reports_say_so);
	tcase_add_test(tc, failed);
	tcase_add_test(tc, admission);
	tcase_add_test(tc, no_room);
	tcase_add_test(tc, a_crowd);
	tcase_add_test(tc, posted_from_four_threads);
	tcase_add_test(tc, posted_and_detached);
	tcase_add_test(tc, posted_by_what_was_posted);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
