/*
 * What every backend owes its host, and so what every client may rely on,
 * whatever carries its bytes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/pump.h"
#include "common/stage.h"
#include "host.h"
#include "util/fd.h"
#include "util/macro.h"

#define WINDOW 8u /* requests under way that any transport takes */

static void expect_data(struct client *c, uint64_t id, const char *want)
{
	struct reply r;

	client_recv_frame(c, &r, id, RV_STATUS_OK);
	ck_assert_msg(r.n == strlen(want) && memcmp(r.data, want, r.n) == 0, "'%.*s' not '%s'",
		(int)r.n, (const char *)r.data, want);
}

static void call(struct client *c, uint64_t id, const char *text)
{
	client_send_frame(c, RV_OP_CALL, 0, id, text, strlen(text));
}

START_TEST(round_trip)
{
	struct client c;
	struct host h;

	host_start(&h, (enum kind)_i, NULL);
	host_connect(&h, &c);
	client_expect_call(&c, 1, "grow 5", "ggggg");
	client_expect_call(&c, UINT64_MAX, "grow 0", "");
	client_expect_text(&c, "grow 3", "ggg");
	client_barrier(&c);
	client_close(&c);
	host_finish(&h);
}
END_TEST

/* Many at once, in as few writes as the transport allows. */
START_TEST(batch)
{
	uint8_t buf[WINDOW * 128];
	struct client c;
	struct host h;
	size_t n = 0;

	host_start(&h, (enum kind)_i, NULL);
	host_connect(&h, &c);
	for (int round = 0; round < 100; round++) {
		n = 0;
		for (uint64_t i = 0; i < WINDOW; i++) {
			size_t k = client_build(&c, buf + n, RV_OP_CALL, 0, i, "grow 9", 6);

			if (kind_is_stream(h.kind)) {
				n += k;
			} else {
				client_send(&c, buf, k);
			}
		}
		if (n > 0) {
			client_send(&c, buf, n);
		}
		for (uint64_t i = 0; i < WINDOW; i++) {
			expect_data(&c, i, "ggggggggg");
		}
	}
	ck_assert_int_eq(host_stat(&h, "requests"), 100 * WINDOW);
	client_close(&c);
	host_finish(&h);
}
END_TEST

/* Cut where the transport lets a client cut: connections of bytes anywhere, a
 * FIFO between the writes of a line, messages as fragments. */
static void send_split(struct host *h, struct client *c, uint64_t id)
{
	static const char text[] = "grow 12";
	uint8_t buf[256];
	size_t n = client_build(c, buf, RV_OP_CALL, 0, id, text, sizeof text - 1);

	if (kind_is_stream(h->kind) && kind_is_connection(h->kind)) {
		for (size_t i = 0; i < n; i++) {
			client_send(c, buf + i, 1);
			host_stat(h, "frames"); /* a turn of the loop passes */
		}
		return;
	}
	for (size_t i = 0; i < sizeof text - 1; i++) {
		client_send_frame(
			c, RV_OP_CALL, i < sizeof text - 2 ? RV_FRAME_MORE : 0, id, text + i, 1);
	}
}

START_TEST(split_and_joined)
{
	static const char line[] = "grow 4\ngrow 2\r\n";
	struct client c;
	struct host h;
	struct reply r;

	host_start(&h, (enum kind)_i, NULL);
	host_connect(&h, &c);
	send_split(&h, &c, 3);
	expect_data(&c, 3, "gggggggggggg");
	if (kind_is_stream(h.kind)) {
		for (size_t i = 0; i < sizeof line - 1; i++) {
			client_send(&c, line + i, 1);
			host_stat(&h, "lines");
		}
		client_recv_line(&c, &r);
		ck_assert_mem_eq(r.data, "gggg\n", 5);
		client_recv_line(&c, &r);
		ck_assert_mem_eq(r.data, "gg\r\n", 4);
	}
	client_close(&c);
	host_finish(&h);
}
END_TEST

