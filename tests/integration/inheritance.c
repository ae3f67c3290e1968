/*
 * A daemon that was started badly: without standard descriptors, with signals that
 * are blocked or ignored, with a strange mask, directory, environment and limits. It
 * serves, reloads and ends all the same.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/run.h"
#include "common/scene.h"
#include "common/stage.h"
#include "util/macro.h"

/* Serves on all transports, takes a reload, and ends with 0 and no name left. */
static void expect_well(struct rig *rig)
{
	for (int i = 0; i < TRANSPORTS; i++) {
		struct client c;

		client_open(&c, rig, (enum transport)i);
		client_expect_call(&c, 1, "uno", "onu");
		client_close(&c);
	}
	rig_reload(rig);
	rig_stop(rig);
	ck_assert(!rig_has(rig, "stream.sock") && !rig_has(rig, "fifo"));
}

static void start(struct rig *rig, void (*prepare)(void))
{
	rig_init(rig);
	rig_write(rig, "revd.conf", rig_all);
	rig_launch(rig, &(struct launch){.prepare = prepare});
}

/* Where /proc/PID/WHAT leads. */
static char *look(const struct rig *rig, const char *what, char *buf, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)rig->pid, what);
	n = readlink(path, buf, size - 1);
	ck_assert_msg(n >= 0, "%s", path);
	buf[n] = '\0';
	return buf;
}

static void close_standard(void)
{
	close(0);
	close(1);
	close(2);
}

START_TEST(no_standard_descriptors)
{
	static const char *const standard[] = {"fd/0", "fd/1", "fd/2"};
	char link[64];
	struct rig rig;

	start(&rig, close_standard);
	for (size_t i = 0; i < ARRAY_SIZE(standard); i++) {
		ck_assert_str_eq(look(&rig, standard[i], link, sizeof link), "/dev/null");
	}
	expect_well(&rig);
	rig_finish(&rig);
}
END_TEST

