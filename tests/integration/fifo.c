/*
 * What a shared FIFO must survive: torn writes, lying headers, dead and deaf
 * readers. An honest client stands beside and must not notice.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/scene.h"
#include "common/stage.h"
#include "util/macro.h"

#define TORN "endpoints.fifo.torn"

/* A good request, answered or not, never wrongly. */
static size_t count_answers(struct client *c, size_t n)
{
	struct reply r;
	size_t good = 0;

	client_send_frame(c, RV_OP_PING, 0, UINT64_MAX, "", 0);
	for (;;) {
		client_recv(c, &r);
		ck_assert(r.frame);
		if (r.head.id == UINT64_MAX) {
			return good;
		}
		ck_assert_uint_lt(r.head.id, n);
		ck_assert_uint_eq(r.head.code, RV_STATUS_OK);
		ck_assert_uint_eq(r.n, 4);
		ck_assert_mem_eq(r.data, "aloh", 4);
		good++;
	}
}

/* More than a read takes waits in the pipe, so reads cut frames. */
START_TEST(frames_that_reads_cut)
{
	enum { N = 40, WHOLE = 4096 };
	uint8_t payload[WHOLE], buf[WHOLE];
	struct reply r;
	struct scene s;
	size_t n;

	scene_open(&s, FIFO, "");
	client_barrier(&s.client);
	memset(payload, 'x', sizeof payload);
	n = WHOLE - RV_FRAME_HEADER - 1 - strlen(s.client.token);
	rig_signal(&s.rig, SIGSTOP);
	client_send_frame(&s.client, RV_OP_PING, 0, N + 1, payload, 777);
	for (uint64_t id = 0; id < N; id++) {
		ck_assert_uint_eq(
			client_build(&s.client, buf, RV_OP_PING, 0, id, payload, n), WHOLE);
		client_send(&s.client, buf, WHOLE);
	}
	rig_signal(&s.rig, SIGCONT);
	client_recv_frame(&s.client, &r, N + 1, RV_STATUS_OK);
	for (uint64_t id = 0; id < N; id++) {
		client_recv_frame(&s.client, &r, id, RV_STATUS_OK);
		ck_assert_uint_eq(r.n, n);
		ck_assert_mem_eq(r.data, payload, n);
	}
	ck_assert_int_eq(client_stat(&s.rig, TORN), 0);
	scene_close(&s);
}
END_TEST

/* A frame whose payload is another one may be a header with a length that reaches over
 * somebody else's: so it is the other one that is served. */
START_TEST(frames_that_hold_frames)
{
	uint8_t payload[200];
	struct reply r;
	struct scene s;
	size_t n;

	scene_open(&s, FIFO, "");
	n = client_build(&s.client, payload, RV_OP_CALL, 0, 7, "hola", 4);
	memcpy(payload + n, "whatever", 8);
	client_send_frame(&s.client, RV_OP_PING, 0, 8, payload, n + 8);
	client_recv_frame(&s.client, &r, 7, RV_STATUS_OK);
	ck_assert_mem_eq(r.data, "aloh", 4);
	client_expect_call(&s.client, 9, "uno", "onu");
	ck_assert_int_ge(client_stat(&s.rig, TORN), 1);
	scene_close(&s);
}
END_TEST

static const struct {
	const char *what;
	size_t payload; /* of the frame that is begun */
	size_t cut;     /* its bytes that are written */
} halves[] = {{"header alone", 100, 16}, {"half a header", 100, 7}, {"the magic", 100, 1},
	{"half of the token", 100, 30}, {"half of the payload", 3000, 2000},
	{"all but a byte", 3000, 3048}};

