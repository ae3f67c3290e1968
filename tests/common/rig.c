#include "common/rig.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/exec.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/fd.h"
#include "util/macro.h"

#define RIG_LOG_MAX (16u << 20)

const char rig_all[] = "[endpoint.stream]\n"
		       "transport = uds\n"
		       "path = @DIR@/stream.sock\n"
		       "mode = 0666\n"
		       "[endpoint.seqpacket]\n"
		       "transport = uds\n"
		       "type = seqpacket\n"
		       "path = @DIR@/seqpacket.sock\n"
		       "mode = 0666\n"
		       "[endpoint.fifo]\n"
		       "transport = fifo\n"
		       "path = @DIR@/fifo\n"
		       "[endpoint.mqueue]\n"
		       "transport = mqueue\n"
		       "queue = @QUEUE@\n"
		       "message_size = 1K\n"; /* the user's memory for queues is small */

char *rig_path(const struct rig *rig, const char *name, char *buf)
{
	int n = snprintf(buf, RIG_PATH, "%s/%s", rig->dir, name);

	ck_assert_int_lt(n, RIG_PATH);
	return buf;
}

static int rig_notify_socket(const struct rig *rig)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int n = snprintf(sa.sun_path, sizeof sa.sun_path, "%s/notify", rig->dir);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_lt(n, (int)sizeof sa.sun_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	ck_assert_int_eq(chmod(sa.sun_path, 0666), 0);
	return fd;
}

void rig_note_queue(const char *name)
{
	char path[RIG_PATH];
	CLEANUP_FD int fd = -1;

	snprintf(path, sizeof path, "%s/queues.%d", stage_base(), (int)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(dprintf(fd, "%s\n", name), 0);
}

static void unlink_noted(const char *path)
{
	CLEANUP_FREE char *names = NULL;
	char *save = NULL;
	size_t n;

	if (fd_read_file(path, RIG_LOG_MAX, &names, &n) == 0) {
		for (char *s = strtok_r(names, "\n", &save); s; s = strtok_r(NULL, "\n", &save)) {
			mq_unlink(s);
		}
		unlink(path);
	}
}

void rig_unlink_queues(void)
{
	char pattern[RIG_PATH], own[RIG_PATH];
	glob_t found = {0};

	snprintf(pattern, sizeof pattern, "%s/queues.*", stage_base());
	snprintf(own, sizeof own, "%s/queues.%d", stage_base(), (int)getpid());
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			if (strcmp(found.gl_pathv[i], own) != 0) {
				unlink_noted(found.gl_pathv[i]);
			}
		}
	}
	globfree(&found);
}

static void rig_name_queue(struct rig *rig)
{
	const char *base = strrchr(stage_base(), '/') + 1;
	const char *own = strrchr(rig->dir, '/') + 1;
	char out[sizeof rig->queue + 8];

	snprintf(rig->queue, sizeof rig->queue, "/%s-%s", base, own);
	snprintf(out, sizeof out, "%s.out", rig->queue);
	rig_note_queue(rig->queue);
	rig_note_queue(out);
}

void rig_init(struct rig *rig)
{
	rig_unlink_queues(); /* a test that failed left its own, and there is little room */
	memset(rig, 0, sizeof *rig);
	rig->pidfd = -1;
	snprintf(rig->dir, sizeof rig->dir, "%s/tXXXXXX", stage_base());
	ck_assert_ptr_nonnull(mkdtemp(rig->dir));
	ck_assert_int_eq(chmod(rig->dir, 0755), 0);
	rig_name_queue(rig);
	rig->notify = rig_notify_socket(rig);
}

