/* What time ends: messages that are not completed, clients that do not read, are silent
 * or were refused, torn input, `.out` without a reader. */
#include <stdio.h>
#include "common/runner.h"
#include "clock.h"
#include "fake.h"

static struct fake f;

static void open_it(void)
{
	fake_open(&f, 0, true);
}

static void open_shared(void)
{
	fake_open(&f, RV_CAP_REPLY_TO, true);
}

static void close_it(void)
{
	fake_close(&f);
}

static void begin_message(struct fake_peer *p, uint64_t id)
{
	fake_ask(&f, p, RV_OP_CALL, RV_FRAME_MORE, id, NULL, "ho");
}

START_TEST(fragments_that_do_not_come)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	begin_message(p, 1);
	fake_pass(&f, 500 * MS);
	begin_message(p, 2);
	fake_pass(&f, 499 * MS);
	ck_assert_uint_eq(f.in.n.fragments_lost, 0);
	fake_pass(&f, 1 * MS);
	ck_assert_uint_eq(f.in.n.fragments_lost, 1);
	fake_ask(&f, p, RV_OP_CALL, 0, 2, NULL, "la");
	fake_expect_frame(p, 2, RV_STATUS_OK, "hola");
	fake_ask(&f, p, RV_OP_CALL, 0, 1, NULL, "la");
	fake_expect_frame(
		p, 1, RV_STATUS_TIMEOUT, "the fragments before this one came too long ago");
	ck_assert_ptr_null(peer_of(p->block)->backlog);
}
END_TEST

/* A client that takes a little now and then is slow, but there. */
START_TEST(a_client_that_does_not_read)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "a\n");
	fake_full(&f, p);
	fake_pass(&f, 999 * MS);
	fake_full(&f, p);
	fake_pass(&f, 999 * MS);
	ck_assert(!p->closed);
	fake_pass(&f, 1 * MS);
	ck_assert(p->closed && p->how == RV_CLOSE_NOW);
	ck_assert_uint_eq(f.in.n.slow_cut, 1);
	ck_assert_uint_eq(f.in.n.drops[RV_DROP_OUTPUT], 1);
}
END_TEST

static void unblock(struct fake *fake, struct fake_peer *p)
{
	fake->on[FAKE_FLUSH] = NULL;
	fake_unblock(fake, p);
}

/* Before it is cut off it is tried once more. */
START_TEST(a_client_that_has_read_meanwhile)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "a\n");
	fake_full(&f, p);
	fake_say(&f, p, "b\n");
	f.on[FAKE_FLUSH] = unblock;
	fake_pass(&f, 1000 * MS);
	ck_assert(!p->closed);
	fake_expect(p, "a\nb\n");
	ck_assert_uint_eq(f.in.n.slow_cut, 0);
}
END_TEST

static void leave(struct fake *fake, struct fake_peer *p)
{
	fake->on[FAKE_FLUSH] = NULL;
	fake_leave(fake, p);
}

START_TEST(a_client_that_has_left_meanwhile)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "a\n");
	fake_full(&f, p);
	f.on[FAKE_FLUSH] = leave;
	fake_pass(&f, 1000 * MS);
	ck_assert(!p->closed);
	ck_assert_uint_eq(f.in.n.slow_cut, 0);
}
END_TEST

static struct fake_peer *others[3];

static void unblock_others(struct fake *fake, struct fake_peer *p)
{
	(void)p;
	fake->on[FAKE_FLUSH] = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		fake_unblock(fake, others[i]);
	}
}

/* All of those that are still to be looked at are done with, in the look at one. */
START_TEST(others_are_done_meanwhile)
{
	struct fake_peer *last;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = fake_connect(&f, RV_PEER_STREAM);
		fake_full(&f, others[i]);
	}
	last = fake_connect(&f, RV_PEER_STREAM);
	fake_full(&f, last); /* who came last is looked at first */
	f.on[FAKE_FLUSH] = unblock_others;
	fake_pass(&f, 1000 * MS);
	ck_assert(last->closed);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		ck_assert(!others[i]->closed);
		ck_assert_ptr_null(peer_of(others[i]->block)->backlog);
		fake_say(&f, others[i], "a\n");
		fake_expect(others[i], "a\n");
	}
	ck_assert(LIST_EMPTY(&f.in.watched.all));
}
END_TEST

