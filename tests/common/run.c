#include "common/run.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/exec.h"
#include "common/wait.h"
#include "util/fd.h"
#include "util/macro.h"

/* One pipe end of ours, and what goes through it. */
struct flow {
	int fd;
	const char *out; /* what is to be written, or NULL */
	char *in;        /* what was read */
	size_t n, size;
};

static void flow_close(struct flow *f)
{
	f->fd = fd_close(f->fd);
}

static void flow_write(struct flow *f)
{
	ssize_t n = write(f->fd, f->out + f->n, f->size - f->n);

	if (n < 0 && errno == EAGAIN) {
		return;
	}
	f->n += n > 0 ? (size_t)n : 0;
	if (n < 0 || f->n == f->size) { /* a program need not read its input to the end */
		flow_close(f);
	}
}

static void flow_read(struct flow *f)
{
	ssize_t n;

	if (f->size - f->n < 65536) {
		f->size = f->size * 2 + 131072;
		f->in = realloc(f->in, f->size);
		ck_assert_ptr_nonnull(f->in);
	}
	n = read(f->fd, f->in + f->n, f->size - f->n - 1);
	if (n < 0 && errno == EAGAIN) {
		return;
	}
	f->n += n > 0 ? (size_t)n : 0;
	f->in[f->n] = '\0';
	if (n <= 0) {
		flow_close(f);
	}
}

/* Until all three have ended. */
static bool flow_all(struct flow flows[3], uint64_t until)
{
	for (;;) {
		struct pollfd p[3];
		bool open = false;

		for (int i = 0; i < 3; i++) {
			p[i] = (struct pollfd){
				.fd = flows[i].fd, .events = flows[i].out ? POLLOUT : POLLIN};
			open = open || flows[i].fd >= 0;
		}
		if (!open) {
			return true;
		}
		if (poll(p, 3, wait_left(until)) == 0) {
			return false;
		}
		for (int i = 0; i < 3; i++) {
			if (p[i].revents) {
				(flows[i].out ? flow_write : flow_read)(&flows[i]);
			}
		}
	}
}

static _Noreturn void run_child(const struct rig *rig, const char *const *argv, int fds[3][2])
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	dup2(fds[0][0], 0);
	dup2(fds[1][1], 1);
	dup2(fds[2][1], 2);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("REVD_ENDPOINT");
	if (chdir(rig->dir) < 0) {
		_exit(126);
	}
	exec_argv(rig, argv);
}

static int run_wait(pid_t pid, uint64_t until)
{
	CLEANUP_FD int pidfd = pidfd_open(pid, 0);
	int status;

	ck_assert_int_ge(pidfd, 0);
	if (!wait_fd(pidfd, POLLIN, until)) {
		kill(pid, SIGKILL);
		ck_abort_msg("the program does not end");
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void run(struct run *r, const struct rig *rig, const void *input, size_t n, const char *const *argv)
{
	uint64_t until = wait_until(2 * WAIT_MS);
	struct flow flows[3] = {{.out = input ? input : "", .size = n}, {0}, {0}};
	int fds[3][2];
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(pipe2(fds[i], O_CLOEXEC), 0);
		flows[i].fd = fds[i][i == 0 ? 1 : 0];
		ck_assert_int_eq(fcntl(flows[i].fd, F_SETFL, O_NONBLOCK), 0);
	}
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		run_child(rig, argv, fds);
	}
	close(fds[0][0]);
	close(fds[1][1]);
	close(fds[2][1]);
	if (!flow_all(flows, until)) {
		kill(pid, SIGKILL);
		ck_abort_msg("%s goes on; so far it said: %.300s", argv[0],
			flows[2].in ? flows[2].in : "");
	}
	r->status = run_wait(pid, until);
	r->out = flows[1].in;
	r->out_n = flows[1].n;
	r->err = flows[2].in;
	r->err_n = flows[2].n;
	exec_check_findings(rig, pid);
}

void run_free(struct run *r)
{
	free(r->out);
	free(r->err);
	memset(r, 0, sizeof *r);
}
