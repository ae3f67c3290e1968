/*
 * What the host owes a service, whatever carries the bytes: who its clients are and when
 * they end, which answers nobody waits for, a pause, the drain, and the order of lines.
 * What the service holds is let go by a request or a gate, never by the clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include "common/stage.h"
#include "common/wait.h"
#include "host.h"
#include "util/macro.h"

/* Ends the pause of tests/integration/late.c. */
extern int late_gate;

/* A host and two clients; the second one asks. */
struct pair {
	struct host h;
	struct client c, other;
};

static void open_pair(struct pair *p, int kind, const struct host_keys *keys)
{
	late_gate = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(late_gate, 0);
	host_start(&p->h, (enum kind)kind, keys);
	host_connect(&p->h, &p->c);
	host_connect(&p->h, &p->other);
	client_expect_text(&p->c, "grow 1", "g"); /* from now on it reads replies to lines */
	client_barrier(&p->other);
}

static void close_pair(struct pair *p)
{
	client_close(&p->c);
	client_close(&p->other);
	host_finish(&p->h);
}

static void open_gate(void)
{
	ck_assert_int_eq(eventfd_write(late_gate, 1), 0);
}

static void call(struct client *c, uint64_t id, const char *text)
{
	client_send_frame(c, RV_OP_CALL, 0, id, text, strlen(text));
}

static void expect_data(struct client *c, uint64_t id, const char *want)
{
	struct reply r;

	client_recv_frame(c, &r, id, RV_STATUS_OK);
	ck_assert_msg(r.n == strlen(want) && memcmp(r.data, want, r.n) == 0, "'%.*s' not '%s'",
		(int)r.n, (const char *)r.data, want);
}

static void expect_line(struct client *c, const char *want)
{
	struct reply r;

	client_recv_line(c, &r);
	ck_assert_msg(r.n >= strlen(want) && memcmp(r.data, want, strlen(want)) == 0,
		"'%.*s' not '%s'", (int)r.n, (const char *)r.data, want);
}

/* What the service says to a word, as a number. */
static uint64_t ask(struct client *c, const char *word)
{
	char text[32] = "";
	struct reply r;

	call(c, 99, word);
	client_recv_frame(c, &r, 99, RV_STATUS_OK);
	ck_assert_uint_lt(r.n, sizeof(text));
	memcpy(text, r.data, r.n);
	return strtoull(text, NULL, 10);
}

/* Asks until it is so many. */
static void wait_for(struct client *c, const char *word, uint64_t want)
{
	uint64_t until = wait_until(WAIT_MS), have;

	while ((have = ask(c, word)) < want) {
		ck_assert_msg(wait_left(until) > 0, "%s is %d, not %d", word, (int)have, (int)want);
	}
	ck_assert_uint_eq(have, want);
}

START_TEST(clients_have_ids)
{
	struct client next;
	struct pair p;
	uint64_t id, other;
	struct reply r;

	open_pair(&p, _i, NULL);
	id = ask(&p.c, "who");
	other = ask(&p.other, "who");
	ck_assert_uint_ne(id, other);
	ck_assert_uint_eq(ask(&p.c, "who"), id);
	client_send_text(&p.c, "who");
	client_recv_line(&p.c, &r);
	/* a connection is one client; lines of a shared name are another one */
	ck_assert_int_eq(
		strtoull((const char *)r.data, NULL, 10) == id, kind_is_one_client((enum kind)_i));
	client_close(&p.c);
	host_connect(&p.h, &next);
	ck_assert_uint_gt(ask(&next, "who"), id);
	ck_assert_uint_ne(ask(&next, "who"), other);
	p.c = next;
	close_pair(&p);
}
END_TEST

START_TEST(gone_is_told)
{
	struct client next;
	struct pair p;

	open_pair(&p, _i, NULL);
	(void)ask(&p.c, "who");
	ck_assert_uint_eq(ask(&p.other, "n-gone"), 0);
	client_close(&p.c);
	wait_for(&p.other, "n-gone", 1);
	host_connect(&p.h, &next);
	client_barrier(&next); /* which the service does not see, nor its end */
	client_close(&next);
	host_connect(&p.h, &p.c);
	(void)ask(&p.c, "who");
	client_close(&p.c);
	wait_for(&p.other, "n-gone", 2);
	host_connect(&p.h, &p.c);
	close_pair(&p);
}
END_TEST

/* With a reply unread, so that the kernel tells of it at once. */
START_TEST(cancelled_when_the_client_leaves)
{
	struct pair p;
	int64_t replies;

	open_pair(&p, _i, NULL);
	call(&p.c, 1, "hold a");
	client_send_text(&p.c, "hold b");
	wait_for(&p.other, "n-held", 2);
	replies = host_stat(&p.h, "replies");
	call(&p.c, 2, "grow 1");
	host_wait_stat(&p.h, "replies", replies + 1);
	client_close(&p.c);
	wait_for(&p.other, "n-cancelled", 2);
	ck_assert_uint_eq(ask(&p.other, "n-held"), 0);
	host_connect(&p.h, &p.c);
	close_pair(&p);
}
END_TEST

START_TEST(cancelled_when_time_is_over)
{
	static const struct host_keys keys = {.service = "timeout = 100ms\n"};
	struct pair p;

	open_pair(&p, _i, &keys);
	call(&p.c, 1, "hold a");
	client_recv_frame(&p.c, &(struct reply){0}, 1, RV_STATUS_TIMEOUT);
	client_send_text(&p.c, "hold b");
	client_expect_nak(&p.c, "timeout", NULL);
	ck_assert_uint_eq(ask(&p.other, "n-cancelled"), 2);
	ck_assert_uint_eq(ask(&p.other, "release"), 0);
	close_pair(&p);
}
END_TEST