START_TEST(half_a_frame_then_a_thousand)
{
	enum { N = 1000 };
	uint8_t buf[4096];
	struct scene s;
	struct client evil;
	char text[3000];
	size_t n, good = 0;

	scene_open(&s, FIFO, "");
	client_open(&evil, &s.rig, FIFO);
	memset(text, 'x', sizeof text);
	n = client_build(&evil, buf, RV_OP_CALL, 0, 1, text, halves[_i].payload);
	ck_assert_uint_lt(halves[_i].cut, n);
	client_send(&evil, buf, halves[_i].cut);
	for (uint64_t i = 0; i < N; i++) {
		client_send_frame(&s.client, RV_OP_CALL, 0, i, "hola", 4);
		if (i % 100 == 99) {
			good += count_answers(&s.client, N);
		}
	}
	good += count_answers(&s.client, N);
	ck_assert_msg(good == N, "after %s only %zu of %d are answered", halves[_i].what, good, N);
	ck_assert_int_ge(client_stat(&s.rig, TORN), 1);
	ck_assert(!client_readable(&evil));
	client_close(&evil);
	scene_close(&s);
}
END_TEST

START_TEST(half_a_line_then_frames)
{
	struct client evil;
	struct scene s;

	scene_open(&s, FIFO, "");
	client_open(&evil, &s.rig, FIFO);
	client_send(&evil, "half a line", 11);
	for (uint64_t i = 0; i < 100; i++) {
		client_expect_call(&s.client, i, "uno", "onu");
	}
	client_close(&evil);
	scene_close(&s);
}
END_TEST

static const struct {
	uint32_t length;
	uint8_t version, flags;
} lies[] = {{UINT32_C(1) << 31, 1, RV_FRAME_REPLY_TO}, {UINT32_MAX, 1, RV_FRAME_REPLY_TO},
	{0, 1, RV_FRAME_REPLY_TO}, {4081, 1, RV_FRAME_REPLY_TO}, {4, 2, RV_FRAME_REPLY_TO},
	{4, 0, 0}, {4, 1, 0x7c}, {4, 1, RV_FRAME_REPLY | RV_FRAME_REPLY_TO}, {4, 255, 255}};

START_TEST(lying_headers)
{
	uint8_t buf[RV_FRAME_HEADER];
	struct rv_frame f = {
		.version = lies[_i].version, .flags = lies[_i].flags, .length = lies[_i].length};
	struct client evil;
	struct scene s;

	scene_open(&s, FIFO, "");
	client_open(&evil, &s.rig, FIFO);
	rv_frame_store(buf, &f);
	for (uint64_t i = 0; i < 20; i++) {
		client_send(&evil, buf, sizeof buf);
		client_expect_call(&s.client, i, "uno", "onu");
	}
	client_close(&evil);
	scene_close(&s);
}
END_TEST

static void write_torn(struct client *c, uint64_t seed)
{
	uint8_t buf[9000];
	char text[8100];
	struct rv_frame f = {
		.version = RV_FRAME_VERSION, .flags = RV_FRAME_REPLY_TO, .id = 5000 + seed};
	size_t n;

	memset(text, 'z', sizeof text);
	text[777] = '\n';
	memcpy(text + 3000, "\xff\x01\x00\x02", 4);
	n = client_build(c, buf, RV_OP_CALL, 0, f.id, text, sizeof text);
	client_send(c, buf, n);
}

/* Two writers of more than PIPE_BUF, at once. */
static pid_t start_tearing(const struct rig *rig)
{
	struct client c;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		client_open(&c, rig, FIFO);
		for (uint64_t i = 0; i < 200; i++) {
			write_torn(&c, i);
		}
		client_close(&c);
		_exit(0);
	}
	return pid;
}

