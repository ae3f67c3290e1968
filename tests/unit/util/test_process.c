/* What is inherited, spoilt in a child, and what process_init() makes of it. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/runner.h"
#include "util/process.h"

static void spoil(void)
{
	sigset_t all;

	for (int sig = 1; sig < NSIG; sig++) {
		signal(sig, SIG_IGN);
	}
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	umask(0777);
	for (int fd = 0; fd < 3; fd++) {
		close(fd);
	}
}

static bool is_ignored(int sig)
{
	struct sigaction sa;

	return sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

static bool is_blocked(int sig)
{
	sigset_t set;

	sigprocmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, sig);
}

/* Writing to them fails, which is noticed. */
static bool has_standard(void)
{
	char c = 0;

	return fcntl(0, F_GETFD) == 0 && read(0, &c, 1) == 0 && write(1, &c, 1) < 0 &&
	       write(2, &c, 1) < 0;
}

/* The number of the first thing that is not as it should be, in a child of its own. */
static int judge(enum process_kind kind)
{
	const bool daemon = kind == PROCESS_DAEMON;

	spoil();
	process_init(kind);
	if (!has_standard()) {
		return 1;
	}
	if (is_ignored(SIGTERM) || is_ignored(SIGCHLD) || is_ignored(SIGALRM)) {
		return 2;
	}
	if (is_ignored(SIGHUP) != !daemon || is_ignored(SIGINT) != !daemon) {
		return 3;
	}
	if (is_ignored(SIGPIPE) != daemon || is_ignored(SIGXFSZ) != daemon) {
		return 4;
	}
	if (is_blocked(SIGTERM) != daemon || is_blocked(SIGCHLD) || is_blocked(SIGHUP) != daemon) {
		return 5;
	}
	if (umask(0) != (daemon ? 022 : 0777)) {
		return 6;
	}
	process_unblock();
	return is_blocked(SIGHUP) || is_blocked(SIGUSR1) || is_blocked(SIGTERM) ? 7 : 0;
}

START_TEST(a_known_state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		_exit(judge((enum process_kind)_i));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("process");
	TCase *t = tcase_create("process");

	tcase_add_loop_test(t, a_known_state, PROCESS_TOOL, PROCESS_DAEMON + 1);
	suite_add_tcase(s, t);
	return runner_run(s);
}
