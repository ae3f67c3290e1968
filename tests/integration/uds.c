/* What Unix sockets must survive: names, identities, bad streams, bad peers. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/pump.h"
#include "common/scene.h"
#include "common/stage.h"
#include "util/fd.h"
#include "util/macro.h"

#define FAR_UID 4000000000u /* over INT_MAX */

static void expect_start_refused(struct rig *rig, const char *says)
{
	int status;

	rig_launch(rig, &(struct launch){.early = true});
	status = rig_wait_exit(rig);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	ck_assert_msg(rig_log_has(rig, says), "the log does not say %s", says);
}

/* Names. */

START_TEST(stale_socket_after_sigkill)
{
	struct scene s;

	scene_open(&s, _i, "");
	rig_signal(&s.rig, SIGKILL);
	rig_wait_exit(&s.rig);
	client_expect_eof(&s.client);
	client_close(&s.client);
	ck_assert(rig_has(&s.rig, "stream.sock"));
	rig_launch(&s.rig, NULL);
	client_open(&s.client, &s.rig, (enum transport)_i);
	client_expect_call(&s.client, 1, "uno", "onu");
	client_close(&s.client);
	rig_stop(&s.rig);
	ck_assert(!rig_has(&s.rig, "stream.sock"));
	ck_assert(!rig_has(&s.rig, "seqpacket.sock"));
	rig_finish(&s.rig);
}
END_TEST

START_TEST(second_daemon_is_refused)
{
	CLEANUP_FREE char *config = NULL;
	struct scene s;
	struct rig second;

	scene_open(&s, STREAM, "");
	rig_init(&second);
	ck_assert_int_gt(asprintf(&config,
				 "[endpoint.stream]\ntransport = uds\n"
				 "path = %s/stream.sock\n",
				 s.rig.dir),
		0);
	rig_write(&second, "revd.conf", config);
	expect_start_refused(&second, "stream.sock");
	client_expect_call(&s.client, 1, "uno", "onu");
	client_close(&s.client);
	client_open(&s.client, &s.rig, STREAM);
	client_expect_call(&s.client, 2, "dos", "sod");
	rig_finish(&second);
	scene_close(&s);
}
END_TEST

START_TEST(name_that_is_no_socket)
{
	CLEANUP_FREE char *text = NULL;
	char path[RIG_PATH];
	struct rig rig;
	size_t n;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	rig_write(&rig, "stream.sock", "victim");
	expect_start_refused(&rig, "stream.sock");
	ck_assert_int_eq(fd_read_file(rig_path(&rig, "stream.sock", path), 100, &text, &n), 0);
	ck_assert_str_eq(text, "victim");
	rig_finish(&rig);
}
END_TEST