START_TEST(fragments)
{
	enum { N = 100 << 10 };
	static char text[N];
	CLEANUP_FREE uint8_t *got = NULL;
	struct client c;
	struct host h;
	size_t n;

	for (size_t i = 0; i < N; i++) {
		text[i] = (char)('a' + i * i % 26);
	}
	host_start(&h, (enum kind)_i, NULL);
	host_connect(&h, &c);
	client_send_large(&c, RV_OP_PING, 1, text, N);
	got = client_recv_joined(&c, 1, RV_STATUS_OK, &n);
	ck_assert_uint_eq(n, N);
	ck_assert_mem_eq(got, text, N);
	client_expect_call(&c, 2, "grow 1", "g");
	client_close(&c);
	host_finish(&h);
}
END_TEST

START_TEST(oversize)
{
	static const struct host_keys keys = {.global = "max_request = 2K\n"};
	static char text[2049];
	struct client c;
	struct host h;
	size_t n;

	host_start(&h, (enum kind)_i, &keys);
	host_connect(&h, &c);
	for (uint64_t i = 0; i < 10; i++) {
		client_send_large(&c, RV_OP_PING, i, text, sizeof text);
		free(client_recv_joined(&c, i, RV_STATUS_TOO_LARGE, &n));
		client_send_large(&c, RV_OP_PING, i, text, sizeof text - 1);
		free(client_recv_joined(&c, i, RV_STATUS_OK, &n));
		ck_assert_uint_eq(n, sizeof text - 1);
	}
	ck_assert_int_eq(host_stat(&h, "errors.too-large"), 10);
	client_close(&c);
	host_finish(&h);
}
END_TEST

/* Asks for replies and takes none, until the backend has said "blocked". */
static void make_deaf(struct host *h, struct client *c)
{
	uint8_t buf[256];

	for (uint64_t i = 0; host_stat(h, "blocked") == 0; i++) {
		size_t n = client_build(c, buf, RV_OP_CALL, 0, i, "grow 4000", 9);

		for (int k = 0; k < 20 && client_try_send(c, buf, n) == (ssize_t)n; k++) {
		}
	}
}

START_TEST(slow_reader)
{
	static const struct host_keys keys = {.endpoint = "slow_timeout = 100ms\n"};
	struct client deaf, honest;
	struct host h;

	host_start(&h, (enum kind)_i, &keys);
	host_connect(&h, &honest);
	host_connect(&h, &deaf);
	make_deaf(&h, &deaf);
	for (uint64_t i = 0; i < 50; i++) {
		client_expect_call(&honest, i, "grow 2", "gg");
	}
	host_wait_stat(&h, "slow_cut", 1);
	client_expect_call(&honest, 1, "grow 2", "gg");
	client_close(&deaf);
	client_close(&honest);
	host_finish(&h);
}
END_TEST

/* The slow reader takes all of it in the end: nothing is lost or out of place. */
START_TEST(pause_and_resume)
{
	enum { N = 500 };
	static const struct host_keys keys = {.endpoint = "max_inflight = 1K\n"};
	char text[64];
	struct client c;
	struct host h;
	struct reply r;
	size_t sent = 0, taken = 0, ok = 0;

	host_start(&h, (enum kind)_i, &keys);
	host_connect(&h, &c);
	memset(text, ' ', sizeof text);
	memcpy(text, "wait 2 ", 7);
	while (taken < N) {
		uint8_t buf[256];
		size_t n = client_build(&c, buf, RV_OP_CALL, 0, sent, text, sizeof text);

		if (sent < N && client_try_send(&c, buf, n) == (ssize_t)n) {
			sent++;
			continue;
		}
		client_recv(&c, &r);
		ck_assert(r.head.code == RV_STATUS_OK || r.head.code == RV_STATUS_BUSY);
		ok += r.head.code == RV_STATUS_OK;
		taken++;
	}
	if (kind_is_connection(h.kind)) {
		ck_assert_uint_eq(ok, N);
		ck_assert_int_ge(host_stat(&h, "pauses"), 1);
	} else { /* who shares can't be pushed back alone */
		ck_assert_int_eq(host_stat(&h, "errors.busy"), (int64_t)(N - ok));
	}
	client_expect_call(&c, 1, "grow 2", "gg");
	client_close(&c);
	host_finish(&h);
}
END_TEST

