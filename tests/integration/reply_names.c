/* Reply FIFOs and queues: none is missing when somebody calls, few are left when
 * everybody is killed. */
#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/exec.h"
#include "common/run.h"
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"

#define FEW 5
#ifdef __SANITIZE_ADDRESS__
#define ROW 400u /* each takes a tenth of a second */
#else
#define ROW 2000u
#endif

static const char one_queue[] = "[endpoint.mqueue]\ntransport = mqueue\nqueue = @QUEUE@\n"
				"mode = 0622\n";

/* Starts `calls` calls of an ordinary user one after another, by the shell. */
static pid_t start_loop(const struct rig *rig, unsigned calls)
{
	char line[500];
	const char *argv[] = {"sh", "-c", line, NULL};
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0) {
		return pid;
	}
	snprintf(line, sizeof line,
		"unset REVD_ENDPOINT; i=0; while [ $i -lt %u ]; do i=$((i + 1)); "
		"[ \"$(%s -e %s hola)\" = aloh ] || exit 1; done",
		calls, getenv("REVC"), client_uris[MQUEUE]);
	if (setgid(RIG_UID) < 0 || setuid(RIG_UID) < 0) {
		_exit(2);
	}
	exec_argv(rig, argv);
}

/* An ordinary user has 800 KiB for queues, and no other endpoint to fall back on. */
static const unsigned loops[][2] = {{1, ROW}, {8, ROW / 8}};

START_TEST(calls_in_a_row)
{
	pid_t pids[8];
	struct rig rig;
	int status;

	rig_start(&rig, one_queue);
	for (unsigned i = 0; i < loops[_i][0]; i++) {
		pids[i] = start_loop(&rig, loops[_i][1] / wait_patience());
	}
	for (unsigned i = 0; i < loops[_i][0]; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	rig_finish(&rig);
}
END_TEST

/* The daemon does not wait for its sweep: hundreds of dead queues would be somebody's. */
START_TEST(dead_queues_are_closed)
{
	enum { CALLS = 300, KEPT = 20 };
	size_t before;
	char line[400];
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	before = rig_fd_count(&rig);
	snprintf(line, sizeof line,
		"i=0; while [ $i -lt %d ]; do i=$((i + 1)); %s -e %s hola; done | sort -u", CALLS,
		getenv("REVC"), client_uris[MQUEUE]);
	RUN(&r, &rig, "sh", "-c", line);
	ck_assert_str_eq(r.out, "aloh\n");
	ck_assert_uint_le(rig_fd_count(&rig), before + KEPT);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

static unsigned count_fifos(const struct rig *rig)
{
	char path[RIG_PATH];
	DIR *d = opendir(rig_path(rig, "fifo.d", path));
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	for (const struct dirent *e; (e = readdir(d));) {
		n += e->d_name[0] != '.';
	}
	closedir(d);
	return n;
}

/* Queues can be listed only where their file system is mounted, so what revc has noted is
 * looked at. */
static unsigned count_queues(const struct rig *rig)
{
	size_t n = strlen(rig->queue);
	char path[40], line[300];
	unsigned found = 0;
	FILE *f;

	snprintf(path, sizeof path, "/dev/shm/revc.%u", (unsigned)geteuid());
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof line, f)) {
		mqd_t q;

		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, rig->queue, n) == 0 && line[n] == '.' &&
			(q = mq_open(line, O_RDONLY)) >= 0) {
			mq_close(q);
			found++;
		}
	}
	fclose(f);
	return found;
}

static unsigned count_names(const struct rig *rig, int transport)
{
	return transport == FIFO ? count_fifos(rig) : count_queues(rig);
}

/* Starts a call and kills it after so many microseconds, unless it has ended by then. */
static void call_and_kill(const struct rig *rig, int transport, long us)
{
	const char *const argv[] = {"revc", "-e", client_uris[transport], "hola", NULL};
	const struct timespec ts = {.tv_nsec = us * 1000};
	struct pollfd pfd;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		exec_argv(rig, argv);
	}
	pfd = (struct pollfd){.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	ck_assert_int_ge(pfd.fd, 0);
	(void)ppoll(&pfd, 1, &ts, NULL);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close(pfd.fd);
}

