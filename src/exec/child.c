#include "exec/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "exec/spawn.h"
#include "exec/terminal.h"
#include "util/fd.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int make_pipe(int *ret_read, int *ret_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0) {
		return -errno;
	}
	*ret_read = fds[0];
	*ret_write = fds[1];
	return 0;
}

static int open_pipes(struct child *c, int theirs[3])
{
	int r = make_pipe(&theirs[0], &c->in);

	r = r == 0 ? make_pipe(&c->out, &theirs[1]) : r;
	if (r == 0 && (fcntl(c->in, F_SETFL, O_NONBLOCK) < 0 ||
			      fcntl(c->out, F_SETFL, O_NONBLOCK) < 0)) {
		r = -errno;
	}
	return r;
}

static int open_terminal(struct child *c, int theirs[3])
{
	int r = terminal_open(&c->in, &theirs[0]);

	if (r < 0) {
		return r;
	}
	c->out = c->in;
	theirs[1] = fcntl(theirs[0], F_DUPFD_CLOEXEC, 3);
	return theirs[1] < 0 ? -errno : 0;
}

static int open_all(struct child *c, bool terminal, int theirs[3])
{
	int r = terminal ? open_terminal(c, theirs) : open_pipes(c, theirs);

	r = r == 0 ? make_pipe(&c->err, &theirs[2]) : r;
	return r == 0 && fcntl(c->err, F_SETFL, O_NONBLOCK) < 0 ? -errno : r;
}

int child_start(struct child *c, const struct program *program, char *const *env, bool terminal,
	char why[CHILD_WHY])
{
	int theirs[3] = {-1, -1, -1}, r;
	const char *step = terminal ? "its terminal" : "its pipes";

	*c = (struct child){.pidfd = -1, .in = -1, .out = -1, .err = -1};
	r = open_all(c, terminal, theirs);
	if (r == 0) {
		const struct spawn s = {.program = program,
			.env = env,
			.fds = {theirs[0], theirs[1], theirs[2]},
			.terminal = terminal};

		r = spawn(&s, &c->pid, &c->pidfd, &step);
	}
	for (size_t i = 0; i < ARRAY_SIZE(theirs); i++) {
		fd_close(theirs[i]);
	}
	if (r < 0) {
		snprintf(why, CHILD_WHY, "can't be started: %s: %s", step, strerror(-r));
		child_close(c);
	}
	return r;
}

void child_signal(const struct child *c, int sig)
{
	if (c->pidfd >= 0) {
		(void)kill(-c->pid, sig);
	}
}

bool child_reap(struct child *c, int *ret)
{
	siginfo_t info = {0};

	if (waitid((idtype_t)P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG) < 0 ||
		info.si_pid == 0) {
		return false;
	}
	*ret = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
	c->pidfd = fd_close(c->pidfd);
	return true;
}

void child_describe(int status, char why[CHILD_WHY])
{
	if (WIFEXITED(status)) {
		snprintf(why, CHILD_WHY, "ended with exit status %d", WEXITSTATUS(status));
	} else {
		snprintf(why, CHILD_WHY, "was ended by signal %d (%s)", WTERMSIG(status),
			sigdescr_np(WTERMSIG(status)));
	}
}

void child_close_input(struct child *c)
{
	if (c->in != c->out) {
		fd_close(c->in);
	}
	c->in = -1;
}

void child_close(struct child *c)
{
	child_close_input(c);
	c->out = fd_close(c->out);
	c->err = fd_close(c->err);
	c->pidfd = fd_close(c->pidfd);
}