static void block_all(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static void ignore_all(void)
{
	for (int sig = 1; sig < NSIG; sig++) {
		signal(sig, SIG_IGN);
	}
}

static void (*const spoil_signals[])(void) = {block_all, ignore_all};

START_TEST(signals_blocked_or_ignored)
{
	struct rig rig;

	start(&rig, spoil_signals[_i]);
	expect_well(&rig);
	rig_finish(&rig);
}
END_TEST

/* SIGUSR1 is good for something, SIGUSR2 does no harm; both from the first moment on. */
START_TEST(signals_for_users)
{
	struct rig rig;
	struct client c;

	start(&rig, NULL);
	client_open(&c, &rig, STREAM);
	client_expect_call(&c, 1, "uno", "onu");
	rig_signal(&rig, SIGUSR1);
	rig_wait_log(&rig, 0, "stream: 1 requests, 0 errors, 0 dropped, 1 peers of 1, p50 ");
	rig_wait_log(&rig, 0, "mqueue: 0 requests, 0 errors, 0 dropped");
	rig_signal(&rig, SIGUSR2);
	rig_wait_log(&rig, 0, "service reverse, taken over");
	client_expect_call(&c, 2, "dos", "sod");
	client_close(&c);
	expect_well(&rig);
	rig_finish(&rig);
}
END_TEST

static void mask_all(void)
{
	umask(0777);
}

static unsigned mode_of(const struct rig *rig, const char *name)
{
	char path[RIG_PATH];
	struct stat st;

	ck_assert_msg(stat(rig_path(rig, name, path), &st) == 0, "%s", path);
	return st.st_mode & 07777;
}

START_TEST(a_mask_of_modes)
{
	struct rig rig;

	rig_init(&rig);
	rig_launch(&rig, &(struct launch){.args = (const char *const[]){NULL},
				 .env = (const char *const[]){"RUNTIME_DIRECTORY=@DIR@/run", NULL},
				 .prepare = mask_all});
	ck_assert_uint_eq(mode_of(&rig, "run"), 0755);
	ck_assert_uint_eq(mode_of(&rig, "run/revd.sock"), 0660);
	ck_assert_uint_eq(mode_of(&rig, "run/revd.fifo"), 0620);
	ck_assert_uint_eq(mode_of(&rig, "run/revd.fifo.out"), 0640);
	ck_assert_uint_eq(mode_of(&rig, "run/revd.fifo.d"), 01733);
	rig_stop(&rig);
	rig_finish(&rig);
}
END_TEST

/* The directory is left, and what was named in it is found again. */
START_TEST(a_current_directory)
{
	char here[64];
	struct client c;
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	ck_assert_int_eq(chdir(rig.dir), 0);
	rig_launch(&rig, &(struct launch){.args = (const char *const[]){"-c", "revd.conf", NULL}});
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_str_eq(look(&rig, "cwd", here, sizeof here), "/");
	client_open(&c, &rig, STREAM);
	rig_write(&rig, "revd.conf", rig_all);
	rig_reload(&rig);
	ck_assert(!rig_log_has(&rig, "nothing was changed"));
	client_expect_call(&c, 1, "uno", "onu");
	client_close(&c);
	expect_well(&rig);
	rig_finish(&rig);
}
END_TEST

/* Variables of libevent, which are for its own tests. */
START_TEST(an_environment)
{
	static const char *const env[] = {"EVENT_NOEPOLL=1", "EVENT_NOPOLL=1", "EVENT_NOSELECT=1",
		"EVENT_SHOW_METHOD=1", "TMPDIR=relative", "RUNTIME_DIRECTORY=relative", NULL};
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	rig_launch(&rig, &(struct launch){.env = env});
	expect_well(&rig);
	rig_finish(&rig);
}
END_TEST

static void limit_softly(void)
{
	static const __rlimit_resource_t which[] = {RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_MSGQUEUE};

	for (size_t i = 0; i < ARRAY_SIZE(which); i++) {
		struct rlimit rl;

		getrlimit(which[i], &rl);
		rl.rlim_cur = which[i] == RLIMIT_NOFILE ? 8 : 0;
		setrlimit(which[i], &rl);
	}
}

START_TEST(soft_limits)
{
	struct rig rig;

	start(&rig, limit_softly);
	expect_well(&rig);
	rig_finish(&rig);
}
END_TEST

static void limit_file_size(void)
{
	struct rlimit rl = {0, 0};

	setrlimit(RLIMIT_FSIZE, &rl);
	signal(SIGXFSZ, SIG_DFL);
}

/* A log that may not grow is none, and no reason to end. */
START_TEST(a_hard_limit_of_file_sizes)
{
	struct rig rig;

	start(&rig, limit_file_size);
	expect_well(&rig);
	rig_finish(&rig);
}
END_TEST

/* Who gets nothing of what was asked for is told so. */
START_TEST(no_output)
{
	struct scene s;
	struct run r;

	scene_open(&s, STREAM, "");
	RUN(&r, &s.rig, "sh", "-c", "exec \"$REVC\" -e uds:@DIR@/stream.sock hola <&- >&- 2>&-");
	ck_assert_int_eq(r.status, 1);
	run_free(&r);
	RUN(&r, &s.rig, "sh", "-c", "exec \"$REVD\" --check -c revd.conf >&-");
	ck_assert_int_eq(r.status, 1);
	ck_assert_ptr_nonnull(strstr(r.err, "standard output"));
	run_free(&r);
	scene_close(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("inheritance");
	TCase *t = stage_tcase("inheritance");

	tcase_add_test(t, no_standard_descriptors);
	tcase_add_loop_test(t, signals_blocked_or_ignored, 0, ARRAY_SIZE(spoil_signals));
	tcase_add_test(t, signals_for_users);
	tcase_add_test(t, a_mask_of_modes);
	tcase_add_test(t, a_current_directory);
	tcase_add_test(t, an_environment);
	tcase_add_test(t, soft_limits);
	tcase_add_test(t, a_hard_limit_of_file_sizes);
	tcase_add_test(t, no_output);
	suite_add_tcase(s, t);
	return stage_run(s);
}
