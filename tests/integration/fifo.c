/*
 * What a shared FIFO must survive: reply names made to hurt, torn writes, dead
 * and deaf readers. An honest client stands beside and must not notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/fd.h"
#include "util/macro.h"

#define REFUSED "endpoints.fifo.drops.reply_name"
#define TORN "endpoints.fifo.torn"

static void send_token(struct client *c, const void *token, size_t n)
{
	uint8_t buf[RV_FRAME_HEADER + 256 + 16];

	client_send(c, buf, client_build_token(buf, RV_OP_CALL, 1, token, n, "evil", 4));
}

/* Sends a request whose reply goes to `name`, and sees it refused. */
static void expect_refused(struct scene *s, const char *name)
{
	int64_t before = client_stat(&s->rig, REFUSED);

	send_token(&s->client, name, strlen(name));
	client_expect_call(&s->client, 2, "uno", "onu");
	ck_assert_msg(client_stat(&s->rig, REFUSED) == before + 1, "not refused: %s", name);
}

static char *reply_path(const struct rig *rig, const char *name, char *buf)
{
	char in_dir[128];

	snprintf(in_dir, sizeof in_dir, "fifo.d/%s", name);
	return rig_path(rig, in_dir, buf);
}

static void expect_victim(const struct rig *rig, const char *name)
{
	CLEANUP_FREE char *text = NULL;
	char path[RIG_PATH];
	size_t n;

	ck_assert_int_eq(fd_read_file(rig_path(rig, name, path), 100, &text, &n), 0);
	ck_assert_str_eq(text, "victim");
}

/* Tokens that are no names: nothing is opened, no matter where they lead. */
START_TEST(tokens_that_are_paths)
{
	static const struct {
		const char *token;
		size_t n;
	} bad[] = { { "../victim", 9 }, { "/etc/passwd", 11 }, { "a/b", 3 }, { "", 0 }, { ".", 1 },
		{ "..", 2 }, { "tok\0en", 6 }, { "tok en", 6 }, { ".hidden", 7 }, { "a\n", 2 },
		{ "ni\xc3\xb1o", 5 } };
	struct scene s;
	size_t fds;

	scene_open(&s, FIFO, "");
	rig_write(&s.rig, "victim", "victim");
	client_expect_call(&s.client, 1, "uno", "onu");
	fds = rig_fd_count(&s.rig);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		send_token(&s.client, bad[i].token, bad[i].n);
		client_expect_call(&s.client, 2, "dos", "sod");
	}
	ck_assert_uint_eq(rig_fd_count(&s.rig), fds);
	expect_victim(&s.rig, "victim");
	scene_close(&s);
}
END_TEST

START_TEST(tokens_too_long)
{
	char token[255];
	struct scene s;

	memset(token, 'a', sizeof token);
	scene_open(&s, FIFO, "");
	for (size_t n = 65; n <= sizeof token; n += 19) {
		send_token(&s.client, token, n);
		client_expect_call(&s.client, n, "dos", "sod");
	}
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.fifo.replies"), 11);
	scene_close(&s);
}
END_TEST

/* A token longer than what there is of the frame. */
START_TEST(token_longer_than_the_body)
{
	uint8_t buf[64];
	struct scene s;
	size_t n;

	scene_open(&s, FIFO, "");
	n = client_build_token(buf, RV_OP_CALL, 1, "abcdefgh", 8, "", 0);
	buf[RV_FRAME_HEADER] = 64;
	client_send(&s.client, buf, n);
	client_expect_call(&s.client, 2, "dos", "sod");
	scene_close(&s);
}
END_TEST

/* A frame without a reply address can be answered to nobody. */
START_TEST(no_token)
{
	struct rv_frame f = { .version = RV_FRAME_VERSION, .length = 3, .id = 9 };
	uint8_t buf[RV_FRAME_HEADER + 3] = { 0 };
	struct scene s;

	scene_open(&s, FIFO, "");
	rv_frame_store(buf, &f);
	memcpy(buf + RV_FRAME_HEADER, "uno", 3);
	client_send(&s.client, buf, sizeof buf);
	client_expect_call(&s.client, 2, "dos", "sod");
	scene_close(&s);
}
END_TEST

START_TEST(symlinks)
{
	char victim[RIG_PATH], link[RIG_PATH];
	struct scene s;

	scene_open(&s, FIFO, "");
	rig_write(&s.rig, "victim", "victim");
	rig_path(&s.rig, "victim", victim);
	ck_assert_int_eq(symlink(victim, reply_path(&s.rig, "tofile", link)), 0);
	expect_refused(&s, "tofile");
	/* to a FIFO that would do */
	ck_assert_int_eq(symlink(s.client.reply_name, reply_path(&s.rig, "tofifo", link)), 0);
	expect_refused(&s, "tofifo");
	ck_assert_int_eq(symlink("nothing", reply_path(&s.rig, "dangling", link)), 0);
	expect_refused(&s, "dangling");
	ck_assert(!rig_has(&s.rig, "fifo.d/nothing"));
	expect_victim(&s.rig, "victim");
	scene_close(&s);
}
END_TEST