/* Killed at any moment of its life; the next one works, and what is left is soon gone. */
START_TEST(killed_clients)
{
	enum { KILLS = 500, LIFE_US = 4000 };
	const int transport = _i == 0 ? FIFO : MQUEUE;
	uint64_t until;
	struct rig rig;
	struct run r;

	rig_start(&rig, rig_all);
	for (long i = 0; i < KILLS; i++) {
		call_and_kill(&rig, transport, i * 7919 % LIFE_US * (long)wait_patience());
	}
	until = wait_until(WAIT_MS);
	do {
		RUN(&r, &rig, "revc", "-e", client_uris[transport], "hola");
		ck_assert_msg(r.status == 0 && strcmp(r.out, "aloh\n") == 0, "%s", r.err);
		run_free(&r);
		ck_assert_msg(wait_left(until) > 0, "%u names", count_names(&rig, transport));
	} while (count_names(&rig, transport) > FEW);
	rig_finish(&rig);
}
END_TEST

static const char elsewhere[] = "[endpoint.fifo]\ntransport = fifo\npath = @DIR@/fifo\n"
				"reply_dir = @DIR@/replies\n"
				"[endpoint.stream]\ntransport = uds\n"
				"path = @DIR@/stream.sock\n";
static const char beside[] = "[endpoint.fifo]\ntransport = fifo\npath = @DIR@/fifo\n";

static void expect_answer(const struct rig *rig)
{
	struct run r;

	RUN(&r, rig, "revc", "-e", client_uris[FIFO], "hola");
	ck_assert_msg(r.status == 0 && strcmp(r.out, "aloh\n") == 0, "%s", r.err);
	run_free(&r);
}

/* Replies in a directory of its own: found by the link beside the FIFO, which comes and
 * goes with the endpoint, also after a daemon that was killed. */
START_TEST(reply_dir)
{
	char path[RIG_PATH];
	struct rig rig;
	struct run r;

	rig_init(&rig);
	ck_assert_int_eq(mkdir(rig_path(&rig, "replies", path), 0700), 0);
	ck_assert_int_eq(chmod(path, 01733), 0);
	rig_write(&rig, "revd.conf", elsewhere);
	rig_launch(&rig, NULL);
	expect_answer(&rig);
	RUN(&r, &rig, "revc", "--all", "-e", client_uris[STREAM], "hola");
	ck_assert_msg(r.status == 0, "%s", r.out);
	run_free(&r);
	rig_signal(&rig, SIGKILL);
	rig_wait_exit(&rig);
	rig_launch(&rig, NULL);
	expect_answer(&rig);
	rig_signal(&rig, SIGKILL);
	rig_wait_exit(&rig);
	rig_write(&rig, "revd.conf", beside);
	rig_launch(&rig, NULL);
	expect_answer(&rig);
	rig_write(&rig, "revd.conf", elsewhere);
	rig_reload(&rig);
	expect_answer(&rig);
	rig_stop(&rig);
	ck_assert(!rig_has(&rig, "fifo.d"));
	ck_assert(rig_has(&rig, "replies"));
	rig_finish(&rig);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("reply_names");
	TCase *t = stage_tcase("reply_names"), *rows = stage_tcase("rows");

	tcase_add_test(t, dead_queues_are_closed);
	tcase_add_loop_test(t, killed_clients, 0, 1);
	tcase_add_test(t, reply_dir);
	if (geteuid() == 0) { /* stage.c has mounted /dev/mqueue, and there are other users */
		tcase_add_loop_test(t, killed_clients, 1, 2);
		tcase_add_loop_test(rows, calls_in_a_row, 0, 2);
	}
	tcase_set_timeout(rows, 120 * wait_patience());
	suite_add_tcase(s, t);
	suite_add_tcase(s, rows);
	return stage_run(s);
}
