/* Sessions over sockets, the daemon played by hand: what goes out, what comes in. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <revd/client.h>
#include "common/runner.h"
#include "librevc/session.h"
#include "place.h"
#include "util/clock.h"
#include "util/macro.h"

struct rig {
	struct place place;
	int listen_fd, fd;
	struct revc *s;
};

static void rig_init(struct rig *r, int type)
{
	struct revc_err err;

	place_make(&r->place);
	r->listen_fd = place_listen(place_path(&r->place, "s"), type);
	ck_assert_msg(revc_open(place_uri(&r->place, "uds", "s"), NULL, &r->s, &err) == 0, "%s",
		err.text);
	r->fd = accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(r->fd, 0);
}

static void rig_finish(struct rig *r)
{
	revc_close(r->s);
	close(r->fd);
	close(r->listen_fd);
	place_remove(&r->place);
}

static void answer(struct rig *r, const void *p, size_t n)
{
	ck_assert_int_eq(send(r->fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void expect_reply(struct rig *r, uint64_t id, uint8_t status, const char *text)
{
	struct revc_reply reply;

	ck_assert_int_eq(revc_receive(r->s, place_deadline(), &reply), 0);
	ck_assert_uint_eq(reply.id, id);
	ck_assert_uint_eq(reply.status, status);
	ck_assert_uint_eq(reply.len, strlen(text));
	ck_assert_mem_eq(reply.data, text, reply.len);
}

START_TEST(finds_out_the_kind)
{
	struct revc_limits limits;
	struct rig r;

	rig_init(&r, SOCK_STREAM);
	ck_assert_str_eq(revc_transport(r.s), "uds stream");
	revc_limits(r.s, &limits);
	ck_assert(limits.stream);
	rig_finish(&r);
	rig_init(&r, SOCK_SEQPACKET);
	ck_assert_str_eq(revc_transport(r.s), "uds seqpacket");
	revc_limits(r.s, &limits);
	ck_assert(!limits.stream);
	rig_finish(&r);
}
END_TEST

/* Nothing goes out before the flush, all of it with the flush. */
START_TEST(sends_a_batch)
{
	uint8_t want[256], got[256];
	size_t n = 0;
	struct rig r;

	rig_init(&r, SOCK_STREAM);
	ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 5, "hola", 4), 0);
	ck_assert_int_eq(revc_submit(r.s, RV_OP_PING, 6, "", 0), 0);
	ck_assert_int_eq(recv(r.fd, got, sizeof(got), MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(revc_unsent(r.s), 36);
	ck_assert_int_eq(revc_flush(r.s), 0);
	ck_assert_uint_eq(revc_unsent(r.s), 0);
	n += place_frame(want + n, RV_OP_CALL, 0, 5, "hola");
	n += place_frame(want + n, RV_OP_PING, 0, 6, "");
	place_read(r.fd, got, n);
	ck_assert_mem_eq(got, want, n);
	rig_finish(&r);
}
END_TEST

/* A byte at a time, out of order, and in fragments. */
START_TEST(takes_replies_as_they_come)
{
	uint8_t buf[256];
	struct revc_reply reply;
	size_t n = 0;
	struct rig r;

	rig_init(&r, SOCK_STREAM);
	n += place_frame(buf + n, RV_STATUS_OK, RV_FRAME_REPLY | RV_FRAME_MORE, 1, "al");
	n += place_frame(buf + n, RV_STATUS_BUSY, RV_FRAME_REPLY, 2, "later");
	n += place_frame(buf + n, RV_STATUS_OK, RV_FRAME_REPLY, 1, "oh");
	for (size_t i = 0; i + 1 < n; i++) {
		answer(&r, buf + i, 1);
		if (i < 38) { /* the last byte of the second frame */
			ck_assert_int_eq(revc_receive(r.s, REVC_NOW, &reply), -ETIMEDOUT);
		}
	}
	answer(&r, buf + n - 1, 1);
	expect_reply(&r, 2, RV_STATUS_BUSY, "later");
	expect_reply(&r, 1, RV_STATUS_OK, "aloh");
	rig_finish(&r);
}
END_TEST

/* What a header promises is no reason to take memory for it. */
START_TEST(believes_no_length)
{
	struct revc_reply reply;
	uint8_t buf[64];
	struct rig r;
	size_t n;

	rig_init(&r, SOCK_STREAM);
	n = place_frame(buf, RV_STATUS_OK, RV_FRAME_REPLY, 1, "aloh");
	rv_store_le32(buf + 4, INT32_MAX);
	answer(&r, buf, n);
	ck_assert_int_eq(revc_receive(r.s, REVC_NOW, &reply), -ETIMEDOUT);
	ck_assert_uint_le(r.s->rx.size, 4u << 20);
	rig_finish(&r);
}
END_TEST

START_TEST(takes_packets)
{
	uint8_t buf[64];
	struct rig r;

	rig_init(&r, SOCK_SEQPACKET);
	ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 1, "a", 1), 0);
	ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 2, "b", 1), 0);
	ck_assert_int_eq(revc_flush(r.s), 0);
	ck_assert_int_eq(recv(r.fd, buf, sizeof(buf), 0), 17);
	ck_assert_int_eq(recv(r.fd, buf, sizeof(buf), 0), 17);
	ck_assert_uint_eq(buf[16], 'b');
	answer(&r, buf, place_frame(buf, RV_STATUS_OK, RV_FRAME_REPLY, 2, "B"));
	answer(&r, buf, place_frame(buf, RV_STATUS_OK, RV_FRAME_REPLY, 1, "A"));
	expect_reply(&r, 2, RV_STATUS_OK, "B");
	expect_reply(&r, 1, RV_STATUS_OK, "A");
	rig_finish(&r);
}
END_TEST

