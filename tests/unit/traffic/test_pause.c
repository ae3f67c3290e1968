/* A service that takes no more for a while: nothing is called, lost, served twice or out
 * of order, wherever it happens. */
#include <stdio.h>
#include "common/runner.h"
#include "fake.h"

static struct fake f;

static void open_it(void)
{
	fake_open(&f, RV_CAP_REPLY_TO, false);
}

static void open_with_lines(void)
{
	fake_open(&f, RV_CAP_REPLY_TO, true);
}

static void open_connections(void)
{
	fake_open(&f, 0, true);
}

static void close_it(void)
{
	ck_assert_uint_eq(f.service.early, 0);
	fake_close(&f);
}

static void pause_it(void)
{
	f.service.host->pause(f.service.handle);
}

START_TEST(in_the_middle_of_a_run)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "a\nb\np1\nc\np2\np3\nz\nuncut");
	fake_expect(p, "a\nb\np1\n");
	ck_assert(p->stopped);
	fake_turn(&f);
	fake_expect(p, "");
	fake_resume(&f);
	fake_expect(p, "c\np2\n");
	ck_assert(p->stopped);
	fake_resume(&f);
	fake_expect(p, "p3\n");
	fake_resume(&f);
	fake_expect(p, "z\n");
	ck_assert(!p->stopped);
	fake_say(&f, p, " not\n");
	fake_expect(p, "uncut not\n");
	ck_assert_uint_eq(f.in.n.requests, 8);
	ck_assert_uint_eq(f.in.n.pauses, 1);
}
END_TEST

START_TEST(what_needs_no_service_goes_on)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	struct fake_peer *other = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "p\n");
	fake_expect(p, "p\n");
	fake_ask(&f, other, RV_OP_PING, 0, 1, NULL, "hola");
	fake_expect_frame(other, 1, RV_STATUS_OK, "hola");
	fake_ask(&f, other, RV_OP_INFO, 0, 2, NULL, "");
	fake_expect_frame(other, 2, RV_STATUS_OK, "{}");
	fake_ask(&f, other, RV_OP_CALL, RV_FRAME_MORE, 3, NULL, "to be ");
	fake_ask(&f, other, RV_OP_CALL, 0, 3, NULL, "joined");
	fake_ask(&f, other, RV_OP_PING, 0, 4, NULL, "behind it");
	fake_expect(other, "");
	ck_assert(other->stopped && !p->stopped);
	fake_resume(&f);
	fake_expect_frame(other, 3, RV_STATUS_OK, "to be joined");
	fake_expect_frame(other, 4, RV_STATUS_OK, "behind it");
}
END_TEST

START_TEST(in_the_middle_of_a_batch_of_messages)
{
	struct fake_peer *p = fake_connect(&f, 0);
	char text[8];

	for (int i = 0; i < 20; i++) {
		size_t n = (size_t)snprintf(text, sizeof(text), i % 7 == 3 ? "p%d\n" : "m%d\n", i);

		fake_message(&f, p, text, n, (uint32_t)i, NULL);
	}
	fake_expect(p, "m0\nm1\nm2\np3\n");
	fake_resume(&f);
	fake_expect(p, "m4\nm5\nm6\nm7\nm8\nm9\np10\n");
	fake_resume(&f);
	fake_expect(p, "m11\nm12\nm13\nm14\nm15\nm16\np17\n");
	ck_assert(p->stopped);
	fake_resume(&f);
	fake_expect(p, "m18\nm19\n");
	ck_assert(!p->stopped);
	for (uint32_t i = 0; i < 20; i++) {
		ck_assert_uint_eq(p->tags[i], i);
	}
	ck_assert_uint_eq(f.in.n.requests, 20);
}
END_TEST

/* Everybody's lines and frames on a shared input; each gets its own in order. */
static void share(uint32_t flags)
{
	struct fake_peer *in = fake_connect(&f, flags | RV_PEER_SHARED);
	struct fake_peer *a = fake_connect(&f, flags | RV_PEER_REPLY_ONLY);
	struct fake_peer *b = fake_connect(&f, flags | RV_PEER_REPLY_ONLY);
	bool stream = flags & RV_PEER_STREAM;

	a->token = "a";
	b->token = "b";
	for (uint64_t i = 0; i < 10; i++) {
		fake_ask(&f, in, RV_OP_CALL, 0, i, "a", i == 3 ? "p" : "A");
		fake_ask(&f, in, i == 7 ? RV_OP_PING : RV_OP_CALL, 0, i, "b", "B");
		stream ? fake_say(&f, in, "line\n") : fake_message(&f, in, "line\n", 5, 0, NULL);
	}
	ck_assert(in->stopped);
	fake_expect(in, "line\nline\nline\n");
	fake_pass(&f, 60000 * MS);
	fake_resume(&f);
	ck_assert(!in->stopped);
	fake_expect(in, "line\nline\nline\nline\nline\nline\nline\n");
	for (uint64_t i = 0; i < 10; i++) {
		fake_expect_frame(a, i, RV_STATUS_OK, i == 3 ? "p" : "A");
		fake_expect_frame(b, i, RV_STATUS_OK, "B");
	}
	ck_assert_uint_eq(f.in.n.requests, 30);
	ck_assert_uint_eq(f.in.n.torn, 0);
}

