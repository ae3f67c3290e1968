/* Messages that name beside them to whom the reply goes: lines and frames, while the
 * service takes none, when that client leaves or is slow, and its limits. */
#include <stdio.h>
#include "common/runner.h"
#include "fake_ops.h"

static struct fake f;
static struct fake_peer *in, *to;

/* The input is shared; who is answered is a connection, or exists to be answered. */
static void open_it(void)
{
	fake_open(&f, 0, false);
	in = fake_connect(&f, RV_PEER_SHARED);
	to = fake_connect(&f, RV_PEER_REPLY_ONLY);
}

static void open_connections(void)
{
	fake_open(&f, 0, false);
	in = fake_connect(&f, 0);
	to = fake_connect(&f, 0);
}

static void close_it(void)
{
	fake_close(&f);
}

static void line(const char *text, uint32_t tag)
{
	fake_message(&f, in, text, strlen(text), tag, to);
}

static void frame(uint64_t id, uint8_t op, uint8_t flags, const char *text)
{
	uint8_t buf[2048];
	size_t n = fake_frame(buf, op, flags, id, NULL, text, strlen(text));

	fake_message(&f, in, buf, n, (uint32_t)id, to);
}

START_TEST(lines_and_frames)
{
	line("uno\n", 1);
	fake_expect(to, "uno\n");
	line("otra", 2);
	fake_expect(to, "otra");
	line("", 3);
	frame(4, RV_OP_CALL, 0, "hola");
	fake_expect_frame(to, 4, RV_STATUS_OK, "hola");
	frame(5, RV_OP_PING, 0, "");
	fake_expect_frame(to, 5, RV_STATUS_OK, "");
	frame(6, RV_OP_CALL, RV_FRAME_MORE, "jo");
	frame(6, RV_OP_CALL, 0, "ined");
	fake_expect_frame(to, 6, RV_STATUS_OK, "joined");
	frame(7, 99, 0, "");
	fake_expect_frame(to, 7, RV_STATUS_UNSUPPORTED, "no such operation");
	fake_message(&f, in, "\xff\x07", 2, 8, to);
	fake_expect_frame(to, 0, RV_STATUS_MALFORMED, "malformed frame header");
	for (uint32_t i = 0; i < 8; i++) {
		ck_assert_uint_eq(to->tags[i], i + 1);
	}
	fake_expect(in, "");
	ck_assert_uint_eq(f.in.n.requests, f.in.n.replies);
}
END_TEST

/* Fragments are joined by whom they are for, not by whose input they come with. */
START_TEST(fragments_of_two)
{
	struct fake_peer *first = to, *second = fake_connect(&f, in->info.flags);

	frame(1, RV_OP_CALL, RV_FRAME_MORE, "a");
	to = second;
	frame(1, RV_OP_CALL, RV_FRAME_MORE, "b");
	to = first;
	frame(1, RV_OP_CALL, 0, "A");
	to = second;
	frame(1, RV_OP_CALL, 0, "B");
	fake_expect_frame(first, 1, RV_STATUS_OK, "aA");
	fake_expect_frame(second, 1, RV_STATUS_OK, "bB");
	fake_expect(in, "");
}
END_TEST

START_TEST(late_ones_keep_their_order)
{
	line("d1\n", 1);
	line("a\n", 2);
	line("d2\n", 3);
	frame(4, RV_OP_CALL, 0, "d3");
	ck_assert_uint_eq(f.service.clients[0], peer_of(to->block)->client);
	fake_answer(&f, 1, "two");
	fake_expect(to, "");
	fake_answer(&f, 2, "three");
	fake_expect_frame(to, 4, RV_STATUS_OK, "three");
	fake_answer(&f, 0, "one");
	fake_expect(to, "one\na\ntwo\n");
	fake_expect(in, "");
	ck_assert_uint_eq(to->tags[0], 4);
	for (uint32_t i = 1; i < 4; i++) {
		ck_assert_uint_eq(to->tags[i], i);
	}
}
END_TEST