/* More than a message holds travels in fragments that say so. */
START_TEST(cuts_large_requests)
{
	size_t n = 300000, got = 0;
	struct revc_limits limits;
	struct rv_frame f = {.flags = RV_FRAME_MORE};
	char *text = malloc(n);
	uint8_t *buf = malloc(1 << 18);
	struct rig r;

	ck_assert(text && buf);
	memset(text, 'x', n);
	rig_init(&r, SOCK_SEQPACKET);
	revc_limits(r.s, &limits);
	ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 9, text, n), 0);
	while (f.flags & RV_FRAME_MORE) {
		ssize_t k;

		ck_assert_int_eq(revc_flush(r.s), 0);
		k = recv(r.fd, buf, 1 << 18, 0);
		ck_assert_int_ge(k, RV_FRAME_HEADER);
		ck_assert_uint_le((size_t)k, limits.message_max);
		rv_frame_load(buf, &f);
		ck_assert_uint_eq(f.id, 9);
		ck_assert_uint_eq(f.length, (size_t)k - RV_FRAME_HEADER);
		got += f.length;
	}
	ck_assert_uint_eq(got, n);
	ck_assert_uint_eq(revc_unsent(r.s), 0);
	rig_finish(&r);
	free(text);
	free(buf);
}
END_TEST

/* A daemon that doesn't read: the flush returns, receiving goes on sending. */
START_TEST(does_not_block)
{
	size_t n = 4 << 20;
	char *text = calloc(1, n);
	uint8_t *got = malloc(RV_FRAME_HEADER + n), buf[64];
	struct revc_reply reply;
	struct rig r;
	size_t at = 0;

	ck_assert(text && got);
	rig_init(&r, SOCK_STREAM);
	ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 1, text, n), 0);
	ck_assert_int_eq(revc_flush(r.s), 0);
	ck_assert_uint_gt(revc_unsent(r.s), 0);
	while (at < RV_FRAME_HEADER + n) {
		ssize_t k = recv(r.fd, got + at, RV_FRAME_HEADER + n - at, MSG_DONTWAIT);

		at += k > 0 ? (size_t)k : 0;
		ck_assert_int_eq(revc_receive(r.s, REVC_NOW, &reply), -ETIMEDOUT);
	}
	ck_assert_uint_eq(revc_unsent(r.s), 0);
	answer(&r, buf, place_frame(buf, RV_STATUS_OK, RV_FRAME_REPLY, 1, "done"));
	expect_reply(&r, 1, RV_STATUS_OK, "done");
	rig_finish(&r);
	free(text);
	free(got);
}
END_TEST

START_TEST(respects_the_deadline)
{
	struct revc_reply reply;
	struct revc_err err;
	uint64_t start = clock_now();
	struct rig r;

	rig_init(&r, SOCK_STREAM);
	ck_assert_int_eq(revc_receive(r.s, start + 50000000, &reply), -ETIMEDOUT);
	ck_assert_uint_ge(clock_now(), start + 50000000);
	revc_error(r.s, &err);
	ck_assert_ptr_nonnull(strstr(err.text, "no reply in time"));
	ck_assert_int_eq(err.exit_code, 75);
	rig_finish(&r);
}
END_TEST

static const struct {
	const char *said;
	size_t n;
	int result, exit_code;
	const char *sentence;
} ends[] = {
	{"", 0, -ECONNRESET, 75, "the daemon closed the connection"},
	{"\x15"
	 "busy: too many clients, try again later\n",
		42, -EBUSY, 75, "busy: too many clients, try again later"},
	{"\x15"
	 "denied: this user may not use it\n",
		34, -EACCES, 77, "denied: this user"},
	{"\x15nonsense: x\n", 13, -EPROTO, 69, "does not speak revd's protocol"},
	{"HTTP/1.1 400 Bad Request\r\n", 26, -EPROTO, 69, "does not speak revd's protocol"},
	{"\xff\x02\x00\x80\0\0\0\0aaaaaaaa", 16, -EPROTO, 69, "does not speak"},
	{"\xff\x01\x00\x00\0\0\0\0aaaaaaaa", 16, -EPROTO, 69, "does not speak"},
	{"\xff\x01\x00\x80\xff\xff\xff\xff"
	 "aaaaaaaa",
		16, -EPROTO, 69, "does not speak"},
};

