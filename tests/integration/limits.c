/* Limits: reached on purpose, counted, and nobody else notices. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/macro.h"

/* A stream endpoint with the keys, and one without for asking and standing by. */
static void start(struct scene *s, int transport, const char *keys)
{
	CLEANUP_FREE char *config = NULL;
	char path[RIG_PATH];

	ck_assert_int_gt(asprintf(&config,
				 "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"
				 "[endpoint.limited]\ntransport = uds\ntype = %s\n"
				 "path = @DIR@/limited\nmode = 0666\n%s\n",
				 transport == STREAM ? "stream" : "seqpacket", keys),
		0);
	rig_start(&s->rig, config);
	client_open_at(&s->client, (enum transport)transport, rig_path(&s->rig, "limited", path));
}

static void open_limited(struct client *c, const struct rig *rig, int transport)
{
	char path[RIG_PATH];

	client_open_at(c, (enum transport)transport, rig_path(rig, "limited", path));
}

START_TEST(max_peers)
{
	struct client others[3];
	struct scene s;

	start(&s, _i, "max_peers = 2");
	client_expect_call(&s.client, 1, "uno", "onu");
	open_limited(&others[0], &s.rig, _i);
	client_expect_call(&others[0], 1, "dos", "sod");
	for (int i = 1; i < 3; i++) { /* told why, as a frame and as a line */
		open_limited(&others[i], &s.rig, _i);
	}
	client_send_frame(&others[1], RV_OP_CALL, 0, 7, "tres", 4);
	client_recv_frame(&others[1], &(struct reply){0}, 7, RV_STATUS_BUSY);
	client_expect_eof(&others[1]);
	client_send_text(&others[2], "tres");
	client_expect_nak(&others[2], "busy", NULL);
	client_expect_eof(&others[2]);
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.limited.refused"), 2);
	for (int i = 0; i < 3; i++) {
		client_close(&others[i]);
	}
	client_expect_call(&s.client, 2, "cuatro", "ortauc");
	client_barrier(&s.client);
	open_limited(&others[0], &s.rig, _i); /* there is room again */
	client_expect_call(&others[0], 1, "dos", "sod");
	client_close(&others[0]);
	scene_close(&s);
}
END_TEST

/* Silent connections of one user fill his share; another user is served. */
START_TEST(max_peers_per_uid)
{
	struct client mine[4], refused;
	struct scene s;
	int status;
	pid_t pid;

	start(&s, _i, "max_peers_per_uid = 5");
	client_expect_call(&s.client, 1, "uno", "onu");
	for (int i = 0; i < 4; i++) {
		open_limited(&mine[i], &s.rig, _i);
	}
	open_limited(&refused, &s.rig, _i);
	client_send_frame(&refused, RV_OP_CALL, 0, 7, "dos", 3);
	client_recv_frame(&refused, &(struct reply){0}, 7, RV_STATUS_BUSY);
	client_close(&refused);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (setgid(RIG_UID) < 0 || setuid(RIG_UID) < 0) {
			_exit(2);
		}
		open_limited(&refused, &s.rig, _i);
		client_expect_call(&refused, 1, "tres", "sert");
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	for (int i = 0; i < 4; i++) {
		client_close(&mine[i]);
	}
	scene_close(&s);
}
END_TEST

/* More refused connections at once than the daemon cares to talk to. */
START_TEST(a_crowd_that_is_refused)
{
	struct client crowd[150];
	struct scene s;

	start(&s, _i, "max_peers = 1");
	client_expect_call(&s.client, 1, "uno", "onu");
	for (size_t i = 0; i < ARRAY_SIZE(crowd); i++) {
		open_limited(&crowd[i], &s.rig, _i);
	}
	client_expect_call(&s.client, 1, "uno", "onu");
	for (size_t i = 0; i < ARRAY_SIZE(crowd); i++) {
		client_expect_eof(&crowd[i]); /* they ask nothing, and are let go */
		client_close(&crowd[i]);
	}
	client_expect_call(&s.client, 1, "uno", "onu");
	scene_close(&s);
}
END_TEST

START_TEST(idle_timeout)
{
	struct client busy;
	struct scene s;
	struct pollfd p;

	start(&s, _i, "idle_timeout = 1s");
	open_limited(&busy, &s.rig, _i);
	client_expect_call(&s.client, 1, "uno", "onu");
	p = (struct pollfd){.fd = s.client.out, .events = POLLIN};
	for (uint64_t i = 0; poll(&p, 1, 50) == 0; i++) { /* until the silent one is cut */
		client_expect_call(&busy, i, "dos", "sod");
	}
	client_expect_eof(&s.client);
	client_expect_call(&busy, 1, "dos", "sod");
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.limited.idle_cut"), 1);
	client_close(&busy);
	scene_close(&s);
}
END_TEST