static void make_socket(const char *path)
{
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(strlen(path), sizeof sa.sun_path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
}

START_TEST(things_that_are_no_fifos)
{
	char path[RIG_PATH], from[RIG_PATH];
	struct scene s;

	scene_open(&s, FIFO, "");
	rig_write(&s.rig, "fifo.d/regular", "victim");
	expect_refused(&s, "regular");
	expect_victim(&s.rig, "fifo.d/regular");
	ck_assert_int_eq(link(reply_path(&s.rig, "regular", from), reply_path(&s.rig, "hard", path)),
		0);
	expect_refused(&s, "hard");
	expect_victim(&s.rig, "fifo.d/regular");
	ck_assert_int_eq(mkdir(reply_path(&s.rig, "directory", path), 0777), 0);
	expect_refused(&s, "directory");
	make_socket(reply_path(&s.rig, "socket", path));
	expect_refused(&s, "socket");
	expect_refused(&s, "missing");
	ck_assert(!rig_has(&s.rig, "fifo.d/missing"));
	ck_assert_int_eq(link(s.client.reply_name, reply_path(&s.rig, "twice", path)), 0);
	expect_refused(&s, "twice");
	ck_assert_int_eq(unlink(path), 0);
	scene_close(&s);
}
END_TEST

START_TEST(devices)
{
	char path[RIG_PATH];
	struct scene s;

	scene_open(&s, FIFO, "");
	ck_assert_int_eq(mknod(reply_path(&s.rig, "zero", path), S_IFCHR | 0666, makedev(1, 5)), 0);
	expect_refused(&s, "zero");
	ck_assert_int_eq(mknod(reply_path(&s.rig, "tty", path), S_IFCHR | 0666, makedev(5, 0)), 0);
	expect_refused(&s, "tty");
	scene_close(&s);
}
END_TEST

/* Swaps the two names until it is killed. */
static pid_t start_swapping(const char *a, const char *b)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	while (pid == 0) {
		if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0) {
			_exit(1);
		}
	}
	return pid;
}

/* Whenever the name is looked at it may be a FIFO, a moment later a symlink. */
START_TEST(name_swapped_during_the_open)
{
	char fifo[RIG_PATH], link[RIG_PATH], victim[RIG_PATH];
	struct scene s;
	int status;
	pid_t pid;

	scene_open(&s, FIFO, "");
	rig_write(&s.rig, "victim", "victim");
	ck_assert_int_eq(symlink(rig_path(&s.rig, "victim", victim),
				 reply_path(&s.rig, "link", link)),
		0);
	ck_assert_int_eq(mkfifo(reply_path(&s.rig, "swap", fifo), 0622), 0);
	pid = start_swapping(fifo, link);
	for (uint64_t i = 0; i < 2000; i++) {
		send_token(&s.client, "swap", 4);
		client_expect_call(&s.client, i, "uno", "onu");
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status), "the names were not swapped");
	expect_victim(&s.rig, "victim");
	scene_close(&s);
}
END_TEST

START_TEST(modes_let_nobody_steal)
{
	static const struct {
		const char *name;
		mode_t mode;
	} names[] = { { "fifo", S_IFIFO | 0620 }, { "fifo.out", S_IFIFO | 0640 },
		{ "fifo.d", S_IFDIR | 01733 } };
	char path[RIG_PATH];
	struct scene s;
	struct stat st;

	scene_open(&s, FIFO, "");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ck_assert_int_eq(lstat(rig_path(&s.rig, names[i].name, path), &st), 0);
		ck_assert_msg(st.st_mode == names[i].mode, "%s: %o", path, st.st_mode);
	}
	scene_close(&s);
}
END_TEST

/* The name is somebody else's now: what was opened serves on, and the end of
 * the daemon does not remove what it has not made. */
START_TEST(request_name_replaced)
{
	char path[RIG_PATH];
	struct scene s;

	scene_open(&s, FIFO, "");
	ck_assert_int_eq(unlink(rig_path(&s.rig, "fifo", path)), 0);
	rig_write(&s.rig, "fifo", "victim");
	client_expect_call(&s.client, 1, "uno", "onu");
	client_close(&s.client);
	rig_stop(&s.rig);
	expect_victim(&s.rig, "fifo");
	rig_finish(&s.rig);
}
END_TEST

static void expect_start_refused(struct rig *rig, const char *says)
{
	int status;

	rig_launch(rig, &(struct launch){ .early = true });
	status = rig_wait_exit(rig);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	ck_assert_msg(rig_log_has(rig, says), "the log does not name %s", says);
}