START_TEST(writes_over_pipe_buf)
{
	enum { N = 400 };
	pid_t pids[2];
	struct scene s;
	int status;

	scene_open(&s, FIFO, "");
	for (int i = 0; i < 2; i++) {
		pids[i] = start_tearing(&s.rig);
	}
	for (uint64_t i = 0; i < N; i++) {
		client_send_frame(&s.client, RV_OP_CALL, 0, i, "hola", 4);
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(count_answers(&s.client, N), N);
	client_expect_call(&s.client, 1, "uno", "onu");
	ck_assert_int_ge(client_stat(&s.rig, TORN), 1);
	scene_close(&s);
}
END_TEST

START_TEST(client_dead_before_its_reply)
{
	struct scene s;
	size_t fds = 0;

	scene_open(&s, FIFO, "");
	for (uint64_t i = 0; i < 50; i++) {
		struct client dead;

		client_open(&dead, &s.rig, FIFO);
		client_send_frame(&dead, RV_OP_CALL, 0, i, "hola", 4);
		client_close(&dead);
		client_expect_call(&s.client, i, "uno", "onu");
		if (i == 5) {
			fds = rig_fd_count(&s.rig);
		}
	}
	/* what it keeps open for later is bounded by what it can tell is dead */
	ck_assert_uint_le(rig_fd_count(&s.rig), fds + 50);
	scene_close(&s);
}
END_TEST

START_TEST(reply_fifo_full)
{
	struct client deaf;
	struct scene s;
	char text[2000];

	memset(text, 'x', sizeof text);
	rig_start(&s.rig, "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"
			  "[endpoint.fifo]\ntransport = fifo\npath = @DIR@/fifo\n"
			  "slow_timeout = 200ms\n");
	client_open(&s.client, &s.rig, FIFO);
	client_open(&deaf, &s.rig, FIFO);
	for (uint64_t i = 0; i < 300; i++) {
		client_send_frame(&deaf, RV_OP_PING, 0, i, text, sizeof text);
		client_expect_call(&s.client, i, "uno", "onu");
	}
	client_wait_stat(&s.rig, "endpoints.fifo.drops.output", 1);
	client_expect_call(&s.client, 1, "uno", "onu");
	client_close(&deaf);
	scene_close(&s);
}
END_TEST

/* Nobody reads PATH.out: those with frames must not notice. */
START_TEST(lines_that_nobody_reads)
{
	enum { N = 600 }; /* twice what PATH.out holds */
	static char line[4000];
	struct client deaf;
	struct scene s;

	scene_open(&s, FIFO, "drain_timeout = 100ms");
	client_open(&deaf, &s.rig, FIFO);
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	for (uint64_t i = 0; i < N; i++) {
		client_send(&deaf, line, sizeof line);
		client_expect_call(&s.client, i, "uno", "onu");
	}
	ck_assert_int_ge(client_stat(&s.rig, "endpoints.fifo.drops.output"), N / 4);
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.fifo.requests"), 2 * N);
	client_close(&deaf);
	scene_close(&s);
}
END_TEST

START_TEST(last_writer_leaves)
{
	enum { MS = 300 };
	struct scene s;
	double before;

	scene_open(&s, FIFO, "");
	client_expect_call(&s.client, 1, "uno", "onu");
	client_close(&s.client);
	before = rig_cpu_seconds(&s.rig);
	poll(NULL, 0, MS); /* not for something to happen: an interval is measured */
	ck_assert_double_lt(rig_cpu_seconds(&s.rig) - before, 0.1);
	client_open(&s.client, &s.rig, FIFO);
	client_expect_call(&s.client, 1, "uno", "onu");
	scene_close(&s);
}
END_TEST

static TCase *writers(void)
{
	TCase *t = stage_tcase("writers");

	tcase_add_test(t, frames_that_reads_cut);
	tcase_add_test(t, frames_that_hold_frames);
	tcase_add_loop_test(t, half_a_frame_then_a_thousand, 0, ARRAY_SIZE(halves));
	tcase_add_loop_test(t, lying_headers, 0, ARRAY_SIZE(lies));
	tcase_add_test(t, half_a_line_then_frames);
	tcase_add_test(t, writes_over_pipe_buf);
	tcase_add_test(t, client_dead_before_its_reply);
	tcase_add_test(t, reply_fifo_full);
	tcase_add_test(t, lines_that_nobody_reads);
	tcase_add_test(t, last_writer_leaves);
	return t;
}

int main(void)
{
	Suite *s = suite_create("fifo");

	suite_add_tcase(s, writers());
	return stage_run(s);
}
