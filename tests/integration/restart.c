/* A restart loses nothing: SIGUSR2, and SIGQUIT with a service manager that keeps descriptors.
 * And what a process does with things left to it that make no sense. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/fd.h"
#include "util/macro.h"

#define STREAM_HERE "[endpoint.stream]\ntransport = uds\nmode = 0666\npath = @DIR@/stream.sock\n"

/* SIGUSR2, and waits for the next process to serve. */
static void restart(const struct rig *rig)
{
	size_t from;

	free(rig_log(rig, &from));
	rig_signal(rig, SIGUSR2);
	rig_wait_log(rig, from, "serving ");
}

/* Requests of which a part was sent when the process changes. */
static void send_part(struct client *c, const uint8_t *frame, size_t n)
{
	if (c->transport == STREAM) {
		client_send(c, frame, n / 2);
	} else {
		client_send_frame(c, RV_OP_CALL, RV_FRAME_MORE, 7, "uno ", 4);
	}
}

static void send_rest(struct client *c, const uint8_t *frame, size_t n)
{
	if (c->transport == STREAM) {
		client_send(c, frame + n / 2, n - n / 2);
	} else {
		client_send_frame(c, RV_OP_CALL, 0, 7, "dos", 3);
	}
}

START_TEST(goes_on)
{
	struct reply reply;
	struct scene s;
	uint8_t frame[128];
	size_t n;

	scene_open(&s, _i, "");
	client_expect_call(&s.client, 1, "uno", "onu");
	n = client_build(&s.client, frame, RV_OP_CALL, 0, 7, "uno dos", 7);
	send_part(&s.client, frame, n);
	(void)client_stat(&s.rig, "pid"); /* it has read that by now */
	restart(&s.rig);
	send_rest(&s.client, frame, n);
	client_recv_frame(&s.client, &reply, 7, RV_STATUS_OK);
	ck_assert_uint_eq(reply.n, 7);
	ck_assert_mem_eq(reply.data, "sod onu", 7);
	restart(&s.rig);
	client_expect_call(&s.client, 8, "tres", "sert");
	client_expect_text(&s.client, "cuatro", "ortauc");
	scene_close(&s);
}
END_TEST

/* More than a socket holds: what the client has not taken goes over with it. */
START_TEST(replies_that_are_not_taken)
{
	enum { REQUESTS = 3000, SIZE = 500 };
	struct scene s;
	char line[SIZE + 2];
	struct reply reply;

	scene_open(&s, STREAM, "");
	for (int i = 0; i < REQUESTS; i++) {
		ssize_t k;

		snprintf(line, sizeof line, "%*d\n", SIZE, i);
		k = client_try_send(&s.client, line, SIZE + 1);
		if (k != SIZE + 1) {
			ck_assert_int_lt(k, 0);
			restart(&s.rig); /* now nothing moves any more */
			for (int j = 0; j < i; j++) {
				char want[SIZE + 2];

				snprintf(want, sizeof want, "%*d", SIZE, j);
				client_recv_line(&s.client, &reply);
				ck_assert_uint_eq(reply.n, SIZE + 1);
				for (int b = 0; b < SIZE; b++) {
					ck_assert_int_eq(reply.data[b], want[SIZE - 1 - b]);
				}
			}
			break;
		}
		ck_assert_int_lt(i, REQUESTS - 1);
	}
	client_expect_text(&s.client, "uno", "onu");
	scene_close(&s);
}
END_TEST

START_TEST(a_wrong_configuration)
{
	struct scene s;

	scene_open(&s, STREAM, "");
	rig_write(&s.rig, "revd.conf", "[endpoint.stream]\ntransprot = uds\n");
	rig_signal(&s.rig, SIGUSR2);
	rig_wait_log(&s.rig, 0, "does not run with this configuration, so this process goes on");
	ck_assert(rig_log_has(&s.rig, "did you mean 'transport'?"));
	client_expect_text(&s.client, "uno", "onu");
	rig_write(&s.rig, "revd.conf", STREAM_HERE);
	restart(&s.rig);
	client_expect_text(&s.client, "dos", "sod");
	scene_close(&s);
}
END_TEST

/* Its name is removed, and its clients see the end; others go on. */
START_TEST(an_endpoint_that_is_gone)
{
	struct client other;
	struct scene s;

	scene_open(&s, STREAM, "");
	client_open(&other, &s.rig, SEQPACKET);
	client_expect_text(&other, "uno", "onu");
	client_expect_text(&s.client, "uno", "onu");
	rig_write(&s.rig, "revd.conf", STREAM_HERE);
	restart(&s.rig);
	client_expect_eof(&other);
	client_close(&other);
	ck_assert(!rig_has(&s.rig, "seqpacket.sock"));
	ck_assert(!rig_has(&s.rig, "fifo"));
	ck_assert(!rig_has_queue(&s.rig, ""));
	ck_assert(rig_log_has(&s.rig, "it is not in the configuration any more, 1 peers end"));
	client_expect_text(&s.client, "dos", "sod");
	scene_close(&s);
}
END_TEST

