/* What a hostile review broke once, each as short as it can be told. Those with a
 * service that answers later are in regressions_late.c. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/exec.h"
#include "common/late.h"
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/fd.h"
#include "util/macro.h"

#define TINY                                                             \
	"[revd]\nmax_request = %s\n"                                     \
	"[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n" \
	"[endpoint.tiny]\ntransport = uds\npath = @DIR@/tiny.sock\n"

static void write_tiny(const struct rig *rig, const char *max_request)
{
	CLEANUP_FREE char *config = NULL;

	ck_assert_int_gt(asprintf(&config, TINY, max_request), 0);
	rig_write(rig, "revd.conf", config);
}

/* max_request falls below what a client has sent of a line already. */
START_TEST(limit_shrinks_under_half_a_line)
{
	enum { N = 500000 };
	CLEANUP_FREE char *half = malloc(N);
	char path[RIG_PATH];
	struct scene s;

	memset(half, 'a', N);
	rig_init(&s.rig);
	write_tiny(&s.rig, "1M");
	rig_launch(&s.rig, NULL);
	client_open_at(&s.client, STREAM, rig_path(&s.rig, "tiny.sock", path));
	client_send(&s.client, half, N);
	client_wait_stat(&s.rig, "endpoints.tiny.rx_bytes", N);
	write_tiny(&s.rig, "1K");
	rig_reload(&s.rig);
	client_send(&s.client, "b", 1);
	client_wait_stat(&s.rig, "endpoints.tiny.rx_bytes", N + 1);
	client_send_text(&s.client, "c");
	client_expect_nak(&s.client, "too-large", NULL);
	client_expect_text(&s.client, "hola", "aloh");
	scene_close(&s);
}
END_TEST

/* A client leaves while its long reply is cut into messages; the next one, which
 * gets its place, must get none of them. */
START_TEST(nothing_of_one_client_reaches_the_next)
{
	struct client gone;
	struct scene s;
	struct reply r;

	late_start(&s.rig, "workers = 1", "", "");
	for (int i = 0; i < 3; i++) {
		rig_signal(&s.rig, SIGSTOP);
		client_open(&gone, &s.rig, SEQPACKET);
		client_send_frame(&gone, RV_OP_CALL, 0, 1, "grow 700000", 11);
		client_close(&gone);
		rig_signal(&s.rig, SIGCONT);
		client_wait_stat(&s.rig, "endpoints.seqpacket.peers_total", 2 * i + 1);
		client_open(&s.client, &s.rig, SEQPACKET);
		client_send_text(&s.client, "grow 3");
		client_recv(&s.client, &r);
		ck_assert_msg(!r.frame && r.n == 3, "%zu bytes for the one before", r.n);
		client_expect_call(&s.client, 2, "grow 4", "gggg");
		client_close(&s.client);
		client_wait_stat(&s.rig, "endpoints.seqpacket.peers_total", 2 * i + 2);
	}
	rig_finish(&s.rig);
}
END_TEST

/* Sends lines and reads nothing, until neither side takes more. Returns the lines. */
static size_t send_deaf(const struct rig *rig, struct client *c, const char *line, size_t n)
{
	char path[64];
	size_t total = 0;
	ssize_t k;

	snprintf(path, sizeof path, "endpoints.%s.blocked", client_endpoints[c->transport]);
	do {
		while ((k = client_try_send(c, line + total % n, n - total % n)) > 0) {
			total += (size_t)k;
		}
	} while (client_stat(rig, path) < 1);
	return total / n;
}

/* Who waits for replies is not idle, whoever holds them up: here the client itself,
 * which reads only after one that is idle has been cut off. */
START_TEST(idle_timeout_spares_who_waits)
{
	static char line[1000];
	struct client idle;
	struct scene s;
	struct reply r;
	size_t sent;

	rig_start(&s.rig, "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"
			  "idle_timeout = 300ms\n"
			  "[endpoint.seqpacket]\ntransport = uds\npath = @DIR@/seqpacket.sock\n"
			  "type = seqpacket\nidle_timeout = 300ms\n");
	client_open(&s.client, &s.rig, (enum transport)_i);
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	sent = send_deaf(&s.rig, &s.client, line, sizeof line);
	client_open(&idle, &s.rig, (enum transport)_i);
	client_expect_eof(&idle);
	client_close(&idle);
	for (size_t i = 0; i < sent; i++) {
		client_recv_line(&s.client, &r);
		ck_assert_uint_eq(r.n, sizeof line);
	}
	scene_close(&s);
}
END_TEST

