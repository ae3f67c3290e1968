/* What a hostile review broke once, with replies that come later. */
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/late.h"
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/fd.h"
#include "util/macro.h"

static void start(
	struct scene *s, int transport, const char *global, const char *keys, const char *service)
{
	late_start(&s->rig, global, keys, service);
	client_open(&s->client, &s->rig, (enum transport)transport);
}

/* Waits for a counter of the client's own endpoint. */
static void wait_own_stat(const struct scene *s, const char *name, int64_t want)
{
	char path[64];

	snprintf(path, sizeof path, "endpoints.%s.%s", client_endpoints[s->client.transport], name);
	client_wait_stat(&s->rig, path, want);
}

/* The configuration with that text in the place of the other, and a reload. */
static void reload_with(struct rig *rig, const char *old, const char *new)
{
	CLEANUP_FREE char *config = NULL, *changed = NULL;
	char path[RIG_PATH], *at;
	size_t n;

	ck_assert_int_eq(fd_read_file(rig_path(rig, "revd.conf", path), 1u << 20, &config, &n), 0);
	at = strstr(config, old);
	ck_assert_ptr_nonnull(at);
	ck_assert_int_gt(
		asprintf(&changed, "%.*s%s%s", (int)(at - config), config, new, at + strlen(old)),
		0);
	rig_write(rig, "revd.conf", changed);
	rig_reload(rig);
}

/* A reload replaces a service that still owes replies: the last of them frees it,
 * but not from inside its own callback. */
START_TEST(service_is_retired_before_it_answers)
{
	struct scene s;
	struct reply r;

	start(&s, _i, "", "", "timeout = 5s");
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "wait 200 uno", 12);
	client_send_frame(&s.client, RV_OP_CALL, 0, 2, "wait 250 dos", 12);
	client_barrier(&s.client);
	reload_with(&s.rig, "timeout = 5s", "timeout = 6s");
	client_recv_frame(&s.client, &r, 1, RV_STATUS_OK);
	ck_assert_mem_eq(r.data, " uno", 4);
	client_recv_frame(&s.client, &r, 2, RV_STATUS_OK);
	ck_assert_mem_eq(r.data, " dos", 4);
	client_expect_call(&s.client, 3, "wait 1 tres", " tres");
	scene_close(&s);
}
END_TEST

static void send_calls(struct client *c, uint64_t n, const char *text)
{
	for (uint64_t i = 0; i < n; i++) {
		client_send_frame(c, RV_OP_CALL, 0, i, text, strlen(text));
	}
}

/* Their replies, in any order: each once, of so many bytes. */
static void recv_calls(struct client *c, uint64_t n, size_t size)
{
	CLEANUP_FREE bool *seen = calloc(n, sizeof *seen);
	struct reply r;

	ck_assert_ptr_nonnull(seen);
	for (uint64_t i = 0; i < n; i++) {
		client_recv(c, &r);
		ck_assert(r.frame && r.head.code == RV_STATUS_OK && r.head.id < n);
		ck_assert(!(r.head.flags & RV_FRAME_MORE) && !seen[r.head.id]);
		ck_assert_uint_eq(r.n, size);
		seen[r.head.id] = true;
	}
}

/* No bytes, but a request all the same: the end waits for its reply. */
START_TEST(empty_request_is_owed_a_reply)
{
	struct scene s;
	struct reply r;

	start(&s, _i, "", "", "");
	client_send_frame(&s.client, RV_OP_CALL, 0, 7, "", 0);
	client_half_close(&s.client);
	client_recv_frame(&s.client, &r, 7, RV_STATUS_OK);
	ck_assert_uint_eq(r.n, 0);
	client_expect_eof(&s.client);
	scene_close(&s);
}
END_TEST

/* And one that is in flight. Their replies alone do not fill a socket. */
START_TEST(empty_requests_are_limited)
{
	enum { N = 150 };
	struct scene s;

	start(&s, _i, "", "max_inflight = 4K", "");
	send_calls(&s.client, N, "");
	recv_calls(&s.client, N, 0);
	wait_own_stat(&s, "pauses", 1);
	scene_close(&s);
}
END_TEST

/* A client is idle from its last reply on, not from its last request. */
START_TEST(idle_time_begins_with_the_reply)
{
	struct client idle;
	struct scene s;

	start(&s, _i, "", "idle_timeout = 1s", "");
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "wait 900 a", 10);
	client_open(&idle, &s.rig, (enum transport)_i);
	client_recv_frame(&s.client, &(struct reply){0}, 1, RV_STATUS_OK);
	client_expect_eof(&idle);
	client_expect_call(&s.client, 2, "grow 3", "ggg");
	client_close(&idle);
	scene_close(&s);
}
END_TEST

/* What is served after a timeout was answered is newer than the tick that looks for
 * slow readers: nobody is slow who has just been blocked. */
START_TEST(not_slow_by_a_stale_clock)
{
	enum { N = 30, SIZE = 60000, LINE = 11 };
	char text[6 + N * LINE] = "never\n";
	struct scene s;
	struct reply r;

	start(&s, STREAM, "workers = 1", "slow_timeout = 1min", "timeout = 150ms");
	for (int i = 0; i < N; i++) {
		memcpy(text + 6 + i * LINE, "grow 60000\n", LINE);
	}
	client_send(&s.client, text, sizeof text); /* read at once: all wait for the first */
	client_wait_stat(&s.rig, "endpoints.stream.blocked", 1);
	client_expect_nak(&s.client, "timeout", NULL);
	for (int i = 0; i < N; i++) {
		client_recv_line(&s.client, &r);
		ck_assert_uint_eq(r.n, SIZE + 1);
	}
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.stream.slow_cut"), 0);
	scene_close(&s);
}
END_TEST