/* Silent for so long; the milliseconds may run over meanwhile. */
START_TEST(a_silent_client)
{
	struct fake_peer *p, *busy;
	uint64_t skip = 0;

	f.in.limits.idle_ns = 60000 * MS;
	f.in.limits.service_ns = UINT64_MAX / 4;
	if (_i) {
		skip = (UINT32_MAX - (uint32_t)(worker_now(&f.traffic.worker) / MS) - UINT64_C(29999)) * MS;
		fake_pass(&f, skip);
	}
	p = fake_connect(&f, RV_PEER_STREAM);
	busy = fake_connect(&f, RV_PEER_STREAM);
	fake_say(&f, p, "a\n");
	fake_say(&f, busy, "d\n");
	fake_pass(&f, 59999 * MS);
	ck_assert(!p->closed);
	fake_pass(&f, 1 * MS);
	ck_assert(p->closed && p->how == RV_CLOSE_FLUSH);
	ck_assert(!busy->closed);
	ck_assert_uint_eq(f.in.n.idle_cut, 1);
	clock_pass(-skip); /* Check, too, looks at the clock */
}
END_TEST

/* Who is refused has a second to ask, so as to be told. */
START_TEST(a_refused_client)
{
	struct fake_peer *p, *mute;

	f.admit = -1;
	p = fake_connect(&f, RV_PEER_STREAM);
	mute = fake_connect(&f, RV_PEER_STREAM);
	fake_pass(&f, 999 * MS);
	fake_say(&f, p, "a\n");
	fake_expect(p, "\x15"
		       "busy: too many clients, try again later\n");
	ck_assert(p->closed && p->how == RV_CLOSE_FLUSH);
	ck_assert(!mute->closed);
	fake_pass(&f, 1 * MS);
	ck_assert(mute->closed && mute->how == RV_CLOSE_NOW);
	ck_assert_uint_eq(f.in.n.refused, 2);
	ck_assert_uint_eq(f.in.n_refused, 0);
}
END_TEST

/* Half a line on a shared stream, whose writer is gone. */
START_TEST(what_is_torn)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM | RV_PEER_SHARED);

	fake_say(&f, p, "a\nhalf a li");
	fake_pass(&f, 600 * MS);
	fake_say(&f, p, "ne, ");
	fake_pass(&f, 999 * MS);
	ck_assert_uint_eq(f.in.n.torn, 0);
	fake_pass(&f, 1 * MS);
	ck_assert_uint_eq(f.in.n.torn, 1);
	ck_assert_ptr_null(peer_of(p->block)->backlog);
	fake_say(&f, p, "whole\n");
	fake_expect(p, "a\nwhole\n");
}
END_TEST

/* The same, where nothing of it is kept: a line over the limit, and what is skipped. */
START_TEST(what_is_torn_and_not_kept)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM | RV_PEER_SHARED);
	static char text[70000];

	memset(text, 'x', sizeof(text) - 1);
	fake_say(&f, p, text);
	fake_pass(&f, 1000 * MS);
	ck_assert_uint_eq(f.in.n.torn, 1);
	fake_say(&f, p, "\xff\x07junk");
	ck_assert_uint_eq(f.in.n.torn, 2);
	fake_pass(&f, 1000 * MS);
	ck_assert_uint_eq(f.in.n.torn, 2);
	ck_assert_ptr_null(peer_of(p->block)->backlog);
	fake_say(&f, p, "whole\n");
	fake_expect(p, "whole\n");
}
END_TEST

/* A shared stream whose `.out` is full and whose lines wait up to their limit. */
static struct fake_peer *stall(void)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM | RV_PEER_SHARED);

	p->blocked = true;
	for (int i = 0; i < 100; i++) {
		fake_say(&f, p, "una linea que espera\n");
	}
	ck_assert(p->stopped);
	return p;
}