/* More messages in progress than one client may have: the one too many is refused
 * once, and its end is not served as if it were a message. */
START_TEST(one_message_in_progress_too_many)
{
	enum { MAX = 64, ID = 100 };
	struct scene s;
	struct reply r;

	scene_open(&s, _i, "");
	for (uint64_t i = 0; i < MAX; i++) {
		client_send_frame(&s.client, RV_OP_CALL, RV_FRAME_MORE, i, "a", 1);
	}
	client_send_frame(&s.client, RV_OP_CALL, RV_FRAME_MORE, ID, "uno ", 4);
	client_send_frame(&s.client, RV_OP_CALL, RV_FRAME_MORE, ID, "dos ", 4);
	client_send_frame(&s.client, RV_OP_CALL, 0, ID, "tres", 4);
	client_recv_frame(&s.client, &r, ID, RV_STATUS_BUSY);
	client_barrier(&s.client);
	client_send_frame(&s.client, RV_OP_CALL, 0, 0, "b", 1); /* the others go on */
	client_recv_frame(&s.client, &r, 0, RV_STATUS_OK);
	ck_assert_uint_eq(r.n, 2);
	ck_assert_mem_eq(r.data, "ba", 2);
	client_expect_call(&s.client, ID, "cuatro", "ortauc");
	scene_close(&s);
}
END_TEST

static void wait_fragments_lost(const struct scene *s, int64_t n)
{
	char path[64];

	snprintf(path, sizeof path, "endpoints.%s.fragments_lost",
		client_endpoints[s->client.transport]);
	client_wait_stat(&s->rig, path, n);
}

/* The rest of a message whose beginning is forgotten: one answer, and not ok. */
START_TEST(fragments_that_come_too_late)
{
	struct scene s;
	struct reply r;

	scene_open(&s, _i, "fragment_timeout = 100ms");
	client_send_frame(&s.client, RV_OP_CALL, RV_FRAME_MORE, 5, "uno ", 4);
	wait_fragments_lost(&s, 1);
	client_send_frame(&s.client, RV_OP_CALL, 0, 5, "dos", 3);
	client_recv_frame(&s.client, &r, 5, RV_STATUS_TIMEOUT);
	client_barrier(&s.client);
	client_send_frame(&s.client, RV_OP_CALL, RV_FRAME_MORE, 6, "uno ", 4);
	wait_fragments_lost(&s, 2);
	client_send_frame(&s.client, RV_OP_CALL, RV_FRAME_MORE, 6, "dos ", 4);
	client_send_frame(&s.client, RV_OP_CALL, 0, 6, "tres", 4);
	client_recv_frame(&s.client, &r, 6, RV_STATUS_TIMEOUT);
	client_barrier(&s.client);
	client_expect_call(&s.client, 6, "cuatro", "ortauc");
	scene_close(&s);
}
END_TEST

START_TEST(fragments_of_different_operations)
{
	struct scene s;
	struct reply r;

	scene_open(&s, _i, "");
	client_send_frame(&s.client, RV_OP_PING, RV_FRAME_MORE, 5, "uno ", 4);
	client_send_frame(&s.client, RV_OP_CALL, 0, 5, "dos", 3);
	client_recv_frame(&s.client, &r, 5, RV_STATUS_MALFORMED);
	client_send_frame(&s.client, RV_OP_CALL, RV_FRAME_MORE, 6, "uno ", 4);
	client_send_frame(&s.client, RV_OP_PING, RV_FRAME_MORE, 6, "dos ", 4);
	client_send_frame(&s.client, RV_OP_CALL, 0, 6, "tres", 4);
	client_recv_frame(&s.client, &r, 6, RV_STATUS_MALFORMED);
	client_barrier(&s.client);
	client_expect_call(&s.client, 6, "cuatro", "ortauc");
	scene_close(&s);
}
END_TEST

/* The sentence of too-large counts this message, not all that are in progress. */
START_TEST(too_large_names_the_right_figure)
{
	static const char want[] = "1400 bytes, the limit is 1024";
	char half[700];
	struct scene s;
	struct reply r;

	scene_open(&s, _i, "max_request = 1K");
	memset(half, 'a', sizeof half);
	client_send_frame(&s.client, RV_OP_CALL, RV_FRAME_MORE, 1, half, sizeof half);
	client_send_frame(&s.client, RV_OP_CALL, RV_FRAME_MORE, 2, half, sizeof half);
	client_send_frame(&s.client, RV_OP_CALL, 0, 2, half, sizeof half);
	client_recv_frame(&s.client, &r, 2, RV_STATUS_TOO_LARGE);
	ck_assert_msg(r.n == sizeof want - 1 && memcmp(r.data, want, r.n) == 0, "'%.*s'", (int)r.n,
		(const char *)r.data);
	scene_close(&s);
}
END_TEST