/* At SIGTERM the connection is stopped behind a line that waits. Nothing comes after
 * it, so nothing but the reply itself can tell that all is done. */
START_TEST(drain_ends_with_the_last_line)
{
	struct scene s;
	struct reply r;

	start(&s, _i, "drain_timeout = 10min", "", "");
	client_send_text(&s.client, "wait 200 a");
	wait_own_stat(&s, "requests", 1);
	rig_signal(&s.rig, SIGTERM);
	client_recv_line(&s.client, &r);
	ck_assert_mem_eq(r.data, " a", 2);
	client_expect_eof(&s.client);
	ck_assert_int_eq(rig_wait_exit(&s.rig), 0);
	scene_close(&s);
}
END_TEST

/* More late replies than the connection takes before its client reads. */
START_TEST(late_replies_wait_for_their_reader)
{
	enum { N = 100, SIZE = 60000 };
	struct scene s;

	start(&s, _i, "", "", "");
	send_calls(&s.client, N, "late 100 60000");
	wait_own_stat(&s, "replies", N);
	recv_calls(&s.client, N, SIZE);
	scene_close(&s);
}
END_TEST

/* More than the daemon keeps for one client: the connection ends. It does not go on
 * with a reply missing, for which the client would wait for ever. */
START_TEST(a_reply_that_is_lost_ends_the_connection)
{
	enum { N = 100 };
	size_t received = 0;
	char buf[65536];
	struct scene s;
	ssize_t n;

	start(&s, _i, "max_request = 64K", "", "");
	send_calls(&s.client, N, "late 100 60000");
	wait_own_stat(&s, "drops.output", 1);
	do {
		ck_assert_msg(wait_fd(s.client.out, POLLIN, wait_until(WAIT_MS)),
			"it goes on behind a lost reply");
		n = read(s.client.out, buf, sizeof buf);
		received += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	ck_assert_uint_gt(received, 0);
	ck_assert_uint_lt(received, N * (size_t)60000);
	scene_close(&s);
}
END_TEST

/* What others put into a client's reply channel until it was full. */
struct filler {
	int fd;
	char data[1024];
	size_t n; /* writes of all the data */
};

static void filler_fill(struct filler *f, const struct client *c)
{
	memset(f, 0, sizeof *f);
	if (c->transport == MQUEUE) {
		f->fd = mq_open(c->reply_name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		while (mq_send(f->fd, f->data, sizeof f->data, 0) == 0) {
			f->n++;
		}
	} else {
		f->fd = open(c->reply_name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		while (write(f->fd, f->data, sizeof f->data) == sizeof f->data) {
			f->n++;
		}
	}
	ck_assert_uint_gt(f->n, 0);
	f->fd = fd_close(f->fd);
}

static void filler_take(struct filler *f, const struct client *c)
{
	for (; f->n > 0; f->n--) {
		ssize_t n = c->transport == MQUEUE
				    ? mq_receive(c->frames.fd, f->data, sizeof f->data, NULL)
				    : read(c->frames.fd, f->data, sizeof f->data);

		ck_assert_int_eq(n, sizeof f->data);
	}
}

/* A reply that comes while the daemon stops, and finds its channel full: the drain
 * waits for it as well. */
START_TEST(drain_waits_for_a_full_channel)
{
	struct client other;
	struct filler filler;
	struct scene s;
	struct pollfd p;

	start(&s, _i, "workers = 1\ndrain_timeout = 1min", "", "");
	client_open(&other, &s.rig, STREAM);
	filler_fill(&filler, &s.client);
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "wait 100 a", 10);
	client_send_frame(&other, RV_OP_CALL, 0, 2, "wait 150 b", 10);
	client_barrier(&other);
	wait_own_stat(&s, "requests", 1);
	rig_signal(&s.rig, SIGTERM);
	client_recv_frame(&other, &(struct reply){0}, 2, RV_STATUS_OK); /* so is the first */
	client_expect_eof(&other);
	p = (struct pollfd){.fd = s.rig.pidfd, .events = POLLIN};
	ck_assert_msg(poll(&p, 1, 200) == 0, "it ends, and owes a reply");
	filler_take(&filler, &s.client);
	client_recv_frame(&s.client, &(struct reply){0}, 1, RV_STATUS_OK);
	ck_assert_int_eq(rig_wait_exit(&s.rig), 0);
	client_close(&other);
	scene_close(&s);
}
END_TEST

static TCase *running(void)
{
	TCase *t = tcase_create("running");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, service_is_retired_before_it_answers, 0, TRANSPORTS);
	tcase_add_loop_test(t, empty_request_is_owed_a_reply, STREAM, SEQPACKET + 1);
	tcase_add_loop_test(t, empty_requests_are_limited, STREAM, SEQPACKET + 1);
	tcase_add_loop_test(t, idle_time_begins_with_the_reply, STREAM, SEQPACKET + 1);
	tcase_add_test(t, not_slow_by_a_stale_clock);
	tcase_add_loop_test(t, late_replies_wait_for_their_reader, STREAM, SEQPACKET + 1);
	tcase_add_loop_test(t, a_reply_that_is_lost_ends_the_connection, STREAM, SEQPACKET + 1);
	return t;
}

static TCase *drain(void)
{
	TCase *t = tcase_create("drain");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, drain_ends_with_the_last_line, STREAM, SEQPACKET + 1);
	tcase_add_loop_test(t, drain_waits_for_a_full_channel, FIFO, MQUEUE + 1);
	return t;
}

int main(void)
{
	Suite *s = suite_create("regressions_late");

	suite_add_tcase(s, running());
	suite_add_tcase(s, drain());
	return stage_run(s);
}