START_TEST(socket_modes)
{
	char path[RIG_PATH];
	struct stat st;
	struct rig rig;

	rig_start(&rig, "[endpoint.a]\ntransport = uds\npath = @DIR@/a\n"
			"[endpoint.b]\ntransport = uds\npath = @DIR@/b\nmode = 0604\n");
	ck_assert_int_eq(lstat(rig_path(&rig, "a", path), &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFSOCK | 0660);
	ck_assert_int_eq(lstat(rig_path(&rig, "b", path), &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFSOCK | 0604);
	rig_finish(&rig);
}
END_TEST

START_TEST(abstract_names)
{
	struct client c;
	struct rig rig;
	char name[96];

	rig_start(&rig,
		"[endpoint.a]\ntransport = uds\npath = @@QUEUE@\n"
		"[endpoint.b]\ntransport = uds\ntype = seqpacket\npath = @@QUEUE@-packets\n");
	snprintf(name, sizeof name, "@%s", rig.queue);
	client_open_at(&c, STREAM, name);
	client_expect_text(&c, "uno", "onu");
	client_close(&c);
	snprintf(name, sizeof name, "@%s-packets", rig.queue);
	client_open_at(&c, SEQPACKET, name);
	client_expect_text(&c, "dos", "sod");
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

/* Somebody replaced the socket: what he made stays when the daemon ends. */
START_TEST(socket_name_replaced)
{
	char path[RIG_PATH];
	struct scene s;

	scene_open(&s, STREAM, "");
	ck_assert_int_eq(unlink(rig_path(&s.rig, "stream.sock", path)), 0);
	rig_write(&s.rig, "stream.sock", "victim");
	client_expect_call(&s.client, 1, "uno", "onu");
	client_close(&s.client);
	rig_stop(&s.rig);
	ck_assert(rig_has(&s.rig, "stream.sock"));
	rig_finish(&s.rig);
}
END_TEST

/* Identities. */

/* In a child that is the user: what he gets for his request, as its exit code:
 * the status of the reply. */
static int call_as(const struct rig *rig, uid_t uid, gid_t gid, enum transport transport)
{
	struct client c;
	struct reply r;
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0) {
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}
	if (setgroups(0, NULL) < 0 || setgid(gid) < 0 || setuid(uid) < 0) {
		_exit(100);
	}
	client_open(&c, rig, transport);
	client_send_frame(&c, RV_OP_CALL, 0, 1, "uno", 3);
	client_recv(&c, &r);
	if (r.head.code != RV_STATUS_OK) {
		client_expect_eof(&c);
	}
	_exit(r.frame ? r.head.code : 101);
}

START_TEST(allow_users)
{
	struct rig rig;

	rig_start(&rig, "[endpoint.stream]\ntransport = uds\nmode = 0666\n"
			"path = @DIR@/stream.sock\nallow_users = root, 4000000000\n"
			"[endpoint.seqpacket]\ntransport = uds\nmode = 0666\ntype = seqpacket\n"
			"path = @DIR@/seqpacket.sock\nallow_users = 4000000000\n"
			"allow_groups = 77 78\n");
	ck_assert_int_eq(call_as(&rig, 0, 0, STREAM), RV_STATUS_OK);
	ck_assert_int_eq(call_as(&rig, FAR_UID, FAR_UID, STREAM), RV_STATUS_OK);
	ck_assert_int_eq(call_as(&rig, FAR_UID, FAR_UID, SEQPACKET), RV_STATUS_OK);
	ck_assert_int_eq(call_as(&rig, RIG_UID, RIG_UID, STREAM), RV_STATUS_DENIED);
	ck_assert_int_eq(call_as(&rig, RIG_UID, RIG_UID, SEQPACKET), RV_STATUS_DENIED);
	ck_assert_int_eq(call_as(&rig, RIG_UID, 78, SEQPACKET), RV_STATUS_OK);
	ck_assert_int_eq(call_as(&rig, FAR_UID - 1, 79, SEQPACKET), RV_STATUS_DENIED);
	ck_assert_int_eq(call_as(&rig, RIG_UID, 78, STREAM), RV_STATUS_DENIED);
	rig_finish(&rig);
}
END_TEST

START_TEST(denied_line)
{
	struct client c;
	struct rig rig;

	rig_start(&rig, "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"
			"allow_users = 65533\n");
	client_open(&c, &rig, STREAM);
	client_send_text(&c, "uno");
	client_expect_nak(&c, "denied", NULL);
	client_expect_eof(&c);
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

/* Streams that can't be cut, and messages that stand for themselves. */

static const struct rv_frame bad_headers[] = {
	{.version = 2, .id = 1},
	{.version = 0, .id = 2},
	{.version = 255, .id = 3},
	{.version = 1, .flags = 0x04, .id = 4},
	{.version = 1, .flags = 0x40, .id = 5},
	{.version = 1, .flags = RV_FRAME_REPLY, .id = 6},
	{.version = 1, .flags = 0xff, .id = UINT64_MAX},
};

START_TEST(malformed_header_ends_a_stream)
{
	uint8_t buf[RV_FRAME_HEADER];
	struct scene s;
	struct reply r;

	scene_open(&s, STREAM, "");
	client_send_frame(&s.client, RV_OP_CALL, 0, 99, "antes", 5);
	rv_frame_store(buf, &bad_headers[_i]);
	client_send(&s.client, buf, sizeof buf);
	client_recv_frame(&s.client, &r, 99, RV_STATUS_OK);
	client_recv(&s.client, &r);
	ck_assert(r.frame);
	ck_assert_uint_eq(r.head.code, RV_STATUS_MALFORMED);
	client_expect_eof(&s.client);
	scene_close(&s);
}
END_TEST

START_TEST(malformed_packet_stands_alone)
{
	uint8_t buf[RV_FRAME_HEADER];
	struct scene s;
	struct reply r;

	scene_open(&s, SEQPACKET, "");
	rv_frame_store(buf, &bad_headers[_i]);
	client_send(&s.client, buf, sizeof buf);
	client_recv_frame(&s.client, &r, bad_headers[_i].id, RV_STATUS_MALFORMED);
	client_expect_call(&s.client, 2, "uno", "onu");
	scene_close(&s);
}
END_TEST

/* The length of a packet's frame is that of the packet, or it is malformed. */
START_TEST(packets_with_lying_lengths)
{
	static const uint32_t lengths[] = {0, 2, 4, 1u << 20, 1u << 31, UINT32_MAX};
	struct scene s;

	scene_open(&s, SEQPACKET, "");
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct rv_frame f = {.version = 1, .length = lengths[i], .id = i};
		uint8_t buf[RV_FRAME_HEADER + 3] = {0};
		struct reply r;

		rv_frame_store(buf, &f);
		memcpy(buf + RV_FRAME_HEADER, "uno", 3);
		client_send(&s.client, buf, sizeof buf);
		client_recv_frame(&s.client, &r, i, RV_STATUS_MALFORMED);
	}
	client_send(&s.client, "\xff", 1);
	client_recv_frame(&s.client, &(struct reply){0}, 0, RV_STATUS_MALFORMED);
	client_expect_call(&s.client, 2, "uno", "onu");
	scene_close(&s);
}
END_TEST

/* Nobody sends 2 GiB: the reply says too-large, the connection waits for the
 * rest, no memory is taken for it, and others are served. */
START_TEST(stream_with_a_lying_length)
{
	static const uint32_t lengths[] = {1u << 31, UINT32_MAX};
	uint8_t buf[RV_FRAME_HEADER];
	struct rv_frame f = {.version = 1, .length = lengths[_i], .id = 7};
	struct client evil;
	struct scene s;
	struct reply r;
	size_t before;

	scene_open(&s, STREAM, "");
	client_expect_call(&s.client, 1, "uno", "onu");
	before = rig_memory(&s.rig);
	client_open(&evil, &s.rig, STREAM);
	rv_frame_store(buf, &f);
	client_send(&evil, buf, sizeof buf);
	client_recv_frame(&evil, &r, 7, RV_STATUS_TOO_LARGE);
	for (int i = 0; i < 100; i++) {
		static const char rest[65536];

		client_send(&evil, rest, sizeof rest);
		client_expect_call(&s.client, 1, "uno", "onu");
	}
	ck_assert_uint_lt(rig_memory(&s.rig), before + (4u << 20));
	client_close(&evil);
	scene_close(&s);
}
END_TEST

START_TEST(bad_tokens_on_sockets)
{
	uint8_t buf[RV_FRAME_HEADER + 300];
	char token[255];
	struct scene s;
	struct reply r;

	memset(token, '/', sizeof token);
	scene_open(&s, SEQPACKET, "");
	for (size_t n = 0; n < sizeof token; n += 51) {
		client_send(
			&s.client, buf, client_build_token(buf, RV_OP_CALL, n, token, n, "uno", 3));
		client_recv_frame(&s.client, &r, n, RV_STATUS_MALFORMED);
	}
	client_expect_call(&s.client, 2, "uno", "onu");
	scene_close(&s);
}
END_TEST

/* Larger than anything the daemon reads at once: an error, then the next. */
START_TEST(packet_too_large)
{
	static char text[180000];
	struct scene s;

	scene_open(&s, SEQPACKET, "max_request = 4K");
	memset(text, 'x', sizeof text);
	client_send(&s.client, text, sizeof text);
	client_expect_nak(&s.client, "too-large", NULL);
	client_send_frame(&s.client, RV_OP_CALL, 0, 5, text, sizeof text);
	client_recv_frame(&s.client, &(struct reply){0}, 5, RV_STATUS_TOO_LARGE);
	client_expect_call(&s.client, 2, "uno", "onu");
	scene_close(&s);
}
END_TEST

/* Peers that come and go. */

START_TEST(half_close_after_many)
{
	enum { N = 20000 };
	CLEANUP_FREE char *all = malloc(N * 8);
	struct scene s;
	struct reply r;
	size_t n = 0, sent = 0;

	for (int i = 0; i < N; i++) {
		n += (size_t)snprintf(all + n, 8, "%05d\n", i);
	}
	scene_open(&s, STREAM, "");
	for (int i = 0; i < N; i++) {
		while (sent < n) {
			ssize_t k = client_try_send(&s.client, all + sent, n - sent);

			if (k < 0) {
				ck_assert_int_eq(k, -EAGAIN);
				break;
			}
			sent += (size_t)k;
			if (sent == n) {
				client_half_close(&s.client);
			}
		}
		client_recv_line(&s.client, &r);
		ck_assert_uint_eq(r.n, 6);
	}
	client_expect_eof(&s.client);
	scene_close(&s);
}
END_TEST

START_TEST(client_gone_in_mid_reply)
{
	static char text[900000];
	struct scene s;

	memset(text, 'x', sizeof text);
	scene_open(&s, STREAM, "");
	for (uint64_t i = 0; i < 20; i++) {
		struct client gone;

		client_open(&gone, &s.rig, (enum transport)_i);
		client_send_large(&gone, RV_OP_PING, i, text, _i == STREAM ? sizeof text : 90000);
		if (i % 2) {
			client_recv(&gone, &(struct reply){0});
		}
		client_close(&gone);
		client_expect_call(&s.client, i, "uno", "onu");
	}
	scene_close(&s);
}
END_TEST

/* The daemon's own connection is the only one left in the end. */
START_TEST(descriptors_come_back)
{
	struct client many[200];
	struct scene s;
	size_t before;

	scene_open(&s, STREAM, "");
	client_expect_call(&s.client, 1, "uno", "onu");
	before = rig_fd_count(&s.rig);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		client_open(&many[i], &s.rig, i % 2 ? STREAM : SEQPACKET);
		client_expect_call(&many[i], i, "uno", "onu");
	}
	/* in `before` there may be one more, that was on its way out */
	ck_assert_uint_ge(rig_fd_count(&s.rig) + 1, before + ARRAY_SIZE(many));
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		client_half_close(&many[i]);
		client_expect_eof(&many[i]);
		client_close(&many[i]);
	}
	client_barrier(&s.client);
	ck_assert_uint_le(rig_fd_count(&s.rig), before);
	scene_close(&s);
}
END_TEST