/* A reload with one bad plugin changes nothing; without it the next one works. */
START_TEST(bad_plugin_file_is_no_obstacle_once_removed)
{
	static const char stream[] = "[endpoint.stream]\ntransport = uds\n"
				     "path = @DIR@/stream.sock\n";
	static const char with[] = "[revd]\nplugin_dir = @DIR@/plugins\n[endpoint.stream]\n"
				   "transport = uds\npath = @DIR@/stream.sock\nservice = late\n";
	char path[RIG_PATH];
	struct scene s;

	rig_start(&s.rig, stream);
	client_open(&s.client, &s.rig, STREAM);
	late_install(&s.rig, "plugins", getenv("REVD_TEST_LATE"));
	rig_write(&s.rig, "plugins/zz.so", "junk");
	rig_write(&s.rig, "revd.conf", with);
	for (int i = 0; i < 3; i++) {
		rig_reload(&s.rig);
		client_expect_text(&s.client, "grow 3", "3 worg");
	}
	ck_assert_int_eq(unlink(rig_path(&s.rig, "plugins/zz.so", path)), 0);
	rig_reload(&s.rig);
	client_expect_text(&s.client, "grow 3", "ggg");
	scene_close(&s);
}
END_TEST

/* A message, or -1 for the end: only a message has credentials with it. */
static ssize_t recv_packet(struct client *c, char *buf, size_t size)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control};
	ssize_t n;

	ck_assert_msg(wait_fd(c->out, POLLIN, wait_until(WAIT_MS)), "no reply in time");
	n = recvmsg(c->out, &m, 0);
	ck_assert_int_ge(n, 0);
	return n == 0 && m.msg_controllen == 0 ? -1 : n;
}

