#include "util/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/fd.h"
#include "util/macro.h"

/* What is read then has ended; what is written fails, and so is noticed. */
static void fill_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd) {
			abort(); /* the lowest free descriptor is fd: the system is broken */
		}
	}
}

static bool may_be_ignored(int sig, enum process_kind kind)
{
	return kind == PROCESS_TOOL && (sig == SIGHUP || sig == SIGINT || sig == SIGQUIT);
}

/* Those that a daemon has handlers for, and would die of without. */
static const sigset_t *daemon_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGUSR2);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGTERM); /* a process that takes another's place ends as that would */
	sigaddset(set, SIGINT);
	return set;
}

/* A program starts with what is ignored and without handlers; those that are there
 * nevertheless are a sanitizer's. */
static void reset_signals(enum process_kind kind)
{
	struct sigaction sa;
	sigset_t set;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN &&
			!may_be_ignored(sig, kind)) {
			signal(sig, SIG_DFL);
		}
	}
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, kind == PROCESS_DAEMON ? daemon_signals(&set) : &set, NULL);
}

void process_block(void)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, daemon_signals(&set), NULL);
}

static void raise_limit(__rlimit_resource_t which)
{
	struct rlimit rl;

	if (getrlimit(which, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(which, &rl);
	}
}

/* Writing where nobody reads, or beyond a limit of file sizes, is an error like others. */
static void set_up_daemon(void)
{
	static const int ignored[] = {SIGPIPE, SIGXFSZ};

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++) {
		signal(ignored[i], SIG_IGN);
	}
	umask(022);
	fd_raise_limit();
	raise_limit(RLIMIT_MSGQUEUE);
	raise_limit(RLIMIT_FSIZE);
}

void process_init(enum process_kind kind)
{
	fill_standard_descriptors();
	reset_signals(kind);
	if (kind == PROCESS_DAEMON) {
		set_up_daemon();
	}
}

void process_unblock(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
}