START_TEST(while_the_service_takes_none)
{
	line("p\n", 1);
	line("a\n", 2);
	frame(3, RV_OP_CALL, 0, "hola");
	fake_message(&f, in, "own\n", 4, 4, NULL);
	fake_expect(to, "p\n");
	fake_resume(&f);
	ck_assert_mem_eq(bytes_head(&to->out), "a\n", 2);
	bytes_take(&to->out, 2);
	to->n_flushed -= 2;
	fake_expect_frame(to, 3, RV_STATUS_OK, "hola");
	fake_expect(in, "own\n");
	ck_assert_uint_eq(f.service.early, 0);
}
END_TEST

/* What waited for somebody who has left is nobody's, though his place is taken. */
START_TEST(that_client_leaves)
{
	struct fake_peer *next;

	line("p\n", 1);
	line("a\n", 2);
	frame(3, RV_OP_CALL, 0, "hola");
	fake_expect(to, "p\n");
	fake_leave(&f, to);
	fake_turn(&f);
	next = fake_connect(&f, in->info.flags);
	fake_resume(&f);
	fake_expect(next, "");
	fake_expect(in, "");
	ck_assert_uint_eq(f.in.n.drops[RV_DROP_PEER_GONE], 2);
	ck_assert_uint_eq(f.service.n_calls, 1);
	ck_assert(!in->stopped);
}
END_TEST

START_TEST(that_client_leaves_in_the_service)
{
	line("d1\n", 1);
	frame(2, RV_OP_CALL, 0, "d2");
	fake_leave(&f, to);
	fake_turn(&f);
	ck_assert_uint_eq(f.service.n_cancelled, 2);
	ck_assert_uint_eq(f.in.n.late, 2);
	ck_assert_uint_eq(f.in.n_tickets, 0);
}
END_TEST

/* It does not take its replies: they wait, and others are served meanwhile. */
START_TEST(that_client_is_slow)
{
	to->blocked = true;
	for (uint32_t i = 0; i < 10; i++) {
		line("a\n", i);
		fake_message(&f, in, "own\n", 4, i, NULL);
		fake_expect(in, "own\n");
	}
	ck_assert(!in->stopped);
	fake_expect(to, "");
	fake_unblock(&f, to);
	fake_expect(to, "a\na\na\na\na\na\na\na\na\na\n");
	for (uint32_t i = 0; i < 10; i++) {
		ck_assert_uint_eq(to->tags[i], i);
	}
	ck_assert_uint_eq(peer_of(to->block)->inflight, 0);
}
END_TEST

/* What it has in the service is limited; beyond that it is told. */
START_TEST(limit_of_what_is_in_the_service)
{
	size_t n = f.in.limits.max_inflight / (REQUEST_COST + 2), busy = 0;

	for (size_t i = 0; i < 2 * n; i++) {
		if (_i) {
			frame(i, RV_OP_CALL, 0, "dd");
		} else {
			line("dd", (uint32_t)i);
		}
	}
	ck_assert_uint_ge(f.service.n_tickets, n / 3);
	ck_assert_uint_le(f.service.n_tickets, n);
	busy = 2 * n - f.service.n_tickets;
	if (_i) {
		ck_assert_uint_eq(f.in.n.status[RV_STATUS_BUSY], busy);
	}
	for (size_t i = 0; i < f.service.n_tickets; i++) {
		fake_answer(&f, i, "");
	}
	ck_assert_uint_eq(f.in.n.status[RV_STATUS_BUSY] + f.in.n.drops[RV_DROP_OUTPUT], busy);
	ck_assert_uint_eq(peer_of(to->block)->inflight, 0);
	to->out.len = to->n_flushed = 0;
	line("a\n", 0);
	fake_expect(to, "a\n");
}
END_TEST