START_TEST(explains_the_end)
{
	struct revc_reply reply;
	struct revc_err err;
	struct rig r;

	rig_init(&r, SOCK_STREAM);
	if (ends[_i].n > 0) {
		answer(&r, ends[_i].said, ends[_i].n);
		/* it can't be sent any more, but what was said can be read */
		ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 1, "x", 1), 0);
	}
	shutdown(r.fd, SHUT_RDWR);
	ck_assert_int_eq(revc_receive(r.s, place_deadline(), &reply), ends[_i].result);
	revc_error(r.s, &err);
	ck_assert_msg(strstr(err.text, ends[_i].sentence), "%s", err.text);
	ck_assert_int_eq(err.exit_code, ends[_i].exit_code);
	rig_finish(&r);
}
END_TEST

static const char *const nobody[] = {"fifo", "uds"};

START_TEST(says_that_nobody_is_there)
{
	struct place p;
	struct revc_err err;
	struct revc *s = NULL;

	place_make(&p);
	ck_assert_int_eq(revc_open(place_uri(&p, nobody[_i], "x"), NULL, &s, &err), -ENOENT);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(err.exit_code, 69);
	ck_assert_ptr_nonnull(strstr(err.text, "is revd running?"));
	place_remove(&p);
}
END_TEST

START_TEST(says_what_is_no_socket)
{
	struct place p;
	struct revc_err err;
	struct revc *s = NULL;

	place_make(&p);
	ck_assert_int_eq(mkfifo(place_path(&p, "s"), 0600), 0);
	ck_assert_int_eq(revc_open(place_uri(&p, "uds", "s"), NULL, &s, &err), -ENOTSOCK);
	ck_assert_ptr_nonnull(strstr(err.text, "this is not a socket"));
	place_remove(&p);
}
END_TEST

/* A backlog of one that is full: tried until the timeout, then "try later". */
START_TEST(waits_for_a_full_backlog)
{
	struct revc_options o = {.timeout_us = 30000};
	struct revc *s[4] = {0};
	struct place p;
	struct revc_err err;
	int fd, r = 0;

	place_make(&p);
	fd = place_listen(place_path(&p, "s"), SOCK_STREAM);
	ck_assert_int_eq(listen(fd, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(s) && r == 0; i++) {
		r = revc_open(place_uri(&p, "uds", "s"), &o, &s[i], &err);
	}
	ck_assert_int_eq(r, -EAGAIN);
	ck_assert_int_eq(err.exit_code, 75);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		revc_close(s[i]);
	}
	close(fd);
	place_remove(&p);
}
END_TEST

START_TEST(calls)
{
	uint8_t buf[64];
	struct revc_reply reply;
	struct rig r;
	size_t n;

	rig_init(&r, SOCK_STREAM);
	/* The answer to a call of before is passed over. The next id is known since
	 * ids count up. */
	uint64_t id = revc_id(r.s) + 1;

	n = place_frame(buf, RV_STATUS_OK, RV_FRAME_REPLY, id - 1, "late");
	answer(&r, buf, n);
	n = place_frame(buf, RV_STATUS_OK, RV_FRAME_REPLY, id, "pong");
	answer(&r, buf, n);
	ck_assert_int_eq(revc_call(r.s, RV_OP_PING, "pong", 4, place_deadline(), &reply), 0);
	ck_assert_uint_eq(reply.len, 4);
	ck_assert_mem_eq(reply.data, "pong", 4);
	rig_finish(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("librevc/session");
	TCase *t = tcase_create("session");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, finds_out_the_kind);
	tcase_add_test(t, sends_a_batch);
	tcase_add_test(t, takes_replies_as_they_come);
	tcase_add_test(t, believes_no_length);
	tcase_add_test(t, takes_packets);
	tcase_add_test(t, cuts_large_requests);
	tcase_add_test(t, does_not_block);
	tcase_add_test(t, respects_the_deadline);
	tcase_add_loop_test(t, explains_the_end, 0, (int)ARRAY_SIZE(ends));
	tcase_add_loop_test(t, says_that_nobody_is_there, 0, (int)ARRAY_SIZE(nobody));
	tcase_add_test(t, says_what_is_no_socket);
	tcase_add_test(t, waits_for_a_full_backlog);
	tcase_add_test(t, calls);
	suite_add_tcase(s, t);
	return runner_run(s);
}
