/* Runs that a service takes and answers later: in pieces, with errors, in the order of all
 * lines, and when the client, the time or the service has ended. */
#include <string.h>
#include "common/runner.h"
#include "fake.h"
#include "fake_ops.h"

static struct fake f;
static rv_ticket taken[8];
static size_t n_taken;

/* Takes lines up to one that begins with a d, which call() defers. */
static void take(void *svc, void *worker, struct rv_lines *l, rv_ticket ticket)
{
	(void)svc;
	(void)worker;
	while (l->taken < l->n && l->in[l->taken] != 'd') {
		const uint8_t *at = l->in + l->taken;

		l->taken += (size_t)((const uint8_t *)memchr(at, '\n', l->n - l->taken) - at) + 1;
		l->lines++;
	}
	if (l->lines > 0) {
		taken[n_taken++] = ticket;
	}
}

static void open_it(void)
{
	fake_open(&f, 0, false);
	f.worker.lines_later = take;
	n_taken = 0;
}

static void close_it(void)
{
	fake_close(&f);
}

static void answer(size_t i, size_t lines, const char *text)
{
	f.service.host->complete_lines(
		f.service.handle, taken[i], lines, RV_STATUS_OK, text, strlen(text));
}

static void answer_error(size_t i, size_t lines, const char *text)
{
	f.service.host->complete_lines(
		f.service.handle, taken[i], lines, RV_STATUS_INTERNAL, text, strlen(text));
}

START_TEST(in_pieces)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "a\nb\nc\nd\ne\n");
	ck_assert_uint_eq(n_taken, 2); /* abc and e; d is alone */
	ck_assert_uint_eq(f.service.n_tickets, 1);
	answer(1, 1, "E\n");
	fake_expect(p, "");
	answer(0, 2, "A\nB\n");
	fake_expect(p, "A\nB\n");
	fake_answer(&f, 0, "D");
	fake_expect(p, "");
	answer(0, 1, "C\n");
	fake_expect(p, "C\nD\nE\n");
	ck_assert_uint_eq(f.in.n.requests, 5);
	ck_assert_uint_eq(f.in.n.replies, 5);
	ck_assert_uint_eq(f.in.n.status[RV_STATUS_OK], 5);
	ck_assert_uint_eq(f.in.n_tickets, 0);
	ck_assert(f.in.n.peers == 1);
	answer(0, 1, "X\n"); /* it is void */
	fake_expect(p, "");
}
END_TEST

START_TEST(with_errors)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "a\nb\nc\nx\n");
	answer(0, 1, "A\n");
	answer_error(0, 2, "no");
	fake_expect(p, "A\n\x15internal: no\n\x15internal: no\n");
	answer(0, 1, "X\n");
	fake_expect(p, "X\n");
	ck_assert_uint_eq(f.in.n.status[RV_STATUS_INTERNAL], 2);
	ck_assert_uint_eq(f.in.n.status[RV_STATUS_OK], 2);
	fake_say(&f, p, "a\nb\n");
	f.service.host->complete(f.service.handle, taken[1], RV_STATUS_BUSY, "no", 2);
	fake_expect(p, "\x15" "busy: no\n\x15" "busy: no\n");
}
END_TEST

/* What can't be true is not believed. */
START_TEST(too_many_answers)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "a\nb\n");
	answer(0, 3, "A\nB\nC\n");
	answer(0, 0, "");
	f.service.host->complete(f.service.handle, taken[0], RV_STATUS_OK, "A", 1);
	fake_expect(p, "");
	answer(0, 2, "A\nB\n");
	fake_expect(p, "A\nB\n");
}
END_TEST

START_TEST(time_runs_out)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	f.in.limits.service_ns = 1000000;
	fake_say(&f, p, "a\nb\n");
	answer(0, 1, "A\n");
	fake_expect(p, "A\n");
	f.worker.ops = &(const struct rv_service_ops){.name = "fake"};
	fake_pass(&f, 1000000000);
	fake_expect(p, "\x15timeout: the service did not answer in time\n");
	answer(0, 1, "B\n");
	fake_expect(p, "");
	f.worker.ops = &fake_service_ops;
}
END_TEST

START_TEST(the_client_leaves)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	struct fake_peer *other = fake_connect(&f, RV_PEER_STREAM);

	f.worker.ops = &(const struct rv_service_ops){.name = "fake"};
	fake_say(&f, p, "a\nb\n");
	fake_say(&f, other, "c\n");
	answer(0, 1, "A\n");
	fake_leave(&f, p);
	answer(0, 1, "B\n");
	answer(1, 1, "C\n");
	fake_expect(other, "C\n");
	ck_assert_uint_eq(f.in.n_tickets, 0);
	f.worker.ops = &fake_service_ops;
}
END_TEST

/* Until it is told: then all of it at once. */
START_TEST(held_together)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "a\n");
	fake_say(&f, p, "b\n");
	fake_say(&f, p, "c\n");
	ck_assert_uint_eq(n_taken, 3);
	f.service.host->hold(f.service.handle, true);
	for (size_t i = 0; i < 3; i++) {
		answer(i, 1, "x\n");
	}
	ck_assert_uint_gt(p->out.len, 0);
	ck_assert_uint_eq(p->n_flushed, 0);
	f.service.host->hold(f.service.handle, false);
	fake_expect(p, "x\nx\nx\n");
}
END_TEST

/* What is taken counts, line by line, and goes again when it is answered. */
START_TEST(what_is_in_flight_has_a_limit)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	f.in.limits.max_inflight = 3 * (2 + REQUEST_COST);
	fake_say(&f, p, "1\n2\n");
	ck_assert(!p->stopped);
	fake_say(&f, p, "3\n4\n");
	ck_assert(p->stopped); /* the limit is passed once */
	answer(0, 1, "1\n");
	ck_assert(!p->stopped);
	answer(0, 1, "2\n");
	answer(1, 2, "3\n4\n");
	fake_expect(p, "1\n2\n3\n4\n");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("runs_later");
	Suite *s = suite_create("runs_later");

	tcase_add_checked_fixture(tc, open_it, close_it);
	tcase_add_test(tc, in_pieces);
	tcase_add_test(tc, with_errors);
	tcase_add_test(tc, too_many_answers);
	tcase_add_test(tc, time_runs_out);
	tcase_add_test(tc, the_client_leaves);
	tcase_add_test(tc, held_together);
	tcase_add_test(tc, what_is_in_flight_has_a_limit);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