/* What waits to be sent to it, too. */
START_TEST(limit_of_what_is_not_sent)
{
	char text[901];
	const struct backlog *b;

	memset(text, 'a', 900);
	text[900] = '\0';
	to->blocked = true;
	for (uint32_t i = 0; i < 1000; i++) {
		if (_i) {
			frame(i, RV_OP_CALL, 0, i % 2 ? "" : text);
		} else {
			line(i % 2 ? "" : text, i);
		}
	}
	b = peer_of(to->block)->backlog;
	ck_assert_uint_le(
		b->unsent.cost, f.in.limits.max_inflight + 2 * (f.in.limits.max_request + 320));
	ck_assert_uint_ge(b->unsent.cost, f.in.limits.max_inflight);
	ck_assert_uint_gt(f.in.n.status[RV_STATUS_BUSY], 0);
	ck_assert_uint_lt(f.service.n_calls, 20);
	fake_message(&f, in, "own\n", 4, 0, NULL);
	fake_expect(in, "own\n");
}
END_TEST

static void expect_told(uint32_t i, enum rv_status status, const char *text)
{
	ck_assert_uint_eq(to->errors[i], status);
	fake_expect(to, text);
}

/* A status beside the text: at once, late, in its place among others, after having waited
 * for room; and what begins with NAK by itself is a reply like any other. */
START_TEST(errors_told_beside_the_text)
{
	fake_tell_errors(&f);
	line("eno\n", 0);
	expect_told(0, RV_STATUS_INTERNAL, "internal: eno");
	line("hola\n", 1);
	expect_told(1, RV_STATUS_OK, "hola\n");
	line("\x15"
	     "busy: me\r\n",
		2);
	expect_told(2, RV_STATUS_OK,
		"\x15"
		"busy: me\r\n");
	line("d\n", 3);
	line("e2\n", 4);
	fake_answer_error(&f, 0, RV_STATUS_TIMEOUT, "slow");
	ck_assert_uint_eq(to->errors[3], RV_STATUS_TIMEOUT);
	expect_told(4, RV_STATUS_INTERNAL, "timeout: slowinternal: e2");
	to->blocked = true;
	line("e3\n", 5);
	to->blocked = false;
	fake_host->writable(&f.in, to->block);
	expect_told(5, RV_STATUS_INTERNAL, "internal: e3");
	frame(6, RV_OP_CALL, 0, "e");
	ck_assert_uint_eq(to->errors[6], 0);
	fake_expect_frame(to, 6, RV_STATUS_INTERNAL, "e");
}
END_TEST

START_TEST(totals)
{
	struct rv_totals n;

	line("uno\n", 0);
	line("e\n", 1);
	fake_host->totals(&f.in, &n);
	ck_assert_uint_eq(n.requests, 2);
	ck_assert_uint_eq(n.errors, 1);
	ck_assert_uint_eq(n.timed, 2);
}
END_TEST

static void add_all(TCase *tc)
{
	tcase_add_test(tc, errors_told_beside_the_text);
	tcase_add_test(tc, totals);
	tcase_add_test(tc, lines_and_frames);
	tcase_add_test(tc, fragments_of_two);
	tcase_add_test(tc, late_ones_keep_their_order);
	tcase_add_test(tc, while_the_service_takes_none);
	tcase_add_test(tc, that_client_leaves);
	tcase_add_test(tc, that_client_leaves_in_the_service);
	tcase_add_test(tc, that_client_is_slow);
	tcase_add_loop_test(tc, limit_of_what_is_in_the_service, 0, 2);
}

int main(void)
{
	TCase *shared = tcase_create("shared"), *own = tcase_create("connections");
	Suite *s = suite_create("messages");

	tcase_add_checked_fixture(shared, open_it, close_it);
	tcase_add_checked_fixture(own, open_connections, close_it);
	add_all(shared);
	add_all(own);
	tcase_add_loop_test(shared, limit_of_what_is_not_sent, 0, 2);
	suite_add_tcase(s, shared);
	suite_add_tcase(s, own);
	return runner_run(s);
}