void rig_write(const struct rig *rig, const char *name, const char *text)
{
	char path[RIG_PATH];
	CLEANUP_FREE char *full = exec_expand(rig, text);
	CLEANUP_FD int fd =
		open(rig_path(rig, name, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_all(fd, full, strlen(full)), 0);
}

void rig_start(struct rig *rig, const char *text)
{
	rig_init(rig);
	rig_write(rig, "revd.conf", text);
	rig_launch(rig, NULL);
}

static void launch_env(const struct rig *rig, const struct launch *l)
{
	char path[RIG_PATH];
	static const char *const none[] = {"JOURNAL_STREAM", "LISTEN_FDS", "LISTEN_PID",
		"LISTEN_FDNAMES", "RUNTIME_DIRECTORY", "WATCHDOG_USEC", "NO_COLOR"};

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		unsetenv(none[i]);
	}
	setenv("NOTIFY_SOCKET", rig_path(rig, "notify", path), 1);
	setenv("FDSTORE", "0", 1); /* it keeps nothing, see manager.h */
	for (const char *const *e = l->env; e && *e; e++) {
		if (strchr(*e, '=')) {
			putenv(exec_expand(rig, *e));
		} else {
			unsetenv(*e);
		}
	}
}

/* To 3 and up, in two steps, since the numbers may overlap. */
static void launch_fds(const struct launch *l)
{
	char num[24];
	int high[16];

	if (l->n_fds > ARRAY_SIZE(high)) {
		abort();
	}
	for (size_t i = 0; i < l->n_fds; i++) {
		high[i] = fcntl(l->fds[i], F_DUPFD, 100);
	}
	for (size_t i = 0; i < l->n_fds; i++) {
		dup2(high[i], 3 + (int)i);
		close(high[i]);
	}
	if (l->n_fds > 0) {
		snprintf(num, sizeof num, "%zu", l->n_fds);
		setenv("LISTEN_FDS", num, 1);
	}
	if (l->n_fds > 0 || l->listen_pid) {
		snprintf(num, sizeof num, "%d", (int)getpid());
		setenv("LISTEN_PID", num, 1);
	}
	if (l->fd_names) {
		setenv("LISTEN_FDNAMES", l->fd_names, 1);
	}
}

static void launch_limit(__rlimit_resource_t which, rlim_t value)
{
	struct rlimit r = {value, value};

	if (value > 0 && setrlimit(which, &r) < 0) {
		_exit(126);
	}
}

/* In the child. Descriptors of the test are CLOEXEC, all of them. */
static _Noreturn void launch_child(const struct rig *rig, const struct launch *l, int err)
{
	static const char *const usual[] = {"revd", "-c", "@DIR@/revd.conf", NULL};
	const char *argv[32] = {"revd"};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	dup2(null, 0);
	dup2(null, 1);
	dup2(err, 2);
	launch_env(rig, l);
	launch_limit(RLIMIT_MSGQUEUE, l->msgqueue);
	launch_limit(RLIMIT_NOFILE, l->nofile);
	launch_fds(l);
	if (l->as_other && (setgroups(0, NULL) < 0 || setgid(RIG_UID) < 0 || setuid(RIG_UID) < 0)) {
		_exit(126);
	}
	for (size_t i = 0; l->args && l->args[i] && i < ARRAY_SIZE(argv) - 2; i++) {
		argv[i + 1] = l->args[i];
	}
	if (l->prepare) {
		l->prepare();
	}
	exec_argv(rig, l->args ? argv : usual);
}

void rig_launch(struct rig *rig, const struct launch *l)
{
	static const struct launch plain;
	char path[RIG_PATH];
	CLEANUP_FD int err = open(
		rig_path(rig, "stderr", path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	l = l ? l : &plain;
	ck_assert_int_ge(err, 0);
	ck_assert_int_eq(rig->pid, 0);
	rig->pid = fork();
	ck_assert_int_ge(rig->pid, 0);
	if (rig->pid == 0) {
		launch_child(rig, l, l->err ? l->err : err);
	}
	rig->pidfd = pidfd_open(rig->pid, 0);
	ck_assert_int_ge(rig->pidfd, 0);
	if (!l->early) {
		rig_wait_notify(rig, "READY=1");
	}
}

void rig_signal(const struct rig *rig, int sig)
{
	ck_assert_int_gt(rig->pid, 0);
	ck_assert_int_eq(kill(rig->pid, sig), 0);
}

static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = text; (p = strstr(p, line)); p += n) {
		if ((p == text || p[-1] == '\n') && (p[n] == '\n' || p[n] == '\0')) {
			return true;
		}
	}
	return false;
}