static void send_descriptors(struct client *c, int fd, const void *data, size_t n)
{
	union {
		char buf[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov = {(void *)(uintptr_t)data, n};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof control.buf};
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
	int fds[8];
	ssize_t k;

	for (int i = 0; i < 8; i++) {
		fds[i] = fd;
	}
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(h), fds, sizeof fds);
	k = sendmsg(c->out, &msg, MSG_NOSIGNAL);
	/* EPERM: the daemon's socket refuses descriptors (SO_PASSRIGHTS) */
	ck_assert_msg(k == (ssize_t)n || errno == EPERM, "sendmsg: %s", strerror(errno));
	if (k < 0) {
		client_send(c, data, n);
	}
}

START_TEST(flood_of_descriptors)
{
	CLEANUP_FD int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct scene s;
	struct reply r;
	size_t before;

	scene_open(&s, _i, "");
	client_expect_call(&s.client, 1, "uno", "onu");
	before = rig_fd_count(&s.rig);
	for (int i = 0; i < 200; i++) {
		send_descriptors(&s.client, fd, "hola\n", 5);
		client_recv_line(&s.client, &r);
		ck_assert_uint_eq(r.n, 5);
	}
	ck_assert_uint_le(rig_fd_count(&s.rig), before);
	scene_close(&s);
}
END_TEST

