#include "common/companion.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/exec.h"
#include "common/wait.h"
#include "util/fd.h"

static _Noreturn void become(
	const struct rig *rig, int in, int out, bool err, const char *const *argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		(err && dup2(out, STDERR_FILENO) < 0)) {
		_exit(127);
	}
	exec_argv(rig, argv);
}

void companion_start(struct companion *c, const struct rig *rig, bool err, const char *const *argv)
{
	int in[2], out[2];

	*c = (struct companion){0};
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	c->pid = fork();
	ck_assert_int_ge(c->pid, 0);
	if (c->pid == 0) {
		become(rig, in[0], out[1], err, argv);
	}
	fd_close(in[0]);
	fd_close(out[1]);
	c->in = in[1];
	c->out = out[0];
}

void companion_say(struct companion *c, const char *text)
{
	ck_assert_int_eq(fd_write_all(c->in, text, strlen(text)), 0);
}

static void read_more(struct companion *c, uint64_t until, const char *what)
{
	ssize_t k;

	if (c->size - c->n < 4096) {
		c->size += 65536;
		c->text = realloc(c->text, c->size);
		ck_assert_ptr_nonnull(c->text);
	}
	ck_assert_msg(wait_fd(c->out, POLLIN, until) != 0, "no '%s' in time, only: %.*s", what,
		(int)c->n, c->text);
	k = read(c->out, c->text + c->n, c->size - c->n - 1);
	ck_assert_msg(k > 0, "no '%s', but the end, behind: %.*s", what, (int)c->n, c->text);
	c->n += (size_t)k;
}

static char *next_line(struct companion *c, uint64_t until, const char *what)
{
	char *lf, *line;
	size_t n;

	while (!(lf = c->n > 0 ? memchr(c->text, '\n', c->n) : NULL)) {
		read_more(c, until, what);
	}
	n = (size_t)(lf - c->text);
	line = strndup(c->text, n);
	ck_assert_ptr_nonnull(line);
	c->n -= n + 1;
	memmove(c->text, lf + 1, c->n);
	return line;
}

char *companion_wait(struct companion *c, const char *what)
{
	uint64_t until = wait_until(WAIT_MS);
	char *line = next_line(c, until, what);

	while (!strstr(line, what)) {
		free(line);
		line = next_line(c, until, what);
	}
	return line;
}

void companion_expect(struct companion *c, const char *line)
{
	char *got = next_line(c, wait_until(WAIT_MS), line);

	ck_assert_str_eq(got, line);
	free(got);
}

static int reap(struct companion *c)
{
	int status;

	ck_assert_int_eq(waitpid(c->pid, &status, 0), c->pid);
	c->pid = 0;
	fd_close(c->in);
	fd_close(c->out);
	free(c->text);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Its end closes its output; what it says until then nobody wants. */
int companion_finish(struct companion *c)
{
	uint64_t until = wait_until(WAIT_MS);
	char rest[4096];
	ssize_t k;

	c->in = fd_close(c->in);
	do {
		ck_assert_msg(wait_fd(c->out, POLLIN, until) != 0, "it does not end");
		k = read(c->out, rest, sizeof(rest));
	} while (k > 0);
	return reap(c);
}

void companion_kill(struct companion *c, int sig)
{
	if (c->pid > 0) {
		kill(c->pid, sig);
		(void)reap(c);
	}
}
