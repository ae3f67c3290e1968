/* Requests that a service answers later: the order of lines, errors between them,
 * tickets whose client left, time, the reply of one that does not keep to it. */
#include <stdio.h>
#include "common/runner.h"
#include "fake.h"

static struct fake f;

static void open_it(void)
{
	fake_open(&f, 0, true);
}

static void close_it(void)
{
	fake_close(&f);
}

START_TEST(replies_to_lines_keep_their_order)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "d1\nd2\r\nd3\n");
	ck_assert_uint_eq(f.service.n_tickets, 3);
	fake_answer(&f, 2, "three");
	fake_answer(&f, 1, "two");
	fake_expect(p, "");
	fake_answer(&f, 0, "one");
	fake_expect(p, "one\ntwo\r\nthree\n");
	ck_assert_uint_eq(f.in.n.replies, 3);
	ck_assert_uint_eq(f.in.n_tickets + f.worker.deferred, 0);
}
END_TEST

/* What is answered at once, and what goes wrong, keeps its place between them. */
START_TEST(all_lines_keep_their_place)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	char text[1200];

	snprintf(text, sizeof(text), "a\nd1\nb\neh\n%*s\nd2\ng2000\nc\n", 1100, "x");
	fake_say(&f, p, text);
	fake_expect(p, "a\n");
	fake_answer(&f, 1, "two");
	fake_expect(p, "");
	fake_answer_error(&f, 0, RV_STATUS_DENIED, "not you");
	fake_expect(p, "\x15"
		       "denied: not you\nb\n\x15"
		       "internal: eh\n"
		       "\x15"
		       "too-large: 1100 bytes, the limit is 1000\ntwo\n"
		       "\x15"
		       "too-large: 2000 bytes of reply, the limit is 1000\nc\n");
}
END_TEST

/* Frames have ids, and need not wait. */
START_TEST(frames_pass_lines)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "d1\n");
	fake_ask(&f, p, RV_OP_CALL, 0, 7, NULL, "d2");
	fake_ask(&f, p, RV_OP_CALL, 0, 8, NULL, "hola");
	fake_expect_frame(p, 8, RV_STATUS_OK, "hola");
	fake_answer(&f, 1, "two");
	fake_expect_frame(p, 7, RV_STATUS_OK, "two");
	fake_answer(&f, 0, "one");
	fake_expect(p, "one\n");
}
END_TEST

/* A reply that comes later has the same limits as one that comes at once. */
START_TEST(late_replies_have_their_limits)
{
	const struct rv_peer_info messages = {.max_message = 300};
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	struct fake_peer *m = fake_connect_as(&f, &messages);
	char big[1002];

	memset(big, 'x', sizeof(big));
	big[1001] = '\0';
	fake_say(&f, p, "d1\n");
	fake_message(&f, m, "d2\n", 3, 5, NULL);
	fake_ask(&f, p, RV_OP_CALL, 0, 7, NULL, "d3");
	fake_answer(&f, 0, big);
	fake_expect(p, "\x15"
		       "too-large: 1001 bytes of reply, the limit is 1000\n");
	fake_answer(&f, 2, big);
	fake_expect_frame(p, 7, RV_STATUS_TOO_LARGE, "1001 bytes of reply, the limit is 1000");
	fake_answer(&f, 1, big + 1001 - 300);
	fake_expect(m, "\x15"
		       "too-large: 300 bytes of reply, a message takes 299\n");
	ck_assert_uint_eq(m->tags[0], 5);
	ck_assert_uint_eq(f.in.n.status[RV_STATUS_TOO_LARGE], 3);
}
END_TEST