START_TEST(peer_death_in_mid_request)
{
	struct client dead, honest;
	uint8_t buf[256];
	struct host h;
	int64_t peers;

	host_start(&h, (enum kind)_i, NULL);
	host_connect(&h, &honest);
	client_expect_call(&honest, 1, "grow 2", "gg");
	peers = host_stat(&h, "peers");
	for (uint64_t i = 0; i < 20; i++) {
		size_t n;

		host_connect(&h, &dead);
		n = client_build(
			&dead, buf, RV_OP_CALL, i % 2 ? RV_FRAME_MORE : 0, i, "wait 1 x", 8);
		client_send(&dead, buf, i % 3 || !kind_is_stream(h.kind) ? n : n / 2);
		client_close(&dead);
		client_expect_call(&honest, i, "grow 2", "gg");
	}
	/* each goes as soon as its last request is answered */
	while (kind_is_connection(h.kind) && host_stat(&h, "peers") != peers) {
		client_barrier(&honest);
	}
	client_close(&honest);
	host_finish(&h);
}
END_TEST

START_TEST(late_reply)
{
	struct client c, gone;
	struct host h;

	host_start(&h, (enum kind)_i, NULL);
	host_connect(&h, &c);
	host_connect(&h, &gone);
	call(&gone, 1, "wait 20 x");
	client_close(&gone);
	call(&c, 1, "wait 60 slow");
	call(&c, 2, "wait 1 quick");
	call(&c, 3, "grow 1");
	expect_data(&c, 3, "g");
	expect_data(&c, 2, " quick");
	expect_data(&c, 1, " slow");
	client_close(&c);
	host_finish(&h);
}
END_TEST

START_TEST(service_timeout)
{
	static const struct host_keys keys = {.service = "timeout = 100ms\n"};
	struct client c;
	struct host h;

	host_start(&h, (enum kind)_i, &keys);
	host_connect(&h, &c);
	call(&c, 1, "never");
	client_recv_frame(&c, &(struct reply){0}, 1, RV_STATUS_TIMEOUT);
	client_expect_call(&c, 2, "grow 1", "g");
	client_close(&c);
	host_finish(&h);
}
END_TEST

/* All that was sent before the drain is answered, and the drain ends by itself. */
START_TEST(drain_under_load)
{
	static const struct host_keys keys = {.global = "drain_timeout = 1min\n"};
	bool answered[WINDOW] = {false};
	struct client c;
	struct reply r;
	struct host h;

	host_start(&h, (enum kind)_i, &keys);
	host_connect(&h, &c);
	client_barrier(&c);
	for (uint64_t i = 0; i < WINDOW; i++) {
		call(&c, i, i % 2 ? "wait 30 x" : "grow 2");
	}
	server_drain(h.server);
	for (uint64_t i = 0; i < WINDOW; i++) {
		client_recv(&c, &r);
		ck_assert_uint_lt(r.head.id, WINDOW);
		ck_assert_uint_eq(r.n, 2);
		ck_assert_int_eq(r.data[0], r.head.id % 2 ? ' ' : 'g');
		ck_assert(!answered[r.head.id]);
		answered[r.head.id] = true;
	}
	host_wait_drained(&h);
	ck_assert(!h.timed_out);
	if (kind_is_connection(h.kind)) {
		client_expect_eof(&c);
	}
	client_close(&c);
	host_finish(&h);
}
END_TEST