START_TEST(name_made_by_somebody_else)
{
	char path[RIG_PATH];
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	rig_write(&rig, "fifo", "victim");
	expect_start_refused(&rig, "/fifo");
	expect_victim(&rig, "fifo");
	ck_assert_msg(!rig_has(&rig, "stream.sock"), "a failed start left a socket behind");
	ck_assert_int_eq(unlink(rig_path(&rig, "fifo", path)), 0);
	ck_assert_int_eq(symlink("elsewhere", path), 0);
	expect_start_refused(&rig, "/fifo");
	ck_assert(!rig_has(&rig, "elsewhere"));
	rig_finish(&rig);
}
END_TEST

/* A FIFO by another user: he could hold it open for reading and take requests. */
START_TEST(fifo_of_another_user)
{
	char path[RIG_PATH];
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	ck_assert_int_eq(mkfifo(rig_path(&rig, "fifo", path), 0622), 0);
	ck_assert_int_eq(chown(path, RIG_UID, RIG_UID), 0);
	expect_start_refused(&rig, "/fifo");
	rig_finish(&rig);
}
END_TEST

START_TEST(names_left_by_a_killed_daemon)
{
	struct scene s;

	scene_open(&s, FIFO, "");
	rig_signal(&s.rig, SIGKILL);
	rig_wait_exit(&s.rig);
	client_close(&s.client);
	ck_assert(rig_has(&s.rig, "fifo"));
	rig_launch(&s.rig, NULL);
	client_open(&s.client, &s.rig, FIFO);
	client_expect_call(&s.client, 1, "uno", "onu");
	client_expect_text(&s.client, "dos", "sod");
	client_close(&s.client);
	rig_stop(&s.rig);
	ck_assert(!rig_has(&s.rig, "fifo"));
	ck_assert(!rig_has(&s.rig, "fifo.out"));
	rig_finish(&s.rig);
}
END_TEST

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

static const struct {
	const char *what;
	size_t payload; /* of the frame that is begun */
	size_t cut;     /* its bytes that are written */
} halves[] = { { "header alone", 100, 16 }, { "half a header", 100, 7 }, { "the magic", 100, 1 },
	{ "half of the token", 100, 30 }, { "half of the payload", 3000, 2000 },
	{ "all but a byte", 3000, 3048 } };

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
	ck_assert_msg(good >= N - 1, "after %s only %zu of %d are answered", halves[_i].what, good,
		N);
	ck_assert_int_ge(client_stat(&s.rig, TORN), 1);
	if (client_readable(&evil)) { /* with the others' bytes in it, it is no text */
		client_recv_frame(&evil, &(struct reply){ 0 }, 1, RV_STATUS_INVALID_TEXT);
	}
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
} lies[] = { { UINT32_C(1) << 31, 1, RV_FRAME_REPLY_TO }, { UINT32_MAX, 1, RV_FRAME_REPLY_TO },
	{ 0, 1, RV_FRAME_REPLY_TO }, { 4081, 1, RV_FRAME_REPLY_TO }, { 4, 2, RV_FRAME_REPLY_TO },
	{ 4, 0, 0 }, { 4, 1, 0x7c }, { 4, 1, RV_FRAME_REPLY | RV_FRAME_REPLY_TO },
	{ 4, 255, 255 } };

START_TEST(lying_headers)
{
	uint8_t buf[RV_FRAME_HEADER];
	struct rv_frame f = { .version = lies[_i].version,
		.flags = lies[_i].flags,
		.length = lies[_i].length };
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
	struct rv_frame f = { .version = RV_FRAME_VERSION,
		.flags = RV_FRAME_REPLY_TO,
		.id = 5000 + seed };
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
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "hola", 4); /* may end a torn frame */
	count_answers(&s.client, N);
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
	static char line[4000];
	struct client deaf;
	struct scene s;

	scene_open(&s, FIFO, "drain_timeout = 100ms");
	client_open(&deaf, &s.rig, FIFO);
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	for (uint64_t i = 0; i < 200; i++) {
		client_send(&deaf, line, sizeof line);
		client_expect_call(&s.client, i, "uno", "onu");
	}
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

static TCase *names(void)
{
	TCase *t = stage_tcase("names");

	tcase_add_test(t, tokens_that_are_paths);
	tcase_add_test(t, tokens_too_long);
	tcase_add_test(t, token_longer_than_the_body);
	tcase_add_test(t, no_token);
	tcase_add_test(t, symlinks);
	tcase_add_test(t, things_that_are_no_fifos);
	tcase_add_test(t, name_swapped_during_the_open);
	tcase_add_test(t, modes_let_nobody_steal);
	tcase_add_test(t, request_name_replaced);
	tcase_add_test(t, name_made_by_somebody_else);
	tcase_add_test(t, names_left_by_a_killed_daemon);
	if (geteuid() == 0) { /* making devices and giving files away */
		tcase_add_test(t, devices);
		tcase_add_test(t, fifo_of_another_user);
	}
	return t;
}

static TCase *writers(void)
{
	TCase *t = stage_tcase("writers");

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

	suite_add_tcase(s, names());
	suite_add_tcase(s, writers());
	return stage_run(s);
}