START_TEST(a_client_that_leaves_is_cancelled)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	struct fake_peer *other = fake_connect(&f, RV_PEER_STREAM);
	rv_ticket old[2];

	fake_say(&f, p, "d1\nd2\n");
	fake_ask(&f, p, RV_OP_CALL, 0, 7, NULL, "d3");
	fake_say(&f, other, "d4\n");
	memcpy(old, f.service.tickets, sizeof(old));
	fake_leave(&f, p);
	fake_answer(&f, 0, "too late, in this turn");
	fake_turn(&f);
	ck_assert_uint_eq(f.service.n_cancelled, 2);
	ck_assert_uint_eq(f.in.n.late, 3);
	ck_assert_uint_eq(f.service.n_gone, 1);
	ck_assert_uint_eq(f.service.gone[0], f.service.clients[0]);
	ck_assert_uint_eq(f.worker.deferred, 1);
	f.service.host->complete(f.service.handle, old[1], RV_STATUS_OK, "x", 1);
	fake_answer(&f, 3, "four");
	fake_expect(other, "four\n");
}
END_TEST

/* Nobody has an id twice, whoever comes in the place of whom. */
START_TEST(ids_of_clients_are_their_own)
{
	uint64_t last = 0;

	for (int i = 0; i < 60; i++) {
		struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

		fake_say(&f, p, "hola\neh\n");
		ck_assert_uint_gt(f.service.last_client, last);
		last = f.service.last_client;
		fake_leave(&f, p);
		fake_turn(&f);
		ck_assert_uint_eq(f.service.n_gone, (size_t)i + 1);
		ck_assert_uint_eq(f.service.gone[i], last);
	}
	/* one that never asked is nobody's business */
	fake_leave(&f, fake_connect(&f, RV_PEER_STREAM));
	fake_turn(&f);
	ck_assert_uint_eq(f.service.n_gone, 60);
}
END_TEST

START_TEST(time_runs_out)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "d1\na\n");
	fake_pass(&f, 5000 * MS);
	fake_say(&f, p, "d2\n");
	fake_pass(&f, 4999 * MS);
	fake_expect(p, "");
	fake_pass(&f, 1 * MS);
	fake_expect(p, "\x15"
		       "timeout: the service did not answer in time\na\n");
	ck_assert_uint_eq(f.service.n_cancelled, 1);
	ck_assert_uint_eq(f.service.tickets[0], 0);
	fake_answer(&f, 1, "two");
	fake_expect(p, "two\n");
}
END_TEST

/* A service that takes a ticket and answers all the same has answered. */
START_TEST(a_ticket_that_is_not_used_is_void)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "x\ny1\nd\nx\ny2\nb\n");
	fake_expect(p, "\x15"
		       "internal: no\ny1\n");
	fake_answer(&f, 0, "void");
	fake_answer(&f, 1, "void");
	fake_answer(&f, 3, "void");
	fake_answer(&f, 4, "void");
	fake_expect(p, "");
	fake_answer(&f, 2, "d");
	fake_expect(p, "d\n\x15"
		       "internal: no\ny2\nb\n");
	fake_ask(&f, p, RV_OP_CALL, 0, 7, NULL, "x");
	fake_expect_frame(p, 7, RV_STATUS_INTERNAL, "no");
	fake_ask(&f, p, RV_OP_CALL, 0, 8, NULL, "y");
	fake_expect_frame(p, 8, RV_STATUS_OK, "y");
	ck_assert_uint_eq(f.in.n_tickets + f.worker.deferred, 0);
	ck_assert_uint_eq(f.traffic.tickets.used, 0);
	ck_assert_uint_eq(f.in.n.replies, 8);
	fake_pass(&f, 60000 * MS);
	fake_expect(p, "");
	ck_assert_uint_eq(f.service.n_cancelled, 0);
}
END_TEST

static void answer_inside(struct fake *fake, struct fake_peer *p)
{
	(void)p;
	fake->on[FAKE_CALL] = NULL;
	fake_answer(fake, 0, "from inside");
}

