/* A service that answers later, or never: order, timeouts, limits, the end. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/late.h"
#include "common/scene.h"
#include "common/stage.h"
#include "util/macro.h"

static void start(struct scene *s, int transport, const char *keys, const char *service)
{
	late_start(&s->rig, "", keys, service);
	client_open(&s->client, &s->rig, (enum transport)transport);
}

START_TEST(order_is_that_of_completion)
{
	struct scene s;
	struct reply r;

	start(&s, _i, "", "");
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "wait 200 lento", 14);
	client_send_frame(&s.client, RV_OP_CALL, 0, 2, "wait 1 pronto", 13);
	client_send_frame(&s.client, RV_OP_CALL, 0, 3, "uid", 3);
	client_recv_frame(&s.client, &r, 3, RV_STATUS_OK);
	client_recv_frame(&s.client, &r, 2, RV_STATUS_OK);
	ck_assert_mem_eq(r.data, " pronto", 7);
	client_recv_frame(&s.client, &r, 1, RV_STATUS_OK);
	ck_assert_mem_eq(r.data, " lento", 6);
	scene_close(&s);
}
END_TEST

/* Lines keep theirs, even if a later one could be answered at once. */
START_TEST(lines_wait_for_each_other)
{
	static const char *const texts[] = {
		"wait 100 a", "wait 1 b", "grow 3", "wait 50 c", "grow 2"};
	static const char *const replies[] = {" a", " b", "ggg", " c", "gg"};
	struct scene s;
	struct reply r;

	start(&s, _i, "", "");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		client_send_text(&s.client, texts[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		client_recv_line(&s.client, &r);
		ck_assert_msg(r.n >= strlen(replies[i]) &&
				      memcmp(r.data, replies[i], strlen(replies[i])) == 0,
			"'%.*s' instead of '%s'", (int)r.n, (const char *)r.data, replies[i]);
	}
	scene_close(&s);
}
END_TEST

/* A line that waits does not hold up the frames of others. */
START_TEST(others_go_on)
{
	struct client other;
	struct scene s;
	struct reply r;

	start(&s, _i, "", "");
	client_open(&other, &s.rig, (enum transport)_i);
	client_send_text(&s.client, "wait 300 a");
	client_send_text(&s.client, "wait 1 b");
	for (uint64_t i = 0; i < 20; i++) {
		client_expect_call(&other, i, "grow 3", "ggg");
	}
	client_recv_line(&s.client, &r);
	ck_assert_mem_eq(r.data, " a", 2);
	client_recv_line(&s.client, &r);
	client_close(&other);
	scene_close(&s);
}
END_TEST

START_TEST(service_timeout)
{
	struct scene s;
	struct reply r;

	start(&s, _i, "", "timeout = 150ms");
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "never", 5);
	client_send_frame(&s.client, RV_OP_CALL, 0, 2, "wait 10 a", 9);
	client_recv_frame(&s.client, &r, 2, RV_STATUS_OK);
	client_recv_frame(&s.client, &r, 1, RV_STATUS_TIMEOUT);
	client_send_text(&s.client, "never");
	client_expect_nak(&s.client, "timeout", NULL);
	client_expect_text(&s.client, "grow 3", "ggg");
	scene_close(&s);
}
END_TEST

START_TEST(service_fails)
{
	struct scene s;
	struct reply r;

	start(&s, _i, "", "");
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "fail", 4);
	client_recv_frame(&s.client, &r, 1, RV_STATUS_INTERNAL);
	ck_assert_uint_eq(r.n, strlen("as you wish"));
	client_send_text(&s.client, "fail");
	client_expect_nak(&s.client, "internal", "as you wish");
	scene_close(&s);
}
END_TEST

/* Replies that are larger than the request, larger than a message, too large. */
START_TEST(replies_that_grow)
{
	struct scene s;
	size_t n;

	late_start(&s.rig, "max_request = 256K", "", "");
	client_open(&s.client, &s.rig, (enum transport)_i);
	for (size_t want = 1; want <= 256u << 10; want *= 4) {
		CLEANUP_FREE uint8_t *all = NULL;
		char text[32];

		client_send_frame(&s.client, RV_OP_CALL, 0, want, text,
			(size_t)snprintf(text, sizeof text, "grow %zu", want));
		all = client_recv_joined(&s.client, want, RV_STATUS_OK, &n);
		ck_assert_uint_eq(n, want);
		ck_assert(all[0] == 'g' && all[n - 1] == 'g');
	}
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "grow 262145", 11);
	client_recv_frame(&s.client, &(struct reply){0}, 1, RV_STATUS_TOO_LARGE);
	client_expect_call(&s.client, 2, "grow 3", "ggg");
	scene_close(&s);
}
END_TEST

START_TEST(client_leaves_before_the_answer)
{
	struct client gone;
	struct scene s;

	start(&s, _i, "", "");
	for (uint64_t i = 0; i < 10; i++) {
		client_open(&gone, &s.rig, (enum transport)_i);
		client_send_frame(&gone, RV_OP_CALL, 0, i, "wait 50 a", 9);
		client_close(&gone);
	}
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "wait 100 b", 10);
	client_recv_frame(&s.client, &(struct reply){0}, 1, RV_STATUS_OK);
	scene_close(&s);
}
END_TEST