START_TEST(nobody_reads_out)
{
	struct fake_peer *to = fake_connect(&f, RV_PEER_STREAM | RV_PEER_REPLY_ONLY);
	struct fake_peer *p = stall();

	to->token = "t";
	fake_pass(&f, 249 * MS);
	ck_assert(p->stopped);
	fake_pass(&f, 1 * MS);
	ck_assert(!p->stopped);
	ck_assert_uint_eq(f.in.n.drops[RV_DROP_OUTPUT], 100);
	ck_assert_uint_eq(f.in.n.requests, 100);
	ck_assert_ptr_null(peer_of(p->block)->backlog);
	fake_say(&f, p, "otra\n");
	fake_ask(&f, p, RV_OP_CALL, 0, 1, "t", "hola");
	fake_expect_frame(to, 1, RV_STATUS_OK, "hola");
	ck_assert_uint_eq(f.in.n.drops[RV_DROP_OUTPUT], 101);
	fake_unblock(&f, p);
	fake_say(&f, p, "a\n");
	fake_expect(p, "a\n");
}
END_TEST

static void read_on(struct fake *fake, struct fake_peer *p)
{
	fake->on[FAKE_RESUME] = NULL;
	fake_say(fake, p, "mas\nun");
}

/* A backend may read at once, when it is told to go on. */
START_TEST(nobody_reads_out_and_more_comes)
{
	struct fake_peer *p = stall();

	if (_i) {
		fake_say(&f, p, "un"); /* and this waits, too */
	}
	f.on[FAKE_RESUME] = read_on;
	fake_pass(&f, 250 * MS);
	ck_assert(!f.on[FAKE_RESUME]);
	ck_assert_uint_eq(f.in.n.drops[RV_DROP_OUTPUT], 101);
	fake_unblock(&f, p);
	fake_say(&f, p, "cut\n");
	fake_expect(p, "uncut\n");
}
END_TEST

static void read_all(struct fake *fake, struct fake_peer *p)
{
	fake->on[FAKE_RESUME] = NULL;
	fake_say(fake, p, "mas\n");
	ck_assert_ptr_null(peer_of(p->block)->backlog);
}

START_TEST(nobody_reads_out_and_all_is_dropped)
{
	(void)stall();
	f.on[FAKE_RESUME] = read_all;
	fake_pass(&f, 250 * MS);
	ck_assert(!f.on[FAKE_RESUME]);
	ck_assert_uint_eq(f.in.n.drops[RV_DROP_OUTPUT], 101);
}
END_TEST

/* With nothing to wait for the clock does not tick. */
START_TEST(an_idle_worker_sleeps)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	begin_message(p, 1);
	ck_assert(f.traffic.worker.tick_on);
	fake_ask(&f, p, RV_OP_CALL, 0, 1, NULL, "la");
	fake_expect_frame(p, 1, RV_STATUS_OK, "hola");
	fake_pass(&f, 100 * MS);
	ck_assert(LIST_EMPTY(&f.in.watched.all));
	ck_assert_uint_eq(f.traffic.tickets.used, 0);
}
END_TEST

int main(void)
{
	TCase *own = tcase_create("connections"), *shared = tcase_create("shared");
	Suite *s = suite_create("timeouts");

	tcase_add_checked_fixture(own, open_it, close_it);
	tcase_add_checked_fixture(shared, open_shared, close_it);
	tcase_add_test(own, fragments_that_do_not_come);
	tcase_add_test(own, a_client_that_does_not_read);
	tcase_add_test(own, a_client_that_has_read_meanwhile);
	tcase_add_test(own, a_client_that_has_left_meanwhile);
	tcase_add_test(own, others_are_done_meanwhile);
	tcase_add_loop_test(own, a_silent_client, 0, 2);
	tcase_add_test(own, a_refused_client);
	tcase_add_test(own, an_idle_worker_sleeps);
	tcase_add_test(shared, what_is_torn);
	tcase_add_test(shared, what_is_torn_and_not_kept);
	tcase_add_test(shared, nobody_reads_out);
	tcase_add_loop_test(shared, nobody_reads_out_and_more_comes, 0, 2);
	tcase_add_test(shared, nobody_reads_out_and_all_is_dropped);
	suite_add_tcase(s, own);
	suite_add_tcase(s, shared);
	return runner_run(s);
}