/* While it takes no more nothing is called, nor refused. */
START_TEST(a_pause)
{
	enum { N = 5 };
	struct pair p;
	int64_t requests;

	open_pair(&p, _i, NULL);
	call(&p.other, 1, "pause");
	expect_data(&p.other, 1, "pause");
	requests = host_stat(&p.h, "requests");
	for (uint64_t i = 0; i < N; i++) {
		call(&p.c, i, "grow 2");
	}
	client_send_text(&p.c, "grow 3");
	host_wait_stat(&p.h, "pauses", 1);
	if (kind_is_connection((enum kind)_i)) {
		client_barrier(&p.other); /* what needs no service goes on */
		requests++;
	}
	ck_assert_int_eq(host_stat(&p.h, "requests"), requests);
	open_gate();
	for (uint64_t i = 0; i < N; i++) {
		expect_data(&p.c, i, "gg");
	}
	expect_line(&p.c, "ggg");
	ck_assert_uint_eq(ask(&p.other, "n-early"), 0);
	close_pair(&p);
}
END_TEST

/* A drain waits for what the service has not taken yet. */
START_TEST(a_pause_and_a_drain)
{
	static const struct host_keys keys = {.global = "drain_timeout = 1min\n"};
	struct pair p;

	open_pair(&p, _i, &keys);
	call(&p.other, 1, "pause");
	expect_data(&p.other, 1, "pause");
	call(&p.c, 1, "grow 2");
	call(&p.c, 2, "grow 3");
	host_wait_stat(&p.h, "pauses", 1);
	server_drain(p.h.server);
	open_gate();
	expect_data(&p.c, 1, "gg");
	expect_data(&p.c, 2, "ggg");
	host_wait_drained(&p.h);
	ck_assert(!p.h.timed_out);
	close_pair(&p);
}
END_TEST

/* The service hears of a drain, and finishes what it has. */
START_TEST(a_drain_is_told)
{
	static const struct host_keys keys = {.global = "drain_timeout = 1min\n"};
	struct pair p;

	open_pair(&p, _i, &keys);
	call(&p.c, 1, "hold a");
	client_send_text(&p.c, "hold b");
	call(&p.other, 2, "hold c");
	client_barrier(&p.c);
	client_barrier(&p.other);
	server_drain(p.h.server);
	expect_data(&p.c, 1, "a");
	expect_line(&p.c, "b");
	expect_data(&p.other, 2, "c");
	host_wait_drained(&p.h);
	ck_assert(!p.h.timed_out);
	close_pair(&p);
}
END_TEST

/* Several lines of one client are in the service at once; it answers the last one
 * first, and they are put in order. */
START_TEST(lines_at_once)
{
	struct pair p;

	open_pair(&p, _i, NULL);
	client_send_text(&p.c, "hold a");
	client_send_text(&p.c, "hold b");
	client_send_text(&p.c, "hold c");
	wait_for(&p.other, "n-held", 3);
	ck_assert_uint_eq(ask(&p.other, "n-most"), 3);
	ck_assert_uint_eq(ask(&p.other, "release-last"), 3);
	expect_line(&p.c, "a");
	expect_line(&p.c, "b");
	expect_line(&p.c, "c");
	close_pair(&p);
}
END_TEST

/* What is answered at once, or with an error, keeps its place between them. */
START_TEST(every_line_keeps_its_place)
{
	struct pair p;

	open_pair(&p, _i, NULL);
	client_send_text(&p.c, "hold a");
	client_send_text(&p.c, "grow 2");
	client_send_text(&p.c, "fail");
	client_send_text(&p.c, "hold b");
	client_send_text(&p.c, "grow 3");
	wait_for(&p.other, "n-held", 2);
	ck_assert_uint_eq(ask(&p.other, "release-last"), 2);
	expect_line(&p.c, "a");
	expect_line(&p.c, "gg");
	client_expect_nak(&p.c, "internal", "as you wish");
	expect_line(&p.c, "b");
	expect_line(&p.c, "ggg");
	close_pair(&p);
}
END_TEST

/* Frames have ids, and wait for nobody. */
START_TEST(frames_pass_lines)
{
	struct pair p;

	open_pair(&p, _i, NULL);
	client_send_text(&p.c, "hold a");
	call(&p.c, 1, "hold b");
	wait_for(&p.other, "n-held", 2);
	call(&p.c, 2, "grow 2");
	expect_data(&p.c, 2, "gg");
	ck_assert_uint_eq(ask(&p.other, "release-last"), 2);
	expect_data(&p.c, 1, "b");
	expect_line(&p.c, "a");
	close_pair(&p);
}
END_TEST

int main(void)
{
	TCase *t = stage_tcase("service");
	Suite *s = suite_create("contract_service");

	tcase_add_loop_test(t, clients_have_ids, 0, KINDS);
	tcase_add_loop_test(t, gone_is_told, 0, KINDS_SEEN);
	tcase_add_loop_test(t, cancelled_when_the_client_leaves, 0, KIND_SHM + 1);
	tcase_add_loop_test(t, cancelled_when_time_is_over, 0, KINDS);
	tcase_add_loop_test(t, a_pause, 0, KINDS);
	tcase_add_loop_test(t, a_pause_and_a_drain, 0, KINDS);
	tcase_add_loop_test(t, a_drain_is_told, 0, KINDS);
	tcase_add_loop_test(t, lines_at_once, 0, KINDS);
	tcase_add_loop_test(t, every_line_keeps_its_place, 0, KINDS);
	tcase_add_loop_test(t, frames_pass_lines, 0, KINDS);
	suite_add_tcase(s, t);
	return stage_run(s);
}