/* A request that never ends does not keep a half-closed connection for ever. */
START_TEST(half_close_waits_for_the_answer)
{
	struct scene s;
	struct reply r;

	start(&s, _i, "", "");
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "wait 50 a", 9);
	client_send_text(&s.client, "wait 20 b");
	client_half_close(&s.client);
	for (int i = 0; i < 2; i++) {
		client_recv(&s.client, &r);
		ck_assert_mem_eq(r.data, r.frame ? " a" : " b", 2);
	}
	client_expect_eof(&s.client);
	scene_close(&s);
}
END_TEST

/* max_inflight: a connection is not read from (pushed back), one of many on a
 * shared transport is told that it is busy. */
START_TEST(max_inflight)
{
	enum { N = 400 };
	char text[64];
	struct scene s;
	struct reply r;
	size_t ok = 0, busy = 0;

	start(&s, _i, "max_inflight = 1K", "");
	memset(text, ' ', sizeof text);
	memcpy(text, "wait 30 ", 8);
	for (uint64_t i = 0; i < N; i++) {
		client_send_frame(&s.client, RV_OP_CALL, 0, i, text, sizeof text);
		while (client_readable(&s.client)) {
			client_recv(&s.client, &r);
			*(r.head.code == RV_STATUS_OK ? &ok : &busy) += 1;
		}
	}
	while (ok + busy < N) {
		client_recv(&s.client, &r);
		ck_assert(r.head.code == RV_STATUS_OK || r.head.code == RV_STATUS_BUSY);
		*(r.head.code == RV_STATUS_OK ? &ok : &busy) += 1;
	}
	ck_assert_uint_gt(ok, 0);
	if (_i == STREAM || _i == SEQPACKET) {
		ck_assert_uint_eq(busy, 0);
		snprintf(text, sizeof text, "endpoints.%s.pauses", client_endpoints[_i]);
		ck_assert_int_ge(client_stat(&s.rig, text), 1);
	} else {
		ck_assert_uint_gt(busy, 0);
	}
	scene_close(&s);
}
END_TEST

/* SIGTERM: what was received is answered; what never is ends with drain_timeout. */
START_TEST(stop_waits_for_answers)
{
	struct scene s;
	struct reply r;

	start(&s, _i, "", "");
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "wait 200 a", 10);
	client_barrier(&s.client);
	rig_signal(&s.rig, SIGTERM);
	client_recv_frame(&s.client, &r, 1, RV_STATUS_OK);
	ck_assert_mem_eq(r.data, " a", 2);
	ck_assert_int_eq(rig_wait_exit(&s.rig), 0);
	scene_close(&s);
}
END_TEST

START_TEST(stop_does_not_wait_for_ever)
{
	struct scene s;

	late_start(&s.rig, "drain_timeout = 200ms", "", "");
	client_open(&s.client, &s.rig, (enum transport)_i);
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "never", 5);
	client_barrier(&s.client);
	rig_stop(&s.rig);
	scene_close(&s);
}
END_TEST

START_TEST(second_sigterm_stops_at_once)
{
	struct scene s;

	late_start(&s.rig, "drain_timeout = 10min", "", "timeout = 10min");
	client_open(&s.client, &s.rig, (enum transport)_i);
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "never", 5);
	client_barrier(&s.client);
	rig_signal(&s.rig, SIGTERM);
	rig_wait_notify(&s.rig, "STOPPING=1");
	rig_stop(&s.rig);
	ck_assert(!rig_has(&s.rig, "stream.sock"));
	ck_assert(!rig_has(&s.rig, "fifo"));
	ck_assert(!rig_has_queue(&s.rig, ""));
	scene_close(&s);
}
END_TEST

/* A reload that takes the endpoint away while it owes an answer. */
START_TEST(reload_under_way)
{
	struct scene s;

	start(&s, _i, "", "");
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "wait 200 a", 10);
	client_barrier(&s.client);
	rig_write(&s.rig, "revd.conf",
		"[endpoint.stream]\ntransport = uds\npath = @DIR@/other.sock\n");
	rig_signal(&s.rig, SIGHUP);
	rig_wait_notify(&s.rig, "READY=1");
	client_recv_frame(&s.client, &(struct reply){0}, 1, RV_STATUS_OK);
	scene_close(&s);
}
END_TEST

static TCase *on_all(void)
{
	TCase *t = stage_tcase("all");

	tcase_add_loop_test(t, order_is_that_of_completion, 0, TRANSPORTS);
	tcase_add_loop_test(t, lines_wait_for_each_other, 0, TRANSPORTS);
	tcase_add_loop_test(t, others_go_on, 0, TRANSPORTS);
	tcase_add_loop_test(t, service_timeout, 0, TRANSPORTS);
	tcase_add_loop_test(t, service_fails, 0, TRANSPORTS);
	tcase_add_loop_test(t, replies_that_grow, 0, TRANSPORTS);
	tcase_add_loop_test(t, client_leaves_before_the_answer, 0, TRANSPORTS);
	tcase_add_loop_test(t, half_close_waits_for_the_answer, 0, SEQPACKET + 1);
	tcase_add_loop_test(t, max_inflight, 0, TRANSPORTS);
	return t;
}

static TCase *ends(void)
{
	TCase *t = stage_tcase("ends");

	tcase_add_loop_test(t, stop_waits_for_answers, 0, TRANSPORTS);
	tcase_add_loop_test(t, stop_does_not_wait_for_ever, 0, TRANSPORTS);
	tcase_add_loop_test(t, second_sigterm_stops_at_once, 0, TRANSPORTS);
	tcase_add_loop_test(t, reload_under_way, 0, TRANSPORTS);
	return t;
}

int main(void)
{
	Suite *s = suite_create("late");

	suite_add_tcase(s, on_all());
	suite_add_tcase(s, ends());
	return stage_run(s);
}
