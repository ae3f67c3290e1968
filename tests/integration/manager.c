/* What the service manager is told and keeps: signs of life, failures of the start. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include "common/late.h"
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/fd.h"
#include "util/macro.h"
#include "util/utf8.h"

static const char two_workers[] = "[revd]\nplugin_dir = @DIR@/plugins\nworkers = 2\n"
			     "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"
			     "service = late\n";

static void start(struct scene *s)
{
	static const char *const env[] = {"WATCHDOG_USEC=200000", NULL};

	rig_init(&s->rig);
	late_install(&s->rig, "plugins", getenv("REVD_TEST_LATE"));
	rig_write(&s->rig, "revd.conf", two_workers);
	rig_launch(&s->rig, &(struct launch){.env = env});
	client_open(&s->client, &s->rig, STREAM);
}

START_TEST(workers_that_turn)
{
	struct scene s;

	start(&s);
	for (int i = 0; i < 5; i++) {
		rig_wait_notify(&s.rig, "WATCHDOG=1");
	}
	ck_assert(!rig_log_has(&s.rig, "hangs"));
	client_expect_text(&s.client, "grow 3", "ggg");
	scene_close(&s);
}
END_TEST

/* The main thread goes on meanwhile, and says so. */
START_TEST(a_worker_that_hangs)
{
	struct scene s;

	start(&s);
	rig_wait_notify(&s.rig, "WATCHDOG=1");
	client_send_text(&s.client, "hang");
	rig_wait_log(&s.rig, 0, "a worker hangs");
	rig_signal(&s.rig, SIGUSR1);
	rig_wait_log(&s.rig, 0, "stream:");
	rig_signal(&s.rig, SIGKILL);
	ck_assert_int_eq(WTERMSIG(rig_wait_exit(&s.rig)), SIGKILL);
	client_close(&s.client);
	rig_finish(&s.rig);
}
END_TEST

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int))];
};

/* The next message that has `line` in it, and the descriptor that came with it, or -1. */
static int receive(const struct rig *rig, const char *line)
{
	uint64_t until = wait_until(WAIT_MS);
	union control control;
	char text[1024];

	for (;;) {
		struct pollfd p = {.fd = rig->notify, .events = POLLIN};
		struct iovec iov = {text, sizeof text - 1};
		struct msghdr msg = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.buf,
			.msg_controllen = sizeof control.buf};
		const struct cmsghdr *c;
		ssize_t n;
		int fd = -1;

		ck_assert_msg(poll(&p, 1, wait_left(until)) == 1, "no %s in time", line);
		n = recvmsg(rig->notify, &msg, MSG_CMSG_CLOEXEC);
		ck_assert_int_ge(n, 0);
		text[n] = '\0';
		c = CMSG_FIRSTHDR(&msg);
		if (c) {
			memcpy(&fd, CMSG_DATA(c), sizeof fd);
		}
		if (strstr(text, line)) {
			return fd;
		}
		fd_close(fd);
	}
}

static const char good[] = "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n";
static const char bad[] = "[endpoint.stream]\ntransport = uds\npath = @DIR@/none/stream.sock\n";

/* A daemon that can't serve leaves its sentence to the next, which waits. */
START_TEST(failures_are_counted)
{
	struct launch l = {.early = true, .fd_names = "revd-starts", .n_fds = 1};
	struct rig rig;
	int fd;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", bad);
	rig_launch(&rig, &(struct launch){.early = true});
	ck_assert_int_eq(WEXITSTATUS(rig_wait_exit(&rig)), EXIT_FAILURE);
	fd_close(receive(&rig, "FDNAME=revd-starts"));                      /* that one forgets */
	fd_close(receive(&rig, "FDSTORE=1\nFDPOLL=0\nFDNAME=revd-starts")); /* it may crash */
	fd_close(receive(&rig, "STATUS=stream: "));
	fd = receive(&rig, "FDSTORE=1\nFDPOLL=0\nFDNAME=revd-starts");
	ck_assert_int_ge(fd, 0);
	rig_write(&rig, "revd.conf", good);
	l.fds = &fd;
	rig_launch(&rig, &l);
	fd_close(receive(&rig, "STATUS=waiting for 100 ms, since it has ended soon after its start "
			       "1 time in a row; why: stream: "));
	rig_wait_notify(&rig, "READY=1");
	fd_close(receive(&rig, "FDSTOREREMOVE=1\nFDNAME=revd-starts"));
	fd_close(fd);
	rig_finish(&rig);
}
END_TEST