START_TEST(drain_has_an_end)
{
	static const struct host_keys keys = {.global = "drain_timeout = 100ms\n"};
	struct client c;
	struct host h;

	host_start(&h, (enum kind)_i, &keys);
	host_connect(&h, &c);
	call(&c, 1, "never");
	client_barrier(&c);
	server_drain(h.server);
	host_wait_drained(&h);
	ck_assert(h.timed_out);
	host_close(&h);
	client_close(&c);
	host_finish(&h);
}
END_TEST

START_TEST(reopen)
{
	struct client c;
	struct host h;

	host_init(&h, (enum kind)_i);
	for (int i = 0; i < 3; i++) {
		host_open(&h, NULL, -1);
		host_connect(&h, &c);
		client_expect_call(&c, 1, "grow 3", "ggg");
		host_close(&h);
		if (kind_is_connection(h.kind)) {
			client_expect_eof(&c);
		}
		client_close(&c);
		ck_assert(!host_has_name(&h));
	}
	host_finish(&h);
}
END_TEST

/* Connections outlive a reload that does not concern their address. */
START_TEST(reload_in_place)
{
	static const struct host_keys smaller = {.global = "max_request = 8B\n",
		.endpoint = "max_inflight = 2K\nidle_timeout = 1min\n"};
	struct client c;
	struct host h;

	host_start(&h, (enum kind)_i, NULL);
	host_connect(&h, &c);
	client_expect_call(&c, 1, "grow 20", "gggggggggggggggggggg");
	host_reload(&h, &smaller);
	call(&c, 2, "grow 20");
	client_recv_frame(&c, &(struct reply){0}, 2, RV_STATUS_TOO_LARGE);
	client_expect_call(&c, 3, "grow 8", "gggggggg");
	host_reload(&h, NULL);
	client_expect_call(&c, 4, "grow 9", "ggggggggg");
	client_close(&c);
	host_finish(&h);
}
END_TEST

/* A backend without reconfigure() can be told nothing: it begins anew with the new keys.
 * What the host alone looks at is no reason to. */
START_TEST(opened_anew_instead_of_changed)
{
	static const struct host_keys mode = {.endpoint = "mode = 0640\n"};
	static const struct host_keys idle = {.endpoint = "mode = 0640\nidle_timeout = 1min\n"};
	struct client old, new;
	struct host h;

	host_start(&h, (enum kind)_i, NULL);
	host_connect(&h, &old);
	client_expect_call(&old, 1, "grow 3", "ggg");
	host_reload(&h, &mode);
	client_expect_eof(&old);
	host_connect(&h, &new);
	client_expect_call(&new, 2, "grow 3", "ggg");
	host_reload(&h, &idle);
	client_expect_call(&new, 3, "grow 3", "ggg");
	client_close(&old);
	client_close(&new);
	host_finish(&h);
}
END_TEST

/* Nobody waits for the answer any more: the service is told so at once, not only when it
 * answers. One that has only ended its input still waits. */
START_TEST(cancelled_when_the_client_is_gone)
{
	struct client gone, half, killed;
	struct host h;

	host_start(&h, (enum kind)_i, NULL);
	host_connect(&h, &half);
	host_connect(&h, &gone);
	host_connect(&h, &killed);
	call(&half, 1, "wait 500 x");
	call(&gone, 1, "never");
	call(&killed, 1, "never");
	client_barrier(&half);
	client_barrier(&gone);
	client_barrier(&killed);
	client_half_close(&half);
	client_half_close(&gone);
	ck_assert_int_eq(host_stat(&h, "late"), 0);
	client_close(&gone);
	host_wait_stat(&h, "late", 1);
	client_close(&killed);
	host_wait_stat(&h, "late", 2);
	expect_data(&half, 1, " x");
	client_expect_eof(&half);
	ck_assert_int_eq(host_stat(&h, "late"), 2);
	client_close(&half);
	host_finish(&h);
}
END_TEST

