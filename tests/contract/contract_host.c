/*
 * What the host owes a backend, and that none of those in the tree makes use of yet: a
 * message that names whom to answer, functions posted from another thread, an endpoint
 * that is down and trying again. The loopback does all of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/json.h"
#include "common/stage.h"
#include "common/wait.h"
#include "host.h"
#include "loopback/loopback.h"
#include "util/macro.h"

/* Sends a message over the last connection, to be answered on the one before it. */
static void send_for_another(struct host *h, const void *p, size_t n, uint32_t tag)
{
	struct loopback *conn = h->links[h->n_links - 1].ctx;

	ck_assert_int_eq(loopback_send(conn, p, n, LOOPBACK_TO_ANOTHER | tag), (int)n);
}

static void expect_at(struct host *h, size_t i, const void *want, size_t n, uint32_t tag)
{
	struct loopback *conn = h->links[i].ctx;
	uint32_t got_tag = 0;
	uint8_t buf[512];
	ssize_t k;

	ck_assert_int_eq(loopback_wait(conn, false, wait_left(wait_until(WAIT_MS))), 0);
	k = loopback_recv(conn, buf, sizeof(buf), &got_tag);
	ck_assert_int_eq((int)k, (int)n);
	ck_assert_mem_eq(buf, want, n);
	ck_assert_uint_eq(got_tag, LOOPBACK_TO_ANOTHER | tag);
}

static void open_two(struct host *h, struct client *c, struct client *other)
{
	host_start(h, KIND_LOOPBACK_MESSAGE, NULL);
	host_connect(h, c);
	client_barrier(c);
	host_connect(h, other);
	client_barrier(other);
}

START_TEST(a_message_names_whom_to_answer)
{
	uint8_t frame[64], want[64];
	struct client c, other;
	struct host h;
	size_t n;

	open_two(&h, &c, &other);
	send_for_another(&h, "grow 3\n", 7, 1);
	expect_at(&h, 0, "ggg\n", 4, 1);
	n = client_build(&other, frame, RV_OP_CALL, 0, 7, "grow 2", 6);
	send_for_another(&h, frame, n, 2);
	rv_reply_store(want, RV_STATUS_OK, 0, 2, 7);
	memcpy(want + RV_FRAME_HEADER, "gg", 2);
	expect_at(&h, 0, want, RV_FRAME_HEADER + 2, 2);
	ck_assert(!client_readable(&other));
	client_expect_text(&other, "grow 1", "g"); /* its own go on */
	client_expect_text(&c, "grow 1", "g");
	client_close(&c);
	client_close(&other);
	host_finish(&h);
}
END_TEST

/* Late ones, too, in the order of the lines of who is answered. */
START_TEST(and_is_answered_late)
{
	struct client c, other;
	struct host h;

	open_two(&h, &c, &other);
	send_for_another(&h, "hold a", 6, 1);
	send_for_another(&h, "grow 2", 6, 2);
	send_for_another(&h, "hold b", 6, 3);
	client_expect_text(&other, "release-last", "2");
	expect_at(&h, 0, "a", 1, 1);
	expect_at(&h, 0, "gg", 2, 2);
	expect_at(&h, 0, "b", 1, 3);
	client_close(&c);
	client_close(&other);
	host_finish(&h);
}
END_TEST

/* Who is answered leaves: what was for him is nobody's. */
START_TEST(who_is_answered_leaves)
{
	struct client c, other;
	struct host h;

	open_two(&h, &c, &other);
	send_for_another(&h, "hold a", 6, 1);
	client_expect_text(&other, "n-held", "1");
	client_close(&c);
	client_expect_text(&other, "release", "1");
	client_barrier(&other);
	ck_assert(!client_readable(&other));
	host_wait_stat(&h, "drops.peer_gone", 1);
	client_close(&other);
	host_finish(&h);
}
END_TEST

/* The state of the endpoint in STATS becomes `want`, which is JSON. */
static void wait_state(struct client *c, const char *key, const char *want)
{
	uint64_t until = wait_until(WAIT_MS);
	char path[64];
	size_t n, k;

	snprintf(path, sizeof(path), "endpoints.it.%s", key);
	for (;;) {
		CLEANUP_FREE char *stats = NULL;
		const char *at;

		client_send_frame(c, RV_OP_STATS, 0, 1, NULL, 0);
		stats = (char *)client_recv_joined(c, 1, RV_STATUS_OK, &n);
		ck_assert_msg(json_valid(stats, n), "no JSON: %s", stats);
		at = json_find(stats, path, &k);
		if (at && k == strlen(want) && memcmp(at, want, k) == 0) {
			return;
		}
		ck_assert_msg(wait_left(until) > 0, "%s is %.*s, not %s", key, at ? (int)k : 0,
			at ? at : "", want);
	}
}

/* Said from this thread, which is not the worker's. */
START_TEST(down_and_up)
{
	struct client c;
	struct host h;

	host_start(&h, (enum kind)_i, NULL);
	host_connect(&h, &c);
	client_barrier(&c);
	for (int round = 0; round < 3; round++) {
		wait_state(&c, "state", "\"up\"");
		ck_assert_int_eq(loopback_down(h.links[0].ctx, "the line is cut"), 0);
		wait_state(&c, "state", "\"down\"");
		wait_state(&c, "why", "\"the line is cut\"");
		ck_assert_int_eq(loopback_down(h.links[0].ctx, "it is still cut"), 0);
		wait_state(&c, "why", "\"it is still cut\"");
		client_expect_call(&c, 2, "grow 2", "gg"); /* who is there is served */
		ck_assert_int_eq(loopback_down(h.links[0].ctx, NULL), 0);
	}
	wait_state(&c, "state", "\"up\"");
	client_close(&c);
	host_finish(&h);
}
END_TEST

int main(void)
{
	TCase *t = stage_tcase("host");
	Suite *s = suite_create("contract_host");

	tcase_add_test(t, a_message_names_whom_to_answer);
	tcase_add_test(t, and_is_answered_late);
	tcase_add_test(t, who_is_answered_leaves);
	tcase_add_loop_test(t, down_and_up, KIND_LOOPBACK_STREAM, KIND_TCP);
	suite_add_tcase(s, t);
	return stage_run(s);
}