START_TEST(a_shared_stream)
{
	share(RV_PEER_STREAM);
}
END_TEST

START_TEST(shared_messages)
{
	share(0);
}
END_TEST

/* All that was held gets its turn, in the order in which it came, and who pauses again
 * does not make the others wait for ever. */
START_TEST(everybody_gets_a_turn)
{
	struct fake_peer *p[5];

	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = fake_connect(&f, RV_PEER_STREAM);
	}
	pause_it();
	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		fake_say(&f, p[i], "p\np\n");
	}
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
			fake_resume(&f);
			for (size_t k = 0; k < ARRAY_SIZE(p); k++) {
				fake_expect(p[k], k == i ? "p\n" : "");
			}
		}
	}
}
END_TEST

START_TEST(the_last_line_and_the_end)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	pause_it();
	fake_say(&f, p, "a\nlast");
	fake_eof(&f, p);
	ck_assert(!p->closed);
	fake_resume(&f);
	fake_expect(p, "a\nlast");
	ck_assert(p->closed);
}
END_TEST

START_TEST(who_waits_leaves)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	struct fake_peer *q = fake_connect(&f, RV_PEER_STREAM);

	pause_it();
	fake_say(&f, p, "a\n");
	fake_say(&f, q, "b\n");
	fake_leave(&f, p);
	fake_turn(&f);
	fake_resume(&f);
	fake_expect(q, "b\n");
	ck_assert_uint_eq(f.service.n_calls + f.service.n_runs, 1);
}
END_TEST

/* It may say that it takes more wherever it is: then others are served without waiting
 * for anything else to happen. */
START_TEST(resumed_by_a_client_that_leaves)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	struct fake_peer *q = fake_connect(&f, RV_PEER_STREAM);

	f.service.resume_on_cancelled = true;
	fake_say(&f, p, "d\n");
	pause_it();
	fake_say(&f, q, "b\n");
	fake_leave(&f, p);
	fake_turn(&f);
	fake_expect(q, "b\n");
}
END_TEST

START_TEST(a_reload_replaces_it)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	struct fake_peer *q = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "d1\na\np\nb\n");
	fake_say(&f, q, "c\n");
	fake_replace_service(&f);
	fake_turn(&f);
	ck_assert_uint_eq(f.service.n_drains, 1);
	fake_expect(q, "c\n");
	ck_assert(f.worker.attached);
	fake_answer(&f, 0, "one");
	fake_turn(&f);
	fake_expect(p, "one\na\np\nb\n");
	ck_assert(!f.worker.attached);
	/* the new one hears of those whom it has seen only */
	fake_leave(&f, fake_connect(&f, RV_PEER_STREAM));
	fake_leave(&f, q);
	fake_turn(&f);
	ck_assert_uint_eq(f.next_service.n_gone, 1);
	ck_assert_uint_eq(f.service.n_gone, 0);
}
END_TEST

/* An endpoint that ends does not wait for it; what has come is answered. */
START_TEST(it_stops_meanwhile)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	struct fake_peer *m = fake_connect(&f, RV_PEER_SHARED);

	fake_say(&f, p, "d1\np\nb\n");
	fake_message(&f, m, "c\n", 2, 0, NULL);
	instance_detach(&f.in);
	fake_expect(p, "\x15"
		       "stopping: the daemon is stopping\np\n"
		       "\x15"
		       "stopping: the daemon is stopping\n");
	fake_expect(m, "\x15"
		       "stopping: the daemon is stopping\n");
	ck_assert_uint_eq(f.service.n_cancelled, 1);
}
END_TEST

/* A drain is not over while requests wait for the service. */
START_TEST(it_drains_meanwhile)
{
	struct fake_peer *m = fake_connect(&f, RV_PEER_SHARED);

	pause_it();
	fake_message(&f, m, "c\n", 2, 0, NULL);
	instance_drain(&f.in);
	fake_drained(&f);
	fake_turn(&f);
	ck_assert_uint_eq(f.n_drained, 0);
	fake_resume(&f);
	fake_turn(&f);
	fake_expect(m, "c\n");
	ck_assert_uint_eq(f.n_drained, 1);
}
END_TEST

static void add_all(Suite *s, const char *name, void (*open_this)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, open_this, close_it);
	if (open_this == open_connections) {
		tcase_add_test(tc, in_the_middle_of_a_run);
		tcase_add_test(tc, what_needs_no_service_goes_on);
		tcase_add_test(tc, everybody_gets_a_turn);
		tcase_add_test(tc, the_last_line_and_the_end);
		tcase_add_test(tc, who_waits_leaves);
		tcase_add_test(tc, resumed_by_a_client_that_leaves);
		tcase_add_test(tc, a_reload_replaces_it);
		tcase_add_test(tc, it_stops_meanwhile);
		tcase_add_test(tc, it_drains_meanwhile);
	} else {
		tcase_add_test(tc, a_shared_stream);
	}
	tcase_add_test(tc, in_the_middle_of_a_batch_of_messages);
	if (open_this == open_it) {
		tcase_add_test(tc, shared_messages);
	}
	suite_add_tcase(s, tc);
}

int main(void)
{
	Suite *s = suite_create("pause");

	add_all(s, "connections", open_connections);
	add_all(s, "shared", open_it);
	add_all(s, "shared, lines", open_with_lines);
	return runner_run(s);
}