/* Its last line; stage.c will show the whole log. TAP wants one line of us. */
static void rig_fail(const struct rig *rig, const char *what)
{
	CLEANUP_FREE char *log = rig_log(rig, NULL);
	size_t n = strlen(log);
	char *last;

	while (n > 0 && log[n - 1] == '\n') {
		log[--n] = '\0';
	}
	last = strrchr(log, '\n');
	ck_abort_msg("%s; the daemon's last words: %.500s", what, last ? last + 1 : log);
}

void rig_wait_notify(struct rig *rig, const char *line)
{
	uint64_t until = wait_until(WAIT_MS);
	char msg[1024];

	for (;;) {
		struct pollfd p[] = {{.fd = rig->notify, .events = POLLIN},
			{.fd = rig->pidfd, .events = POLLIN}};
		ssize_t n;

		if (poll(p, 2, wait_left(until)) == 0) {
			rig_fail(rig, "no such notification in time");
		}
		n = recv(rig->notify, msg, sizeof msg - 1, 0);
		if (n >= 0) {
			msg[n] = '\0';
			if (has_line(msg, line)) {
				return;
			}
		} else if (p[1].revents) {
			rig_fail(rig, "the daemon has ended");
		}
	}
}

void rig_reload(struct rig *rig)
{
	rig_signal(rig, SIGHUP);
	rig_wait_notify(rig, "RELOADING=1");
	rig_wait_notify(rig, "READY=1");
}

char *rig_log(const struct rig *rig, size_t *ret_n)
{
	char path[RIG_PATH];
	char *text = NULL;
	size_t n = 0;

	ck_assert_int_eq(fd_read_file(rig_path(rig, "stderr", path), RIG_LOG_MAX, &text, &n), 0);
	if (ret_n) {
		*ret_n = n;
	}
	return text;
}

bool rig_log_has(const struct rig *rig, const char *text)
{
	CLEANUP_FREE char *log = rig_log(rig, NULL);

	return strstr(log, text) != NULL;
}

void rig_wait_log(const struct rig *rig, size_t from, const char *text)
{
	uint64_t until = wait_until(WAIT_MS);
	char path[RIG_PATH], events[4096];
	CLEANUP_FD int in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	ck_assert_int_ge(inotify_add_watch(in, rig_path(rig, "stderr", path), IN_MODIFY), 0);
	for (;;) {
		size_t n;
		CLEANUP_FREE char *log = rig_log(rig, &n);

		if (from <= n && strstr(log + from, text)) {
			return;
		}
		if (!wait_fd(in, POLLIN, until)) {
			ck_abort_msg("not logged in time: %s", text);
		}
		(void)!read(in, events, sizeof events);
	}
}

int rig_wait_exit(struct rig *rig)
{
	int status = 0;

	if (!wait_fd(rig->pidfd, POLLIN, wait_until(WAIT_MS))) {
		rig_fail(rig, "the daemon does not end");
	}
	ck_assert_int_eq(waitpid(rig->pid, &status, 0), rig->pid);
	exec_check_findings(rig, rig->pid);
	rig->pid = 0;
	rig->pidfd = fd_close(rig->pidfd);
	return status;
}

void rig_stop(struct rig *rig)
{
	int status;

	rig_signal(rig, SIGTERM);
	status = rig_wait_exit(rig);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		rig_fail(rig, "the daemon ended badly");
	}
}

static int rig_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void rig_finish(struct rig *rig)
{
	if (rig->pid > 0) {
		rig_stop(rig);
	}
	rig->notify = fd_close(rig->notify);
	ck_assert_int_eq(nftw(rig->dir, rig_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}
