/*
 * Descriptors that a supervisor hands over (sd_listen_fds(3)): served, checked,
 * and their names left alone; and nonsense in the variables that say so.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
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
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/fd.h"
#include "util/macro.h"

static int make_socket(const struct rig *rig, int type, bool listening)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_lt(snprintf(sa.sun_path, sizeof sa.sun_path, "%s/%s.sock", rig->dir,
				 type == SOCK_SEQPACKET ? "seqpacket" : "stream"),
		(int)sizeof sa.sun_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	ck_assert(!listening || listen(fd, 100) == 0);
	return fd;
}

static int make_fifo(const struct rig *rig)
{
	char path[RIG_PATH];
	int fd;

	ck_assert_int_eq(mkfifo(rig_path(rig, "fifo", path), 0622), 0);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static int make_queue(const struct rig *rig)
{
	struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 1024};
	int q = mq_open(
		rig->queue, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NONBLOCK, 0622, &attr);

	ck_assert_int_ge(q, 0);
	return q;
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fds[i] = fd_close(fds[i]);
	}
}

static void expect_served(const struct rig *rig)
{
	for (int i = 0; i < TRANSPORTS; i++) {
		struct client c;

		client_open(&c, rig, (enum transport)i);
		client_expect_call(&c, 1, "uno", "onu");
		client_expect_text(&c, "dos", "sod");
		client_close(&c);
	}
}

START_TEST(all_kinds)
{
	struct rig rig;
	int fds[4];

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	fds[0] = make_queue(&rig);
	fds[1] = make_fifo(&rig);
	fds[2] = make_socket(&rig, SOCK_SEQPACKET, true);
	fds[3] = make_socket(&rig, SOCK_STREAM, true);
	rig_launch(
		&rig, &(struct launch){
			      .fds = fds, .n_fds = 4, .fd_names = "mqueue:fifo:seqpacket:stream"});
	close_all(fds, 4);
	expect_served(&rig);
	rig_stop(&rig);
	ck_assert(rig_has(&rig, "stream.sock"));
	ck_assert(rig_has(&rig, "seqpacket.sock"));
	ck_assert(rig_has(&rig, "fifo"));
	ck_assert(rig_has_queue(&rig, ""));
	ck_assert_msg(!rig_has(&rig, "fifo.out"), "a name of its own is left behind");
	ck_assert_msg(!rig_has_queue(&rig, ".out"), "a queue of its own is left behind");
	rig_finish(&rig);
}
END_TEST

/* Only one is handed over: the others are made as ever. */
START_TEST(one_of_four)
{
	struct rig rig;
	int fd;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	fd = make_fifo(&rig);
	rig_launch(&rig, &(struct launch){.fds = &fd, .n_fds = 1, .fd_names = "fifo"});
	close(fd);
	expect_served(&rig);
	rig_stop(&rig);
	ck_assert(rig_has(&rig, "fifo"));
	ck_assert(!rig_has(&rig, "stream.sock"));
	rig_finish(&rig);
}
END_TEST