START_TEST(another_number_of_workers)
{
	enum { CLIENTS = 9 };
	static const char *const workers[] = {"1", "3", "2", "1"};
	struct client c[CLIENTS];
	char text[256];
	struct rig rig;

	rig_start(&rig, "[revd]\nworkers = 2\n" STREAM_HERE);
	for (int i = 0; i < CLIENTS; i++) {
		client_open(&c[i], &rig, STREAM);
		client_expect_text(&c[i], "uno", "onu");
	}
	for (size_t k = 0; k < ARRAY_SIZE(workers); k++) {
		snprintf(text, sizeof text, "[revd]\nworkers = %s\n" STREAM_HERE, workers[k]);
		rig_write(&rig, "revd.conf", text);
		restart(&rig);
		for (int i = 0; i < CLIENTS; i++) {
			client_expect_text(&c[i], "dos", "sod");
		}
	}
	for (int i = 0; i < CLIENTS; i++) {
		client_close(&c[i]);
	}
	rig_finish(&rig);
}
END_TEST

/* At no time is the name gone, or nobody behind it. */
START_TEST(new_clients_all_the_time)
{
	struct client c;
	struct rig rig;

	rig_start(&rig, STREAM_HERE);
	for (int i = 0; i < 10; i++) {
		rig_signal(&rig, SIGUSR2);
		for (int k = 0; k < 20; k++) {
			client_open(&c, &rig, STREAM);
			client_expect_text(&c, "uno", "onu");
			client_close(&c);
		}
	}
	rig_finish(&rig);
}
END_TEST

/* A service manager that keeps what it is given. */

struct kept {
	int fds[8];
	size_t n;
};

/* The next message to the manager, with what came along. False: none came in time. */
static bool next_message(const struct rig *rig, char *text, size_t size, int *fds, size_t *n_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec iov = {text, size - 1};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof control.buf};
	struct pollfd p = {.fd = rig->notify, .events = POLLIN};
	ssize_t n = poll(&p, 1, 10000) > 0 ? recvmsg(rig->notify, &msg, MSG_CMSG_CLOEXEC) : -1;
	struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	*n_fds = c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
	if (n < 0) {
		return false;
	}
	text[n] = '\0';
	if (c) {
		memcpy(fds, CMSG_DATA(c), *n_fds * sizeof(int));
	}
	return true;
}

/* SIGQUIT, until the process has ended. */
static void hand_over(struct rig *rig, struct kept *kept)
{
	char text[1024];
	bool over = false;

	*kept = (struct kept){.n = 0};
	rig_signal(rig, SIGQUIT);
	while (!over) {
		int fds[8];
		size_t n;

		ck_assert(next_message(rig, text, sizeof text, fds, &n));
		if (strstr(text, "FDNAME=revd-state") && strstr(text, "FDSTORE=1")) {
			memcpy(kept->fds, fds, n * sizeof(int));
			kept->n = n;
			continue;
		}
		over = strstr(text, "BARRIER=1");
		for (size_t i = 0; i < n; i++) {
			close(fds[i]);
		}
	}
	ck_assert_int_eq(rig_wait_exit(rig), 0);
	ck_assert_uint_eq(kept->n, 2);
}

static void launch_with(struct rig *rig, const int *fds, size_t n)
{
	static const char *const names[] = {NULL, "revd-state", "revd-state:revd-state"};

	rig_launch(rig, &(struct launch){.fds = fds, .n_fds = n, .fd_names = names[n]});
}

START_TEST(by_the_manager)
{
	struct kept kept;
	struct reply reply;
	struct scene s;
	uint8_t frame[128];
	size_t n;

	scene_open(&s, _i, "");
	client_expect_call(&s.client, 1, "uno", "onu");
	n = client_build(&s.client, frame, RV_OP_CALL, 0, 7, "uno dos", 7);
	send_part(&s.client, frame, n);
	(void)client_stat(&s.rig, "pid"); /* it has read that by now */
	hand_over(&s.rig, &kept);
	ck_assert(rig_has(&s.rig, "stream.sock"));
	ck_assert(rig_has_queue(&s.rig, ""));
	launch_with(&s.rig, kept.fds, kept.n);
	ck_assert(rig_log_has(&s.rig, "taken over"));
	send_rest(&s.client, frame, n);
	client_recv_frame(&s.client, &reply, 7, RV_STATUS_OK);
	ck_assert_mem_eq(reply.data, "sod onu", 7);
	for (size_t i = 0; i < kept.n; i++) {
		close(kept.fds[i]);
	}
	scene_close(&s);
	ck_assert(!rig_has(&s.rig, "stream.sock"));
}
END_TEST