/* It may not answer from inside of a call; the ticket stays good. */
START_TEST(not_from_inside_of_a_call)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "d1\n");
	f.on[FAKE_CALL] = answer_inside;
	fake_say(&f, p, "e\n");
	fake_expect(p, "");
	fake_answer(&f, 0, "one");
	fake_expect(p, "one\n\x15"
		       "internal: e\n");
}
END_TEST

/* The end of the input waits for what is still in the service. */
START_TEST(half_closed)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "d1\nb\nd2");
	fake_eof(&f, p);
	ck_assert(!p->closed);
	fake_answer(&f, 1, "two");
	ck_assert(!p->closed);
	fake_answer(&f, 0, "one");
	fake_expect(p, "one\nb\ntwo");
	ck_assert(p->closed && p->how == RV_CLOSE_FLUSH);
}
END_TEST

/* Replies that are ready find the output full: they go when it is not, in order. */
START_TEST(the_output_is_full)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "d1\nd2\nd3\nb\n");
	p->blocked = true;
	fake_answer(&f, 2, "three");
	fake_answer(&f, 0, "one");
	fake_unblock(&f, p);
	fake_expect(p, "one\n");
	fake_answer(&f, 1, "two");
	fake_expect(p, "two\nthree\nb\n");
	ck_assert_uint_eq(f.in.n.replies, 4);
}
END_TEST

/* Large replies that come before that of the first line have a limit; beyond it they are
 * told, the connection goes on, and all of it is sent, full or not. */
START_TEST(behind_a_slow_first_line)
{
	enum { LINES = 40 };
	const struct limits *l = &f.in.limits;
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	const struct backlog *b;
	char text[1001], *at;
	size_t large = 0, busy = 0;

	memset(text, 'x', 1000);
	text[1000] = '\0';
	for (int i = 0; i < LINES; i++) {
		fake_say(&f, p, "d\n");
	}
	b = peer_of(p->block)->backlog;
	for (size_t i = LINES; i-- > 1;) {
		fake_answer(&f, i, text);
		ck_assert_uint_le(b->order.cost, l->max_inflight + 16 * (l->max_request + 320));
	}
	if (_i) {
		p->blocked = true;
	}
	fake_answer(&f, 0, text);
	ck_assert(!p->closed && peer_of(p->block)->bits & PEER_USED);
	fake_unblock(&f, p);
	ck_assert(!p->closed && !p->stopped);
	ck_assert_uint_eq(f.in.n.replies, LINES);
	bytes_take(&p->out, 1001);
	for (size_t i = 1; i < LINES; i++) {
		at = (char *)bytes_head(&p->out);
		*(*at == 'x' ? &large : &busy) += 1;
		bytes_take(&p->out, (size_t)(strchr(at, '\n') - at) + 1);
	}
	ck_assert_uint_eq(p->out.len, 0);
	ck_assert_uint_ge(large, 15);
	ck_assert_uint_gt(busy, 0);
	ck_assert_uint_eq(busy, f.in.n.status[RV_STATUS_BUSY]);
	ck_assert_ptr_null(peer_of(p->block)->backlog);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("deferred");
	Suite *s = suite_create("deferred");

	tcase_add_checked_fixture(tc, open_it, close_it);
	tcase_add_test(tc, replies_to_lines_keep_their_order);
	tcase_add_test(tc, all_lines_keep_their_place);
	tcase_add_test(tc, frames_pass_lines);
	tcase_add_test(tc, late_replies_have_their_limits);
	tcase_add_test(tc, a_client_that_leaves_is_cancelled);
	tcase_add_test(tc, ids_of_clients_are_their_own);
	tcase_add_test(tc, time_runs_out);
	tcase_add_test(tc, a_ticket_that_is_not_used_is_void);
	tcase_add_test(tc, not_from_inside_of_a_call);
	tcase_add_test(tc, half_closed);
	tcase_add_test(tc, the_output_is_full);
	tcase_add_loop_test(tc, behind_a_slow_first_line, 0, 2);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
