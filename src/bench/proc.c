#include "bench/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "util/fd.h"

#define TERM_MS 1000

/* In the child, before anything else; signals are blocked until its own handling of
 * them is in place, so that none of the parent's handlers runs here. */
static void child_begin(pid_t parent, const sigset_t *mask)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) {
		_exit(1); /* the parent ended before the line above */
	}
	signal(SIGPIPE, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	signal(SIGINT, SIG_IGN); /* Ctrl-C reaches all; the parent ends us in its order */
	signal(SIGTERM, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

int proc_fork(struct proc *ret, void (*fn)(void *arg), void *arg)
{
	pid_t parent = getpid(), pid;
	sigset_t all, old;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	pid = fork();
	if (pid == 0) {
		child_begin(parent, &old);
		fn(arg);
		_exit(0);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0) {
		return -errno;
	}
	*ret = (struct proc){.pid = pid, .ours = true};
	return 0;
}

struct spawn {
	const char *const *argv;
	const char *notify;
	int log_fd;
};

static void spawn_child(void *arg)
{
	const struct spawn *s = arg;
	int null = open("/dev/null", O_RDWR);
	int out = s->log_fd >= 0 ? s->log_fd : null;

	signal(SIGINT, SIG_DFL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		dup2(out, STDERR_FILENO) < 0) {
		_exit(PROC_NO_PROGRAM);
	}
	unsetenv("LISTEN_FDS");
	unsetenv("NOTIFY_SOCKET");
	if (s->notify && setenv("NOTIFY_SOCKET", s->notify, 1) < 0) {
		_exit(PROC_NO_PROGRAM);
	}
	setpgid(0, 0); /* out of the reach of the terminal's Ctrl-C */
	execvp(s->argv[0], (char *const *)(uintptr_t)s->argv);
	_exit(PROC_NO_PROGRAM);
}

int proc_spawn(struct proc *ret, const char *const *argv, const char *notify, int log_fd)
{
	struct spawn s = {argv, notify, log_fd};

	return proc_fork(ret, spawn_child, &s);
}

bool proc_wait(const struct proc *proc, int timeout_ms)
{
	CLEANUP_FD int fd = pidfd_open(proc->pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int r;

	if (fd < 0) {
		return errno == ESRCH;
	}
	do {
		r = poll(&p, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

int proc_stop(struct proc *p)
{
	int status = -1;

	if (p->pid > 0 && p->ours) {
		kill(p->pid, SIGTERM);
		kill(p->pid, SIGCONT);
		if (!proc_wait(p, TERM_MS)) {
			kill(p->pid, SIGKILL);
		}
		while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR) {
		}
	}
	*p = (struct proc){0};
	return status;
}

bool proc_alive(const struct proc *p)
{
	siginfo_t si = {0};

	if (p->pid <= 0) {
		return false;
	}
	if (!p->ours) {
		return kill(p->pid, 0) == 0 || errno == EPERM;
	}
	return waitid(P_PID, (id_t)p->pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid == 0;
}

static void close_dir(DIR *d)
{
	closedir(d);
}

DEFINE_CLEANUP(DIR *, close_dir);

static DIR *open_tasks(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	return opendir(path);
}

/* The next thread id, 0 at the end. */
static pid_t next_task(DIR *d)
{
	struct dirent *e;

	while ((e = readdir(d))) {
		if (e->d_name[0] != '.') {
			return (pid_t)strtol(e->d_name, NULL, 10);
		}
	}
	return 0;
}

int proc_pin(pid_t pid, const cpu_set_t *set)
{
	CLEANUP(close_dir_p) DIR *d = open_tasks(pid);
	pid_t tid;
	int r = 0;

	if (!d) {
		return -errno;
	}
	while ((tid = next_task(d)) > 0) {
		if (sched_setaffinity(tid, sizeof(*set), set) < 0) {
			r = -errno;
		}
	}
	return r;
}

uint64_t proc_cpu_ns(pid_t pid)
{
	struct timespec ts;
	clockid_t id;

	if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &ts) < 0) {
		return 0;
	}
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The number after `key` in text; 0 if it is not there. */
static uint64_t field(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	return p ? strtoull(p + strlen(key), NULL, 10) : 0;
}

uint64_t proc_switches(pid_t pid)
{
	CLEANUP(close_dir_p) DIR *d = open_tasks(pid);
	uint64_t sum = 0;
	pid_t tid;

	while (d && (tid = next_task(d)) > 0) {
		CLEANUP_FREE char *text = NULL;
		char path[96];
		size_t n;

		snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)tid);
		if (fd_read_file(path, 65536, &text, &n) == 0) {
			sum += field(text, "\nvoluntary_ctxt_switches:") +
			       field(text, "\nnonvoluntary_ctxt_switches:");
		}
	}
	return sum;
}