/* Sends and never receives, until the daemon has blocked peers in all. */
static void send_deaf(const struct rig *rig, struct client *c, int64_t blocked)
{
	static char text[4000];

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\n';
	do {
		while (client_try_send(c, text, sizeof text) > 0) {
		}
	} while (client_stat(rig, "endpoints.limited.blocked") < blocked);
}

START_TEST(slow_readers_are_cut)
{
	struct client deaf[50];
	struct client honest;
	struct scene s;

	start(&s, _i, "slow_timeout = 200ms");
	client_open(&honest, &s.rig, STREAM);
	for (size_t i = 0; i < ARRAY_SIZE(deaf); i++) {
		open_limited(&deaf[i], &s.rig, _i);
		send_deaf(&s.rig, &deaf[i], (int64_t)i + 1);
		client_expect_call(&honest, i, "uno", "onu");
	}
	client_wait_stat(&s.rig, "endpoints.limited.slow_cut", ARRAY_SIZE(deaf));
	/* 50 readers: what each may have unsent, and the daemon itself */
	ck_assert_uint_lt(rig_memory(&s.rig), 128u << 20);
	client_expect_call(&honest, 1, "uno", "onu");
	client_expect_call(&s.client, 1, "uno", "onu");
	for (size_t i = 0; i < ARRAY_SIZE(deaf); i++) {
		client_close(&deaf[i]);
	}
	client_close(&honest);
	scene_close(&s);
}
END_TEST

/* One that reads slowly but does read is no slow reader. */
START_TEST(a_reader_with_progress_is_kept)
{
	enum { N = 2000 };
	static char text[1001];
	struct scene s;
	struct reply r;
	int sent = 0;

	start(&s, _i, "slow_timeout = 1s");
	memset(text, 'x', sizeof text);
	text[1000] = '\n';
	while (sent < N && client_try_send(&s.client, text, sizeof text) == sizeof text) {
		sent++;
	}
	ck_assert_int_gt(sent, 10);
	for (int i = 0; i < 10; i++) { /* a reader who has other things to do */
		poll(NULL, 0, 200);
		for (int k = 0; k < sent / 10; k++) {
			client_recv_line(&s.client, &r);
			ck_assert_uint_eq(r.n, sizeof text);
		}
	}
	scene_close(&s);
}
END_TEST

/* No descriptor is left: those who are connected are served, the daemon does
 * not spin, and goes on when there is room. */
START_TEST(no_descriptors_left)
{
	enum { LIMIT = 64, CROWD = 100 };
	struct client crowd[CROWD];
	struct scene s;
	double cpu;

	rig_init(&s.rig);
	rig_write(&s.rig, "revd.conf", rig_all);
	rig_launch(&s.rig, &(struct launch){.nofile = LIMIT});
	client_open(&s.client, &s.rig, (enum transport)_i);
	client_expect_call(&s.client, 1, "uno", "onu");
	for (int i = 0; i < CROWD; i++) {
		client_open(&crowd[i], &s.rig, (enum transport)_i);
	}
	client_expect_call(&s.client, 1, "uno", "onu");
	cpu = rig_cpu_seconds(&s.rig);
	poll(NULL, 0, 400); /* not for something to happen: an interval is measured */
	ck_assert_double_lt(rig_cpu_seconds(&s.rig) - cpu, 0.1);
	client_expect_call(&s.client, 1, "uno", "onu");
	for (int i = 0; i < CROWD; i++) {
		client_close(&crowd[i]);
	}
	client_open(&crowd[0], &s.rig, (enum transport)_i);
	client_expect_call(&crowd[0], 2, "dos", "sod");
	client_close(&crowd[0]);
	scene_close(&s);
}
END_TEST

/* Many messages begun and none ended: busy, not memory without end. */
START_TEST(too_many_partial_messages)
{
	enum { N = 20000 };
	static char text[800];
	struct scene s;
	struct reply r;
	size_t busy = 0, before;

	scene_open(&s, _i, "max_request = 64K");
	memset(text, 'x', sizeof text);
	client_barrier(&s.client);
	before = rig_memory(&s.rig);
	for (uint64_t i = 0; i < N; i++) {
		client_send_frame(&s.client, RV_OP_CALL, RV_FRAME_MORE, i, text, sizeof text);
		while (client_readable(&s.client)) {
			client_recv(&s.client, &r);
			ck_assert_uint_eq(r.head.code, RV_STATUS_BUSY);
			busy++;
		}
	}
	ck_assert_uint_gt(busy, 0);
	ck_assert_uint_lt(rig_memory(&s.rig), before + (8u << 20));
	scene_close(&s);
}
END_TEST