/* Whatever way a FIFO was opened: it is served, and never ends. */
START_TEST(fifo_opened_one_way)
{
	char path[RIG_PATH];
	struct client c;
	struct rig rig;
	int both, fd;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	both = make_fifo(&rig);
	fd = open(rig_path(&rig, "fifo", path), _i | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	close(both);
	rig_launch(&rig, &(struct launch){.fds = &fd, .n_fds = 1, .fd_names = "fifo"});
	close(fd);
	for (uint64_t i = 0; i < 3; i++) { /* each time the last writer leaves */
		client_open(&c, &rig, FIFO);
		client_expect_call(&c, i, "uno", "onu");
		client_close(&c);
	}
	rig_stop(&rig);
	ck_assert(rig_has(&rig, "fifo"));
	rig_finish(&rig);
}
END_TEST

/* What waits when the daemon comes up was sent before there was one. */
START_TEST(requests_from_before_the_start)
{
	static const char line[] = "antes\n";
	char path[RIG_PATH], reply[16];
	struct rig rig;
	int fds[2];
	int out;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	fds[0] = make_fifo(&rig);
	fds[1] = make_queue(&rig);
	ck_assert_int_eq(write(fds[0], line, 6), 6);
	ck_assert_int_eq(mq_send(fds[1], "cola", 4, 0), 0);
	rig_launch(&rig, &(struct launch){.fds = fds, .n_fds = 2, .fd_names = "fifo:mqueue"});
	out = open(rig_path(&rig, "fifo.out", path), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(out, 0);
	ck_assert(wait_fd(out, POLLIN, wait_until(WAIT_MS)));
	ck_assert_int_eq(read(out, reply, sizeof reply), 6);
	ck_assert_mem_eq(reply, "setna\n", 6);
	close(out);
	close_all(fds, 2);
	rig_finish(&rig);
}
END_TEST

/* At SIGTERM what is unread stays for the next one: answered once, by either. */
START_TEST(unread_input_is_left)
{
	struct scene s;
	struct reply r;
	int fds[2];

	rig_init(&s.rig);
	rig_write(&s.rig, "revd.conf", rig_all);
	fds[0] = make_fifo(&s.rig);
	fds[1] = make_queue(&s.rig);
	rig_launch(&s.rig, &(struct launch){.fds = fds, .n_fds = 2, .fd_names = "fifo:mqueue"});
	client_open(&s.client, &s.rig, (enum transport)_i);
	client_barrier(&s.client);
	rig_signal(&s.rig, SIGSTOP);
	for (uint64_t i = 0; i < 8; i++) {
		client_send_frame(&s.client, RV_OP_CALL, 0, i, "uno", 3);
	}
	rig_signal(&s.rig, SIGTERM);
	rig_signal(&s.rig, SIGCONT);
	ck_assert_int_eq(rig_wait_exit(&s.rig), 0);
	rig_launch(&s.rig, &(struct launch){.fds = fds, .n_fds = 2, .fd_names = "fifo:mqueue"});
	for (uint64_t i = 0; i < 8; i++) {
		client_recv_frame(&s.client, &r, i, RV_STATUS_OK);
	}
	client_barrier(&s.client);
	close_all(fds, 2);
	scene_close(&s);
}
END_TEST

/* A reload keeps what was handed over. */
START_TEST(reload_keeps_them)
{
	struct rig rig;
	int fds[4];

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	fds[0] = make_socket(&rig, SOCK_STREAM, true);
	fds[1] = make_fifo(&rig);
	fds[2] = make_queue(&rig);
	rig_launch(
		&rig, &(struct launch){.fds = fds, .n_fds = 3, .fd_names = "stream:fifo:mqueue"});
	close_all(fds, 3);
	rig_reload(&rig);
	expect_served(&rig);
	rig_stop(&rig);
	ck_assert(rig_has(&rig, "stream.sock"));
	ck_assert(rig_has(&rig, "fifo"));
	ck_assert(rig_has_queue(&rig, ""));
	rig_finish(&rig);
}
END_TEST

/* Whoever made the name has to make it again. */
START_TEST(reload_tells_of_lost_names)
{
	char path[RIG_PATH];
	struct client c;
	struct rig rig;
	int fds[3];

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	fds[0] = make_socket(&rig, SOCK_STREAM, true);
	fds[1] = make_fifo(&rig);
	fds[2] = make_queue(&rig);
	rig_launch(
		&rig, &(struct launch){.fds = fds, .n_fds = 3, .fd_names = "stream:fifo:mqueue"});
	close_all(fds, 3);
	client_open(&c, &rig, STREAM);
	if (_i == 2) {
		ck_assert_int_eq(mq_unlink(rig.queue), 0);
	} else {
		ck_assert_int_eq(unlink(rig_path(&rig, _i ? "fifo" : "stream.sock", path)), 0);
	}
	rig_reload(&rig);
	rig_wait_log(&rig, 0,
		"the name is gone or another's; stop revd and restart its socket unit; "
		"the old configuration stays");
	client_expect_text(&c, "uno", "onu");
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

static void make_all(const struct rig *rig, int fds[4])
{
	fds[0] = make_queue(rig);
	fds[1] = make_fifo(rig);
	fds[2] = make_socket(rig, SOCK_SEQPACKET, true);
	fds[3] = make_socket(rig, SOCK_STREAM, true);
}

static const char *const no_names[] = {
	NULL, ":::", "unknown:unknown:unknown:unknown", "a.socket:b.socket:c.socket:d.socket"};

/* Without a name, as from systemd-socket-activate(1), or with one that no endpoint has:
 * what it is and where says whose it is. */
START_TEST(matched_by_address)
{
	struct rig rig;
	int fds[4];

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	make_all(&rig, fds);
	rig_launch(&rig, &(struct launch){.fds = fds, .n_fds = 4, .fd_names = no_names[_i]});
	close_all(fds, 4);
	expect_served(&rig);
	rig_reload(&rig);
	expect_served(&rig);
	ck_assert(!rig_log_has(&rig, "warning"));
	rig_stop(&rig);
	ck_assert(rig_has(&rig, "stream.sock") && rig_has(&rig, "fifo"));
	rig_finish(&rig);
}
END_TEST

/* A FIFO is what it is, by whatever name it was opened. */
START_TEST(fifo_by_another_name)
{
	char path[RIG_PATH], other[RIG_PATH];
	struct rig rig;
	int fd, given;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	fd = make_fifo(&rig);
	ck_assert_int_eq(link(rig_path(&rig, "fifo", path), rig_path(&rig, "other", other)), 0);
	given = open(other, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(given, 0);
	ck_assert_int_eq(unlink(other), 0);
	rig_launch(&rig, &(struct launch){.fds = &given, .n_fds = 1});
	close(fd);
	close(given);
	expect_served(&rig);
	rig_stop(&rig);
	ck_assert(rig_has(&rig, "fifo"));
	rig_finish(&rig);
}
END_TEST

#define OTHER "[endpoint.other]\ntransport = uds\npath = @DIR@/other.sock\n"

static void expect_refused(const struct rig *rig)
{
	for (int i = 0; i < TRANSPORTS; i++) {
		struct client c;
		struct reply r;

		client_open(&c, rig, (enum transport)i);
		client_send_frame(&c, RV_OP_CALL, 0, 7, "uno", 3);
		client_recv_frame(&c, &r, 7, RV_STATUS_DENIED);
		client_send_text(&c, "dos");
		client_expect_nak(&c, "denied", "nothing is served here");
		client_close(&c);
	}
}

/* Whose clients would wait for ever: they are told, until there is an endpoint. */
START_TEST(refused_until_configured)
{
	struct rig rig;
	int fds[4];

	rig_init(&rig);
	rig_write(&rig, "revd.conf", OTHER);
	make_all(&rig, fds);
	rig_launch(
		&rig, &(struct launch){
			      .fds = fds, .n_fds = 4, .fd_names = "mqueue:fifo:seqpacket:stream"});
	close_all(fds, 4);
	expect_refused(&rig);
	ck_assert(rig_log_has(&rig, "'stream' (Unix socket '"));
	ck_assert(rig_log_has(&rig, "'fifo' (FIFO '"));
	ck_assert(rig_log_has(&rig, "'mqueue' (message queue 'mqueue:/"));
	rig_write(&rig, "revd.conf", rig_all);
	rig_reload(&rig);
	expect_served(&rig);
	rig_write(&rig, "revd.conf", OTHER);
	rig_reload(&rig);
	expect_refused(&rig);
	rig_stop(&rig);
	ck_assert(rig_has(&rig, "stream.sock") && rig_has(&rig, "fifo"));
	rig_finish(&rig);
}
END_TEST

/* Names that can't be those of endpoints, or are twice there. */
START_TEST(refused_without_names)
{
	static const char *const names[] = {NULL, "other:other:../x:../x", "a:a:a:a"};
	struct rig rig;
	int fds[4];

	rig_init(&rig);
	rig_write(&rig, "revd.conf",
		_i == 1 ? "[endpoint.more]\ntransport = uds\npath = @DIR@/more.sock\n" : OTHER);
	make_all(&rig, fds);
	rig_launch(&rig, &(struct launch){.fds = fds, .n_fds = 4, .fd_names = names[_i]});
	close_all(fds, 4);
	expect_refused(&rig);
	rig_reload(&rig);
	expect_refused(&rig);
	rig_finish(&rig);
}
END_TEST

/* What is inherited can't be handed on to another endpoint while it is served. */
START_TEST(reload_does_not_rename_them)
{
	struct rig rig;
	int fd;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	fd = make_socket(&rig, SOCK_STREAM, true);
	rig_launch(&rig, &(struct launch){.fds = &fd, .n_fds = 1});
	close(fd);
	rig_write(&rig, "revd.conf", "[endpoint.new]\ntransport = uds\npath = @DIR@/stream.sock\n");
	rig_reload(&rig);
	ck_assert(rig_log_has(&rig, "served as endpoint 'stream' and would be 'new' now"));
	expect_served(&rig);
	rig_finish(&rig);
}
END_TEST

static int make_network_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(listen(fd, 10), 0);
	return fd;
}

/* Somebody may wait for it, and nothing can be done about that. */
START_TEST(neither_served_nor_refused)
{
	struct rig rig;
	int fd, status;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	fd = make_network_socket();
	rig_launch(
		&rig, &(struct launch){.fds = &fd, .n_fds = 1, .fd_names = "web", .early = true});
	close(fd);
	status = rig_wait_exit(&rig);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 78);
	ck_assert(rig_log_has(&rig, "inherited descriptor 3, 'web' (listening network socket"));
	rig_finish(&rig);
}
END_TEST

/* What is wrong with the descriptor that `name` gets. */
enum wrong {
	DGRAM_SOCKET,
	NOT_LISTENING,
	INET_SOCKET,
	SEQPACKET_FOR_STREAM,
	PIPE_FOR_SOCKET,
	FILE_FOR_FIFO,
	SOCKET_FOR_FIFO,
	FILE_FOR_QUEUE,
	FIFO_FOR_QUEUE,
	DEVICE_FOR_QUEUE,
	WRITE_ONLY_QUEUE,
	WRONG_COUNT,
};

#define UDS "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"
#define FIFO_ONLY "[endpoint.pipe]\ntransport = fifo\npath = @DIR@/fifo\n"
#define QUEUE "[endpoint.queue]\ntransport = mqueue\nqueue = @QUEUE@\nmessage_size = 1K\n"

static const struct {
	const char *config;
	const char *name;
} wrong_kinds_of[WRONG_COUNT] = {
	[DGRAM_SOCKET] = {UDS, "stream"},
	[NOT_LISTENING] = {UDS, "stream"},
	[INET_SOCKET] = {UDS, "stream"},
	[SEQPACKET_FOR_STREAM] = {UDS, "stream"},
	[PIPE_FOR_SOCKET] = {UDS, "stream"},
	[FILE_FOR_FIFO] = {FIFO_ONLY, "pipe"},
	[SOCKET_FOR_FIFO] = {FIFO_ONLY, "pipe"},
	[FILE_FOR_QUEUE] = {QUEUE, "queue"},
	[FIFO_FOR_QUEUE] = {QUEUE, "queue"},
	[DEVICE_FOR_QUEUE] = {QUEUE, "queue"},
	[WRITE_ONLY_QUEUE] = {QUEUE, "queue"},
};

static int open_write_only_queue(const struct rig *rig)
{
	mq_close(make_queue(rig));
	return mq_open(rig->queue, O_WRONLY | O_CLOEXEC);
}

static int make_wrong(const struct rig *rig, int what)
{
	char path[RIG_PATH];

	switch (what) {
	case DGRAM_SOCKET:
		return make_socket(rig, SOCK_DGRAM, false);
	case NOT_LISTENING:
		return make_socket(rig, SOCK_STREAM, false);
	case INET_SOCKET:
		return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	case SEQPACKET_FOR_STREAM:
		return make_socket(rig, SOCK_SEQPACKET, true);
	case SOCKET_FOR_FIFO:
		return make_socket(rig, SOCK_STREAM, true);
	case PIPE_FOR_SOCKET:
	case FIFO_FOR_QUEUE:
		return make_fifo(rig);
	case WRITE_ONLY_QUEUE:
		return open_write_only_queue(rig);
	case DEVICE_FOR_QUEUE:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	default:
		return open(rig_path(rig, "file", path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	}
}

START_TEST(wrong_kinds)
{
	struct rig rig;
	int status;
	int fd;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", wrong_kinds_of[_i].config);
	fd = make_wrong(&rig, _i);
	ck_assert_int_ge(fd, 0);
	rig_launch(&rig, &(struct launch){.fds = &fd,
				 .n_fds = 1,
				 .fd_names = wrong_kinds_of[_i].name,
				 .early = true});
	close(fd);
	status = rig_wait_exit(&rig);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) != 0, "status %#x", status);
	ck_assert_msg(
		rig_log_has(&rig, wrong_kinds_of[_i].name), "the log does not name the endpoint");
	ck_assert_msg(rig_log_has(&rig, "error"), "no error is logged");
	rig_finish(&rig);
}
END_TEST

/* Nobody asked for it: named in the log, and the rest is served. */
START_TEST(a_name_without_an_endpoint)
{
	struct rig rig;
	int fd;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	rig_launch(&rig, &(struct launch){.fds = &fd, .n_fds = 1, .fd_names = "nobody\n<0>evil"});
	close(fd);
	expect_served(&rig);
	ck_assert(rig_log_has(&rig, "nobody"));
	ck_assert(!rig_log_has(&rig, "\n<0>evil"));
	rig_finish(&rig);
}
END_TEST

/* As many names as descriptors, or it is said; by their addresses they are served all the same. */
START_TEST(names_that_do_not_match)
{
	static const char *const names[] = {"stream", "stream:seqpacket:fifo"};
	static const char *const said[] = {"LISTEN_FDNAMES has no names for the last 1 of 2",
		"LISTEN_FDNAMES has more names than there are descriptors (2)"};
	struct rig rig;
	int fds[2];

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	fds[0] = make_socket(&rig, SOCK_STREAM, true);
	fds[1] = make_socket(&rig, SOCK_SEQPACKET, true);
	rig_launch(&rig, &(struct launch){.fds = fds, .n_fds = 2, .fd_names = names[_i]});
	close_all(fds, 2);
	expect_served(&rig);
	ck_assert(rig_log_has(&rig, said[_i]));
	rig_finish(&rig);
}
END_TEST

/* Two for an endpoint that has one address. */
START_TEST(two_of_one_name)
{
	struct rig rig;
	int fds[2], status;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	fds[0] = make_socket(&rig, SOCK_STREAM, true);
	fds[1] = make_socket(&rig, SOCK_SEQPACKET, true);
	rig_launch(
		&rig, &(struct launch){
			      .fds = fds, .n_fds = 2, .fd_names = "stream:stream", .early = true});
	close_all(fds, 2);
	status = rig_wait_exit(&rig);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	rig_finish(&rig);
}
END_TEST

/* Meant for another process, which started us: not ours to take. */
START_TEST(pid_of_another)
{
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	rig_launch(&rig, &(struct launch){.env = (const char *const[]){"LISTEN_PID=1",
						  "LISTEN_FDS=1", "LISTEN_FDNAMES=stream", NULL}});
	expect_served(&rig);
	rig_stop(&rig);
	ck_assert(!rig_has(&rig, "stream.sock"));
	rig_finish(&rig);
}
END_TEST

static const char *const nonsense[][3] = {
	{"LISTEN_FDS=-1"},
	{"LISTEN_FDS="},
	{"LISTEN_FDS=abc"},
	{"LISTEN_FDS=1 2"},
	{"LISTEN_FDS=99999999999999999999"},
	{"LISTEN_FDS=2147483647"},
	{"LISTEN_FDS=1000", "LISTEN_FDNAMES=a:b:::::"},
	{"LISTEN_FDS=0", "LISTEN_FDNAMES=stream"},
	{"LISTEN_FDNAMES=::::"},
	{"LISTEN_PID=abc", "LISTEN_FDS=1"},
	{"LISTEN_PID=", "LISTEN_FDS=1"},
	{"LISTEN_PID=-1", "LISTEN_FDS=1"},
	{"WATCHDOG_USEC=abc"},
	{"WATCHDOG_USEC=-1"},
	{"WATCHDOG_USEC=18446744073709551615"},
	{"WATCHDOG_USEC=1000000", "WATCHDOG_PID=abc"},
	{"JOURNAL_STREAM=abc"},
	{"JOURNAL_STREAM=18446744073709551616:-1"},
};

START_TEST(nonsense_in_the_environment)
{
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	rig_launch(&rig, &(struct launch){.env = nonsense[_i],
				 .listen_pid = strncmp(nonsense[_i][0], "LISTEN_PID", 10) != 0});
	expect_served(&rig);
	rig_finish(&rig);
}
END_TEST

#define LONG "0123456789012345678901234567890123456789012345678901234567890"

static const char *const notify_nonsense[] = {
	"NOTIFY_SOCKET=",
	"NOTIFY_SOCKET=relative",
	"NOTIFY_SOCKET=/does/not/exist",
	"NOTIFY_SOCKET=/dev/null",
	"NOTIFY_SOCKET=@",
	"NOTIFY_SOCKET=@nobody-listens-there",
	"NOTIFY_SOCKET=/" LONG LONG LONG,
	"NOTIFY_SOCKET=%n%s\n<0>x",
};

START_TEST(nonsense_in_notify_socket)
{
	const char *env[] = {notify_nonsense[_i], NULL};
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	rig_launch(&rig, &(struct launch){.env = env, .early = true});
	rig_wait_log(&rig, 0, "serving 4");
	expect_served(&rig);
	ck_assert(!rig_log_has(&rig, "\n<0>x"));
	rig_finish(&rig);
}
END_TEST

static TCase *wrong(void)
{
	TCase *t = stage_tcase("wrong");

	tcase_add_loop_test(t, wrong_kinds, 0, WRONG_COUNT);
	tcase_add_test(t, a_name_without_an_endpoint);
	tcase_add_loop_test(t, names_that_do_not_match, 0, 2);
	tcase_add_test(t, two_of_one_name);
	tcase_add_test(t, neither_served_nor_refused);
	tcase_add_test(t, pid_of_another);
	tcase_add_loop_test(t, nonsense_in_the_environment, 0, ARRAY_SIZE(nonsense));
	tcase_add_loop_test(t, nonsense_in_notify_socket, 0, ARRAY_SIZE(notify_nonsense));
	return t;
}

int main(void)
{
	Suite *s = suite_create("activation");
	TCase *t = stage_tcase("right");

	tcase_add_test(t, all_kinds);
	tcase_add_test(t, one_of_four);
	tcase_add_loop_test(t, fifo_opened_one_way, O_RDONLY, O_WRONLY + 1);
	tcase_add_test(t, requests_from_before_the_start);
	tcase_add_loop_test(t, unread_input_is_left, FIFO, MQUEUE + 1);
	tcase_add_test(t, reload_keeps_them);
	tcase_add_loop_test(t, reload_tells_of_lost_names, 0, 3);
	tcase_add_loop_test(t, matched_by_address, 0, ARRAY_SIZE(no_names));
	tcase_add_test(t, fifo_by_another_name);
	tcase_add_test(t, refused_until_configured);
	tcase_add_loop_test(t, refused_without_names, 0, 3);
	tcase_add_test(t, reload_does_not_rename_them);
	suite_add_tcase(s, t);
	suite_add_tcase(s, wrong());
	return stage_run(s);
}
