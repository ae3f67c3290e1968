/*
 * The names on a FIFO endpoint: reply names made to hurt, request names that are
 * somebody else's. An honest client stands beside and must not notice.
 */
#include <fcntl.h>
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
#include "util/fd.h"
#include "util/macro.h"

#define REFUSED "endpoints.fifo.drops.reply_name"

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
	} bad[] = {{"../victim", 9}, {"/etc/passwd", 11}, {"a/b", 3}, {"", 0}, {".", 1}, {"..", 2},
		{"tok\0en", 6}, {"tok en", 6}, {".hidden", 7}, {"a\n", 2}, {"ni\xc3\xb1o", 5}};
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
	struct rv_frame f = {.version = RV_FRAME_VERSION, .length = 3, .id = 9};
	uint8_t buf[RV_FRAME_HEADER + 3] = {0};
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
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

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
	ck_assert_int_eq(
		link(reply_path(&s.rig, "regular", from), reply_path(&s.rig, "hard", path)), 0);
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
	ck_assert_int_eq(
		symlink(rig_path(&s.rig, "victim", victim), reply_path(&s.rig, "link", link)), 0);
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
	} names[] = {{"fifo", S_IFIFO | 0620}, {"fifo.out", S_IFIFO | 0640},
		{"fifo.d", S_IFDIR | 01733}};
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

	rig_launch(rig, &(struct launch){.early = true});
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

int main(void)
{
	Suite *s = suite_create("fifo-names");

	suite_add_tcase(s, names());
	return stage_run(s);
}