/* Nobody would take over: a stop, with its answers. */
START_TEST(by_the_manager_in_vain)
{
	struct reply reply;
	struct scene s;

	scene_open(&s, STREAM, "");
	client_expect_text(&s.client, "uno", "onu");
	rig_write(&s.rig, "revd.conf", "[endpoint.stream]\ntransprot = uds\n");
	client_send_text(&s.client, "dos");
	rig_signal(&s.rig, SIGQUIT);
	client_recv_line(&s.client, &reply);
	ck_assert_mem_eq(reply.data, "sod\n", 4);
	client_expect_eof(&s.client);
	ck_assert_int_eq(rig_wait_exit(&s.rig), 0);
	ck_assert(rig_log_has(&s.rig, "the next process will not start with this configuration"));
	ck_assert(!rig_has(&s.rig, "stream.sock"));
	client_close(&s.client);
	rig_finish(&s.rig);
}
END_TEST

/* What is left to a process. */

static int make_file(const void *data, size_t n, bool sealed)
{
	int fd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_all(fd, data, n), 0);
	if (sealed) {
		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS,
					 F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
			0);
	}
	return fd;
}

static void expect_refused(int fd, const char *why)
{
	struct client c;
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", STREAM_HERE);
	launch_with(&rig, &fd, 1);
	ck_assert_msg(rig_log_has(&rig, why), "not logged: %s", why);
	client_open(&c, &rig, STREAM);
	client_expect_text(&c, "uno", "onu");
	client_close(&c);
	rig_finish(&rig);
	close(fd);
}

START_TEST(nonsense)
{
	static const uint64_t zero[5], other[5] = {0x3176657276657270u, 99};
	int pair[2];

	ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
	expect_refused(pair[0], "it is not a sealed memfd");
	close(pair[1]);
	expect_refused(make_file(zero, sizeof zero, false), "it is not a sealed memfd");
	expect_refused(make_file(zero, 7, true), "it is truncated, 7 bytes");
	expect_refused(make_file(zero, sizeof zero, true), "it is none of a revd's");
	expect_refused(make_file(other, sizeof other, true), "it is of version 99");
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	expect_refused(pair[0], "it has no memfd");
	close(pair[1]);
}
END_TEST

START_TEST(of_another_user)
{
	static const uint64_t zero[5];
	int fd;

	if (geteuid() != 0) {
		return; /* only root can be two */
	}
	ck_assert_int_eq(seteuid(RIG_UID), 0);
	fd = make_file(zero, sizeof zero, true);
	ck_assert_int_eq(seteuid(0), 0);
	expect_refused(fd, "it was made by uid 65534");
}
END_TEST

/* The connections are lost, the rest is there. */
START_TEST(without_its_descriptors)
{
	struct kept kept;
	struct scene s;

	scene_open(&s, STREAM, "");
	client_expect_text(&s.client, "uno", "onu");
	hand_over(&s.rig, &kept);
	close(kept.fds[1]);
	launch_with(&s.rig, kept.fds, 1);
	close(kept.fds[0]);
	ck_assert(rig_log_has(&s.rig, "did not arrive: their connections are lost"));
	client_expect_eof(&s.client);
	client_close(&s.client);
	client_open(&s.client, &s.rig, STREAM);
	client_expect_text(&s.client, "uno", "onu");
	scene_close(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("restart");
	TCase *t = stage_tcase("in place");

	tcase_add_loop_test(t, goes_on, 0, TRANSPORTS);
	tcase_add_test(t, replies_that_are_not_taken);
	tcase_add_test(t, a_wrong_configuration);
	tcase_add_test(t, an_endpoint_that_is_gone);
	tcase_add_test(t, another_number_of_workers);
	tcase_add_test(t, new_clients_all_the_time);
	suite_add_tcase(s, t);
	t = stage_tcase("by the manager");
	tcase_add_loop_test(t, by_the_manager, 0, TRANSPORTS);
	tcase_add_test(t, by_the_manager_in_vain);
	tcase_add_test(t, nonsense);
	tcase_add_test(t, of_another_user);
	tcase_add_test(t, without_its_descriptors);
	suite_add_tcase(s, t);
	return stage_run(s);
}
