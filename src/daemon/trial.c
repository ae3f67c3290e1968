#include "daemon/trial.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util/fd.h"

#define PATIENCE_S 10

extern char **environ;

static void finish(struct trial *t)
{
	event_free(TAKE_PTR(t->ended));
	fd_close(t->fd);
}

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct trial *t = arg;
	int status = -1;

	(void)fd;
	finish(t);
	if (what & EV_TIMEOUT) {
		kill(t->pid, SIGKILL);
	}
	if (waitpid(t->pid, &status, 0) < 0) {
		status = -1;
	}
	t->done(t->ctx, status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Standard output is of no interest, and `fd` is what it holds open until it ends. */
static int spawn(const char *program, const char *file, int fd, pid_t *ret)
{
	char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "--check",
		(char *)(uintptr_t)(file ? "-c" : NULL), (char *)(uintptr_t)file, NULL};
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r == 0) {
		r = posix_spawn_file_actions_addopen(
			&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
		r = r ? r : posix_spawn_file_actions_adddup2(&actions, fd, STDERR_FILENO + 1);
		r = r ? r : posix_spawn(ret, program, &actions, NULL, argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	return -r;
}

int trial_start(struct trial *t, struct event_base *base, const char *program, const char *file,
	void (*done)(void *ctx, bool fine), void *ctx)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	CLEANUP_FD int ours = -1;
	CLEANUP_FD int theirs = -1;
	int pair[2], r;

	if (pipe2(pair, O_CLOEXEC) < 0) {
		return -errno;
	}
	ours = pair[0];
	theirs = pair[1];
	*t = (struct trial){.fd = ours, .done = done, .ctx = ctx};
	t->ended = event_new(base, ours, EV_READ, on_ended, t);
	if (!t->ended || event_add(t->ended, &patience) < 0) {
		r = -ENOMEM;
	} else {
		r = spawn(program, file, theirs, &t->pid);
	}
	if (r < 0) {
		if (t->ended) {
			event_free(TAKE_PTR(t->ended));
		}
		return r;
	}
	(void)TAKE_FD(ours);
	return 0;
}

void trial_finish(struct trial *t)
{
	if (t->ended) {
		finish(t);
		kill(t->pid, SIGKILL);
		(void)waitpid(t->pid, NULL, 0);
	}
}
