/* The prompt, as a person at a terminal has it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "common/exec.h"
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"

/* revc on a terminal of its own. */
struct terminal {
	int fd;
	pid_t pid;
	char seen[1 << 16]; /* since the last line was typed */
	size_t n;
};

static void child(const struct rig *rig, int fd, const char *uri)
{
	const char *const argv[] = {"revc", "-e", uri, "--timeout", "1500ms", NULL};
	char path[RIG_PATH];

	setsid();
	ioctl(fd, TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++) {
		dup2(fd, i);
	}
	setenv("TERM", "xterm", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("XDG_STATE_HOME", rig_path(rig, "state", path), 1);
	exec_argv(rig, argv);
}

/* Waits until it has said `text`. */
static void expect(struct terminal *t, const char *text)
{
	uint64_t until = wait_until(WAIT_MS);

	while (!memmem(t->seen, t->n, text, strlen(text))) {
		ssize_t k;

		ck_assert_msg(wait_fd(t->fd, POLLIN, until), "'%s' is not in '%.*s'", text,
			(int)t->n, t->seen);
		k = read(t->fd, t->seen + t->n, sizeof t->seen - t->n);
		ck_assert_int_gt(k, 0);
		t->n += (size_t)k;
	}
}

static void press(struct terminal *t, const char *keys)
{
	t->n = 0;
	ck_assert_int_eq(write(t->fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

/* When a line can be edited: the prompt is there a moment before. */
static void type(struct terminal *t, const char *keys)
{
	uint64_t until = wait_until(WAIT_MS);
	struct termios mode;

	while (tcgetattr(t->fd, &mode) == 0 && (mode.c_lflag & ICANON)) {
		ck_assert_int_gt(wait_left(until), 0);
		sched_yield();
	}
	press(t, keys);
}

static void open_terminal(struct terminal *t, const struct rig *rig, const char *uri)
{
	int fd;

	t->n = 0;
	t->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(t->fd, 0);
	ck_assert_int_eq(grantpt(t->fd) | unlockpt(t->fd), 0);
	fd = open(ptsname(t->fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	t->pid = fork();
	ck_assert_int_ge(t->pid, 0);
	if (t->pid == 0) {
		child(rig, fd, uri);
	}
	close(fd);
	expect(t, "revc> ");
}

/* ^D ends it, with that exit code. */
static void close_terminal(struct terminal *t, int code)
{
	char buf[512];
	int status;

	type(t, "\x04");
	while (read(t->fd, buf, sizeof buf) > 0) { /* EIO when it has left */
	}
	ck_assert_int_eq(waitpid(t->pid, &status, 0), t->pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code, "status %x", status);
	close(t->fd);
}

START_TEST(answers)
{
	struct rig rig;
	struct terminal t;

	rig_start(&rig, rig_all);
	open_terminal(&t, &rig, client_uris[_i]);
	type(&t, "hola\r");
	expect(&t, "\naloh\r\nrevc> ");
	close_terminal(&t, 0);
	rig_finish(&rig);
}
END_TEST

/* What is typed, Backspace (0x7f) and all, and the reply to what is left of it. */
static const char *const edits[][2] = {
	{"ab👨‍👩‍👧‍👦\x7f"
	 "c\r",
		"\ncba\r\n"},
	{"x🇪🇸🇸🇪\x7f\r", "\n🇪🇸x\r\n"},
	{"ae\xcc\x81\x7f\x7f"
	 "b\r",
		"\nb\r\n"},
	{"kc\xe0\xa4\x95\xe0\xa4\xbf\b\r", "\nck\r\n"},
	{"wrong\x03right\r", "\nthgir\r\n"},
};

START_TEST(edits_characters)
{
	struct rig rig;
	struct terminal t;

	rig_start(&rig, rig_all);
	open_terminal(&t, &rig, client_uris[STREAM]);
	type(&t, edits[_i][0]);
	expect(&t, edits[_i][1]);
	close_terminal(&t, 0);
	rig_finish(&rig);
}
END_TEST

/* A daemon that is stopped does not answer: it shows, it ends, and the next line is served. */
START_TEST(outlives_a_timeout)
{
	struct rig rig;
	struct terminal t;

	rig_start(&rig, rig_all);
	open_terminal(&t, &rig, client_uris[_i]);
	rig_signal(&rig, SIGSTOP);
	type(&t, "hola\r");
	expect(&t, "waiting for ");
	expect(&t, "no reply in time, try later\r\n");
	expect(&t, "\nrevc> ");
	rig_signal(&rig, SIGCONT);
	type(&t, "adios\r");
	expect(&t, "\nsoida\r\nrevc> ");
	close_terminal(&t, 0);
	rig_finish(&rig);
}
END_TEST

START_TEST(interrupt_ends_the_waiting)
{
	struct rig rig;
	struct terminal t;

	rig_start(&rig, rig_all);
	open_terminal(&t, &rig, client_uris[_i]);
	rig_signal(&rig, SIGSTOP);
	type(&t, "hola\r");
	expect(&t, "waiting for ");
	press(&t, "\x03");
	expect(&t, "revc> ");
	rig_signal(&rig, SIGCONT);
	type(&t, "adios\r");
	expect(&t, "\nsoida\r\nrevc> ");
	close_terminal(&t, 0);
	rig_finish(&rig);
}
END_TEST

/* A daemon that leaves while nothing is asked, and another one that comes. */
START_TEST(outlives_the_daemon)
{
	struct rig rig;
	struct terminal t;

	rig_start(&rig, rig_all);
	open_terminal(&t, &rig, client_uris[STREAM]);
	rig_stop(&rig);
	type(&t, "hola\r");
	expect(&t, "nobody serves there");
	expect(&t, "\nrevc> ");
	rig_launch(&rig, NULL);
	type(&t, "hola\r");
	expect(&t, "\naloh\r\nrevc> ");
	close_terminal(&t, 0);
	rig_finish(&rig);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("prompt");
	TCase *t = stage_tcase("prompt");

	tcase_add_loop_test(t, answers, 0, TRANSPORTS);
	tcase_add_loop_test(t, edits_characters, 0, (int)(sizeof edits / sizeof edits[0]));
	tcase_add_loop_test(t, outlives_a_timeout, 0, TRANSPORTS);
	tcase_add_loop_test(t, interrupt_ends_the_waiting, 0, TRANSPORTS);
	tcase_add_test(t, outlives_the_daemon);
	suite_add_tcase(s, t);
	return stage_run(s);
}
