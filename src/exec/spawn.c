#include "exec/spawn.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util/fd.h"

#define STACK_SIZE ((size_t)64 << 10)
#define DESCRIPTORS 1024u /* of a program that was told nothing else */

/* Shared with the child. */
struct birth {
	const struct spawn *what;
	pid_t parent;
	const char *volatile step;
	volatile int error;
};

static int failed(struct birth *b, const char *step)
{
	b->error = errno;
	b->step = step;
	return 127;
}

/* glibc's functions would make all threads of the process do the same. */
static long become(const struct program *p)
{
	long r = syscall(SYS_setgroups, (size_t)p->n_groups, p->groups);

	r = r == 0 ? syscall(SYS_setresgid, p->gid, p->gid, p->gid) : r;
	return r == 0 ? syscall(SYS_setresuid, p->uid, p->uid, p->uid) : r;
}

/* A signal that is blocked stays so over execve(), and so does one that is ignored. */
static void reset_signals(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++) {
		(void)sigaction(sig, &sa, NULL);
	}
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* capset() is asked for only where there is something to drop: sandboxes refuse it. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}, {0}};

	if (syscall(SYS_capget, &head, data) < 0) {
		return -1;
	}
	if (!(data[0].inheritable | data[1].inheritable)) {
		return 0; /* then none is ambient */
	}
	data[0].inheritable = data[1].inheritable = 0;
	return (int)syscall(SYS_capset, &head, data);
}

static void lower_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur > DESCRIPTORS) {
		rl.rlim_cur = DESCRIPTORS;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
}

static int set_descriptors(const struct spawn *s)
{
	for (int i = 0; i < 3; i++) {
		if (dup2(s->fds[i], i) < 0) {
			return -1;
		}
	}
	if (s->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0) {
		return -1;
	}
	return (int)syscall(SYS_close_range, 3u, ~0u, 0u);
}

static int child_main(void *arg)
{
	struct birth *b = arg;
	const struct program *p = b->what->program;

	reset_signals();
	if (setsid() < 0) {
		return failed(b, "setsid");
	}
	if (set_descriptors(b->what) < 0) {
		return failed(b, "its descriptors");
	}
	lower_limit();
	if (drop_capabilities() < 0) {
		return failed(b, "its capabilities");
	}
	if (p->change_ids && become(p) < 0) {
		return failed(b, "its user");
	}
	/* behind the change of the user, which takes it back */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != b->parent) {
		return failed(b, "its end with the daemon's");
	}
	if (chdir(p->directory) < 0) {
		return failed(b, p->directory);
	}
	execve(p->path, p->argv, b->what->env);
	return failed(b, p->path);
}

/* The memory of the stack is shared even where the child is a process of its own, as
 * under valgrind. */
static pid_t give_birth(struct birth **ret, const struct spawn *s, void *stack)
{
	struct birth *b = stack;
	sigset_t all, old;
	pid_t pid;

	*b = (struct birth){.what = s, .parent = getpid()};
	*ret = b;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = clone(child_main, (char *)stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, b);
	pid = pid < 0 ? -errno : pid;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pid;
}

static int finish(const struct birth *b, pid_t pid, int *ret_pidfd, const char **ret_step)
{
	int r;

	if (b->error) {
		*ret_step = b->step;
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
		}
		return -b->error;
	}
	*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*ret_pidfd >= 0) {
		return 0;
	}
	r = -errno;
	*ret_step = "pidfd_open";
	(void)kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
	}
	return r;
}

int spawn(const struct spawn *s, pid_t *ret_pid, int *ret_pidfd, const char **ret_step)
{
	void *stack = mmap(
		NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct birth *b;
	pid_t pid;
	int r;

	if (stack == MAP_FAILED) {
		*ret_step = "mmap";
		return -ENOMEM;
	}
	pid = give_birth(&b, s, stack);
	if (pid < 0) {
		*ret_step = "clone";
		r = pid;
	} else {
		r = finish(b, pid, ret_pidfd, ret_step);
		*ret_pid = pid;
	}
	munmap(stack, STACK_SIZE);
	return r;
}