/* More clients by turns than the endpoint keeps reply descriptors for. */
START_TEST(reply_descriptors_are_taken_back)
{
	enum { N = 20 };
	struct client all[N];
	struct scene s;
	size_t fds = 0;

	rig_start(&s.rig, "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"
			  "[endpoint.fifo]\ntransport = fifo\npath = @DIR@/fifo\nmax_peers = 4\n"
			  "[endpoint.mqueue]\ntransport = mqueue\nqueue = @QUEUE@\n"
			  "message_size = 1K\nmax_peers = 4\n");
	client_open(&s.client, &s.rig, STREAM);
	for (int round = 0; round < 5; round++) {
		for (uint64_t i = 0; i < N; i++) {
			if (round == 0) {
				client_open(&all[i], &s.rig, (enum transport)_i);
			}
			client_expect_call(&all[i], i, "uno", "onu");
		}
		fds = round == 0 ? rig_fd_count(&s.rig) : fds;
	}
	ck_assert_uint_le(rig_fd_count(&s.rig), fds + 1);
	for (int i = 0; i < N; i++) {
		client_close(&all[i]);
	}
	scene_close(&s);
}
END_TEST

/* The same where it is the kernel that gives no more. */
START_TEST(reply_descriptors_run_out)
{
	enum { LIMIT = 48, N = 60 };
	static struct client all[N];
	struct scene s;

	rig_init(&s.rig);
	rig_write(&s.rig, "revd.conf", rig_all);
	rig_launch(&s.rig, &(struct launch){.nofile = LIMIT});
	client_open(&s.client, &s.rig, FIFO);
	for (uint64_t i = 0; i < N; i++) {
		client_open(&all[i], &s.rig, FIFO);
		client_expect_call(&all[i], i, "uno", "onu");
	}
	client_expect_call(&s.client, 1, "uno", "onu");
	for (int i = 0; i < N; i++) {
		client_close(&all[i]);
	}
	scene_close(&s);
}
END_TEST

START_TEST(two_thousand_connections)
{
	enum { N = 2000 };
	static struct client all[N];
	struct rlimit files;
	struct scene s;
	size_t before;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	ck_assert_uint_ge(files.rlim_max, N + 100);
	files.rlim_cur = files.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	start(&s, _i, "max_peers = 3000");
	client_expect_call(&s.client, 1, "uno", "onu");
	before = rig_memory(&s.rig);
	for (uint64_t i = 0; i < N; i++) {
		open_limited(&all[i], &s.rig, _i);
	}
	for (uint64_t i = 0; i < N; i++) {
		client_send_frame(&all[i], RV_OP_CALL, 0, i, "uno", 3);
	}
	for (uint64_t i = 0; i < N; i++) {
		client_recv_frame(&all[i], &(struct reply){0}, i, RV_STATUS_OK);
		client_close(&all[i]);
	}
	ck_assert_uint_lt(rig_memory(&s.rig), before + (16u << 20));
	scene_close(&s);
}
END_TEST

static TCase *sockets(void)
{
	TCase *t = stage_tcase("sockets");

	tcase_add_loop_test(t, max_peers, STREAM, SEQPACKET + 1);
	tcase_add_loop_test(t, a_crowd_that_is_refused, STREAM, SEQPACKET + 1);
	tcase_add_loop_test(t, two_thousand_connections, STREAM, SEQPACKET + 1);
	tcase_add_loop_test(t, idle_timeout, STREAM, SEQPACKET + 1);
	tcase_add_loop_test(t, slow_readers_are_cut, STREAM, SEQPACKET + 1);
	tcase_add_loop_test(t, a_reader_with_progress_is_kept, STREAM, SEQPACKET + 1);
	tcase_add_loop_test(t, no_descriptors_left, STREAM, SEQPACKET + 1);
	if (geteuid() == 0) { /* becoming another user */
		tcase_add_loop_test(t, max_peers_per_uid, STREAM, SEQPACKET + 1);
	}
	return t;
}

int main(void)
{
	Suite *s = suite_create("limits");
	TCase *t = stage_tcase("all");

	tcase_add_loop_test(t, too_many_partial_messages, 0, TRANSPORTS);
	tcase_add_loop_test(t, reply_descriptors_are_taken_back, FIFO, MQUEUE + 1);
	tcase_add_test(t, reply_descriptors_run_out);
	suite_add_tcase(s, t);
	suite_add_tcase(s, sockets());
	return stage_run(s);
}