static TCase *as_root(void)
{
	TCase *t = stage_tcase("users");

	tcase_add_test(t, allow_users);
	tcase_add_test(t, denied_line);
	return t;
}

static TCase *names(void)
{
	TCase *t = stage_tcase("names");

	tcase_add_loop_test(t, stale_socket_after_sigkill, STREAM, SEQPACKET + 1);
	tcase_add_test(t, second_daemon_is_refused);
	tcase_add_test(t, name_that_is_no_socket);
	tcase_add_test(t, socket_modes);
	tcase_add_test(t, abstract_names);
	tcase_add_test(t, socket_name_replaced);
	return t;
}

static TCase *content(void)
{
	TCase *t = stage_tcase("content");

	tcase_add_loop_test(t, malformed_header_ends_a_stream, 0, ARRAY_SIZE(bad_headers));
	tcase_add_loop_test(t, malformed_packet_stands_alone, 0, ARRAY_SIZE(bad_headers));
	tcase_add_test(t, packets_with_lying_lengths);
	tcase_add_loop_test(t, stream_with_a_lying_length, 0, 2);
	tcase_add_test(t, bad_tokens_on_sockets);
	tcase_add_test(t, packet_too_large);
	return t;
}

static TCase *peers(void)
{
	TCase *t = stage_tcase("peers");

	tcase_add_test(t, half_close_after_many);
	tcase_add_loop_test(t, client_gone_in_mid_reply, STREAM, SEQPACKET + 1);
	tcase_add_test(t, descriptors_come_back);
	tcase_add_loop_test(t, flood_of_descriptors, STREAM, SEQPACKET + 1);
	return t;
}

int main(void)
{
	Suite *s = suite_create("uds");

	suite_add_tcase(s, names());
	suite_add_tcase(s, content());
	suite_add_tcase(s, peers());
	if (geteuid() == 0) { /* becoming other users */
		suite_add_tcase(s, as_root());
	}
	return stage_run(s);
}