/* Somebody else's, or of another version: told, and not believed. */
START_TEST(nonsense_is_not_counted)
{
	CLEANUP_FD int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", good);
	rig_launch(&rig, &(struct launch){.fds = &fd, .n_fds = 1, .fd_names = "revd-starts"});
	ck_assert(rig_log_has(
		&rig, "revd-starts: what the service manager has kept is none of ours"));
	ck_assert(!rig_log_has(&rig, "waiting for"));
	rig_finish(&rig);
}
END_TEST

/* Who is restarted has not failed, however soon that is. */
START_TEST(restarts_are_not_counted)
{
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", good);
	rig_launch(&rig, NULL);
	rig_signal(&rig, SIGQUIT);
	rig_wait_notify(&rig, "STATUS=handing over");
	fd_close(receive(&rig, "FDSTOREREMOVE=1\nFDNAME=revd-starts"));
	ck_assert_int_eq(rig_wait_exit(&rig), 0);
	rig_finish(&rig);
}
END_TEST

/* A wait that could take seconds ends with the signal. */
START_TEST(stop_ends_the_wait)
{
	CLEANUP_FD int fd = -1;
	struct launch l = {.early = true, .fd_names = "revd-starts", .n_fds = 1, .fds = &fd};
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", bad);
	for (int i = 0; i < 4; i++) {
		rig_launch(&rig, fd < 0 ? &(struct launch){.early = true} : &l);
		ck_assert_int_eq(WEXITSTATUS(rig_wait_exit(&rig)), EXIT_FAILURE);
		fd_close(receive(&rig, "FDSTORE=1"));
		fd_close(fd);
		fd = receive(&rig, "FDSTORE=1");
	}
	rig_launch(&rig, &l);
	fd_close(receive(&rig, "STATUS=waiting for 800 ms"));
	rig_signal(&rig, SIGTERM);
	(void)rig_wait_exit(&rig);
	ck_assert(!rig_log_has(&rig, "waiting for 1600"));
	rig_finish(&rig);
}
END_TEST

#define EUROS_15 "€€€€€€€€€€€€€€€"
#define EUROS EUROS_15 EUROS_15 EUROS_15 EUROS_15

/* A sentence that is cut ends with a whole character: the manager drops others. */
START_TEST(status_is_utf8)
{
	static const char *const pads[] = {"", "a", "aa"};
	char config[512], text[1024];
	struct rig rig;
	uint32_t c;

	rig_init(&rig);
	snprintf(config, sizeof config, "[endpoint.fifo]\ntransport = fifo\npath = /%s" EUROS "/x\n",
		pads[_i]);
	rig_write(&rig, "revd.conf", config);
	rig_launch(&rig, &(struct launch){.early = true});
	(void)rig_wait_exit(&rig);
	for (;;) {
		ssize_t n = recv(rig.notify, text, sizeof text - 1, MSG_DONTWAIT);

		if (n < 0) {
			break;
		}
		for (size_t i = 0, len; i < (size_t)n; i += len) {
			len = utf8_sequence(text + i, (size_t)n - i, &c);
			ck_assert_msg(len > 0, "no UTF-8: %.*s", (int)n, text);
		}
	}
	rig_finish(&rig);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("manager");
	TCase *t = stage_tcase("manager");

	tcase_add_test(t, workers_that_turn);
	tcase_add_test(t, a_worker_that_hangs);
	tcase_add_test(t, failures_are_counted);
	tcase_add_test(t, nonsense_is_not_counted);
	tcase_add_test(t, restarts_are_not_counted);
	tcase_add_test(t, stop_ends_the_wait);
	tcase_add_loop_test(t, status_is_utf8, 0, 3);
	suite_add_tcase(s, t);
	return stage_run(s);
}