START_TEST(adopted_descriptor)
{
	struct client c;
	struct host h;
	int fd;

	host_init(&h, (enum kind)_i);
	fd = host_make_fd(&h);
	ck_assert_int_ge(fd, 0);
	host_open(&h, NULL, fd);
	host_connect(&h, &c);
	client_expect_call(&c, 1, "grow 3", "ggg");
	client_expect_text(&c, "grow 3", "ggg");
	host_reload(&h, NULL);
	client_expect_call(&c, 2, "grow 3", "ggg");
	client_close(&c);
	host_close(&h);
	ck_assert_msg(host_has_name(&h), "a name that was handed over is gone");
	host_finish(&h);
}
END_TEST

START_TEST(stats_add_up)
{
	static const struct host_keys keys = {.workers = 2};
	enum { N = 300 };
	uint8_t buf[256];
	struct client c;
	struct host h;
	size_t bytes = 0;

	host_start(&h, (enum kind)_i, &keys);
	host_connect(&h, &c);
	for (uint64_t i = 0; i < N; i++) {
		bytes += client_build(
			&c, buf, RV_OP_CALL, 0, i, i % 3 ? "grow 7" : "fail", i % 3 ? 6 : 4);
		call(&c, i, i % 3 ? "grow 7" : "fail");
		client_recv_frame(
			&c, &(struct reply){0}, i, i % 3 ? RV_STATUS_OK : RV_STATUS_INTERNAL);
	}
	ck_assert_int_eq(host_stat(&h, "requests"), N);
	ck_assert_int_eq(host_stat(&h, "replies"), N);
	ck_assert_int_eq(host_stat(&h, "frames"), N);
	ck_assert_int_eq(host_stat(&h, "lines"), 0);
	ck_assert_int_eq(host_stat(&h, "operations.call"), N);
	ck_assert_int_eq(host_stat(&h, "errors.internal"), N / 3);
	ck_assert_int_eq(host_stat(&h, "latency_us.count"), N);
	ck_assert_int_eq(host_stat(&h, "rx_bytes"), (int64_t)bytes);
	/* headers, 200 results, 100 sentences */
	ck_assert_int_eq(host_stat(&h, "tx_bytes"), N * 16 + 200 * 7 + 100 * 11);
	ck_assert_int_eq(host_stat(&h, "drops.output"), 0);
	client_close(&c);
	host_finish(&h);
}
END_TEST

static TCase *traffic(void)
{
	TCase *t = stage_tcase("traffic");

	tcase_add_loop_test(t, round_trip, 0, KINDS);
	tcase_add_loop_test(t, batch, 0, KINDS);
	tcase_add_loop_test(t, split_and_joined, 0, KINDS);
	tcase_add_loop_test(t, fragments, 0, KINDS);
	tcase_add_loop_test(t, oversize, 0, KINDS);
	tcase_add_loop_test(t, slow_reader, 0, KINDS_SEEN);
	tcase_add_loop_test(t, pause_and_resume, 0, KINDS);
	tcase_add_loop_test(t, peer_death_in_mid_request, 0, KINDS);
	tcase_add_loop_test(t, late_reply, 0, KINDS);
	tcase_add_loop_test(t, service_timeout, 0, KINDS);
	tcase_add_loop_test(t, stats_add_up, 0, KINDS);
	return t;
}

int main(void)
{
	Suite *s = suite_create("contract");
	TCase *t = stage_tcase("life");

	tcase_add_loop_test(t, drain_under_load, 0, KINDS);
	tcase_add_loop_test(t, drain_has_an_end, 0, KINDS);
	tcase_add_loop_test(t, reopen, 0, KINDS);
	tcase_add_loop_test(t, reload_in_place, 0, KINDS);
	tcase_add_loop_test(t, opened_anew_instead_of_changed, KIND_LOOPBACK_STREAM, KIND_TCP + 1);
	tcase_add_loop_test(t, cancelled_when_the_client_is_gone, KIND_STREAM, KIND_FIFO);
	tcase_add_loop_test(t, adopted_descriptor, 0, KINDS_ADOPTING);
	suite_add_tcase(s, traffic());
	suite_add_tcase(s, t);
	return stage_run(s);
}