START_TEST(empty_message_before_the_end_is_answered)
{
	static const int on = 1;
	struct scene s;
	char buf[16];

	scene_open(&s, SEQPACKET, "");
	ck_assert_int_eq(setsockopt(s.client.out, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
	client_barrier(&s.client);
	rig_signal(&s.rig, SIGSTOP); /* so that the end is there before it looks */
	client_send(&s.client, "x", 1);
	client_send(&s.client, "", 0);
	client_send(&s.client, "", 0);
	client_half_close(&s.client);
	rig_signal(&s.rig, SIGCONT);
	ck_assert_int_eq(recv_packet(&s.client, buf, sizeof buf), 1);
	ck_assert_int_eq(recv_packet(&s.client, buf, sizeof buf), 0);
	ck_assert_int_eq(recv_packet(&s.client, buf, sizeof buf), 0);
	ck_assert_int_eq(recv_packet(&s.client, buf, sizeof buf), -1);
	scene_close(&s);
}
END_TEST

/* Whether the end comes before, while or after the daemon looks at the message. */
START_TEST(empty_message_may_race_the_end)
{
	static const int on = 1;
	struct scene s;
	char buf[16];

	scene_open(&s, SEQPACKET, "");
	for (int i = 0; i < 300; i++) {
		struct client c;

		client_open(&c, &s.rig, SEQPACKET);
		ck_assert_int_eq(setsockopt(c.out, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
		if (i % 2) {
			client_barrier(&c);
		}
		client_send(&c, "", 0);
		client_half_close(&c);
		ck_assert_int_eq(recv_packet(&c, buf, sizeof buf), 0);
		ck_assert_int_eq(recv_packet(&c, buf, sizeof buf), -1);
		client_close(&c);
	}
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.seqpacket.lines"), 300);
	scene_close(&s);
}
END_TEST

/* revd as a filter between these descriptors, its configuration the rig's. */
static void start_filter(struct rig *rig, int in, int out)
{
	static const char *const argv[] = {"revd", "--stdio", "-c", "@DIR@/revd.conf", NULL};
	char notify[RIG_PATH], log[RIG_PATH];
	CLEANUP_FD int err =
		open(rig_path(rig, "stderr", log), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	ck_assert_int_ge(err, 0);
	rig->pid = fork();
	ck_assert_int_ge(rig->pid, 0);
	if (rig->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_DFL);
		dup2(in, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		setenv("NOTIFY_SOCKET", rig_path(rig, "notify", notify), 1);
		exec_argv(rig, argv);
	}
	rig->pidfd = pidfd_open(rig->pid, 0);
	ck_assert_int_ge(rig->pidfd, 0);
	rig_wait_notify(rig, "READY=1");
}

static const char filter_config[] = "[revd]\nworkers = 1\ndrain_timeout = 300ms\n"
				    "[endpoint.stdio]\ntransport = stdio\n";

/* What cron and super-servers give: neither waits nor has anything. */
START_TEST(stdio_of_dev_null_ends)
{
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", filter_config);
	start_filter(&rig, null, null);
	ck_assert_int_eq(rig_wait_exit(&rig), 0);
	rig_finish(&rig);
}
END_TEST

/* Fills a pipe; reads of it and writes to it block again afterwards. */
static void fill(int fd)
{
	static const char line[] = "0123456789abcde\n";
	int flags = fcntl(fd, F_GETFL);

	ck_assert_int_eq(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
	while (write(fd, line, sizeof line - 1) > 0) {
	}
	ck_assert_int_eq(fcntl(fd, F_SETFL, flags), 0);
}

/* Nobody takes its output: it goes when drain_timeout is over. */
START_TEST(stdio_stops_before_a_reader_that_stands_still)
{
	struct rig rig;
	int in[2], out[2];

	rig_init(&rig);
	rig_write(&rig, "revd.conf", filter_config);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	fill(in[1]);
	fill(out[1]);
	start_filter(&rig, in[0], out[1]);
	ck_assert_msg(wait_fd(in[1], POLLOUT, wait_until(WAIT_MS)), "it does not read");
	rig_signal(&rig, SIGTERM);
	rig_wait_notify(&rig, "STOPPING=1");
	ck_assert_int_eq(rig_wait_exit(&rig), 0);
	for (int i = 0; i < 2; i++) {
		fd_close(in[i]);
		fd_close(out[i]);
	}
	rig_finish(&rig);
}
END_TEST

/* A file is always ready; signals are obeyed all the same, not at its end only. */
START_TEST(stdio_stops_in_the_middle_of_a_file)
{
	const off_t size = (off_t)16 << 30; /* a hole: takes many seconds, but no space */
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CLEANUP_FD int in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	CLEANUP_FD int file = -1;
	char path[RIG_PATH];
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", filter_config);
	rig_write(&rig, "big", "uno\ndos\n");
	file = open(rig_path(&rig, "big", path), O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(ftruncate(file, size), 0);
	ck_assert_int_ge(inotify_add_watch(in, path, IN_ACCESS), 0);
	start_filter(&rig, file, null);
	ck_assert_msg(wait_fd(in, POLLIN, wait_until(WAIT_MS)), "it does not read");
	rig_stop(&rig);
	ck_assert_int_lt(lseek(file, 0, SEEK_CUR), size);
	rig_finish(&rig);
}
END_TEST

static TCase *sockets(void)
{
	TCase *t = tcase_create("sockets");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, limit_shrinks_under_half_a_line);
	tcase_add_test(t, nothing_of_one_client_reaches_the_next);
	tcase_add_loop_test(t, idle_timeout_spares_who_waits, STREAM, SEQPACKET + 1);
	tcase_add_test(t, bad_plugin_file_is_no_obstacle_once_removed);
	tcase_add_test(t, empty_message_before_the_end_is_answered);
	tcase_add_test(t, empty_message_may_race_the_end);
	return t;
}

static TCase *fragments(void)
{
	TCase *t = tcase_create("fragments");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, one_message_in_progress_too_many, 0, TRANSPORTS);
	tcase_add_loop_test(t, fragments_that_come_too_late, 0, TRANSPORTS);
	tcase_add_loop_test(t, fragments_of_different_operations, 0, TRANSPORTS);
	tcase_add_loop_test(t, too_large_names_the_right_figure, 0, TRANSPORTS);
	return t;
}

static TCase *filter(void)
{
	TCase *t = tcase_create("stdio");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, stdio_of_dev_null_ends);
	tcase_add_test(t, stdio_stops_before_a_reader_that_stands_still);
	tcase_add_test(t, stdio_stops_in_the_middle_of_a_file);
	return t;
}

int main(void)
{
	Suite *s = suite_create("regressions");

	suite_add_tcase(s, sockets());
	suite_add_tcase(s, fragments());
	suite_add_tcase(s, filter());
	return stage_run(s);
}
