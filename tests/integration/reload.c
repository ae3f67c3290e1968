/* Who asks for a reload hears what came of it; and names that were lost come back. */
#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/run.h"
#include "common/scene.h"
#include "common/stage.h"
#include "util/fd.h"
#include "util/macro.h"

#define STREAM_AT(path) "[endpoint.stream]\ntransport = uds\nmode = 0666\npath = " path "\n"
#define STREAM_HERE STREAM_AT("@DIR@/stream.sock")
#define FIFO_HERE "[endpoint.fifo]\ntransport = fifo\npath = @DIR@/fifo\n"

static void expect_says(const char *text, const char *what)
{
	ck_assert_msg(strstr(text, what), "'%s' does not say '%s'", text, what);
}

/* revd --reload with its exit code, and what it has to say on either stream. */
static void ask(const struct rig *rig, const char *config, int status, const char *says)
{
	struct run r;

	if (config) {
		RUN(&r, rig, "revd", "--reload", "-c", config);
	} else {
		RUN(&r, rig, "revd", "--reload");
	}
	ck_assert_msg(r.status == status, "exit code %d: %s%s", r.status, r.out, r.err);
	expect_says(status == 0 ? r.out : r.err, says);
	run_free(&r);
}

/* As systemd starts it, with the process in $MAINPID. */
static void ask_process(const struct rig *rig, pid_t pid, int status, const char *says)
{
	char text[16];

	snprintf(text, sizeof text, "%d", (int)pid);
	ck_assert_int_eq(setenv("MAINPID", text, 1), 0);
	ask(rig, NULL, status, says);
	ck_assert_int_eq(unsetenv("MAINPID"), 0);
}

/* Names. */

static const struct {
	const char *file, *queue;
} names[] = {
	{.file = "stream.sock"},
	{.file = "fifo"},
	{.file = "fifo.out"},
	{.file = "fifo.d"},
	{.queue = ""},
	{.queue = ".out"},
};

static void lose(const struct rig *rig, size_t i)
{
	char path[RIG_PATH];

	if (names[i].file) {
		ck_assert_int_eq(remove(rig_path(rig, names[i].file, path)), 0);
		return;
	}
	snprintf(path, sizeof path, "%s%s", rig->queue, names[i].queue);
	ck_assert_int_eq(mq_unlink(path), 0);
}

static void expect_served(const struct rig *rig)
{
	for (int i = 0; i < TRANSPORTS; i++) {
		struct client c;

		client_open(&c, rig, (enum transport)i);
		client_expect_call(&c, 1, "uno", "onu");
		client_expect_text(&c, "dos", "sod");
		client_close(&c);
	}
}

/* By SIGHUP, or by a request over the one socket that is left. */
START_TEST(lost_names)
{
	size_t i = (size_t)_i / 2;
	struct scene s;

	scene_open(&s, SEQPACKET, "workers = 2");
	client_expect_text(&s.client, "uno", "onu");
	lose(&s.rig, i);
	if (_i % 2 == 0) {
		rig_reload(&s.rig);
	} else {
		ask(&s.rig, "revd.conf", 0, "reloaded, serving 4 endpoints");
	}
	expect_served(&s.rig);
	client_expect_text(&s.client, "dos", "sod"); /* who is connected elsewhere stays */
	scene_close(&s);
}
END_TEST

/* The only socket: nothing is left to ask at, but the process can be told. */
START_TEST(the_only_name_is_lost)
{
	struct client c;
	struct rig rig;

	rig_start(&rig, STREAM_HERE);
	lose(&rig, 0);
	ask(&rig, "revd.conf", 69, "nobody serves there");
	ask_process(&rig, rig.pid, 0, "reloaded, serving 1 endpoint;");
	client_open(&c, &rig, STREAM);
	client_expect_text(&c, "uno", "onu");
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

/* What stands in the way stays, and so does the endpoint, for those it has. */
START_TEST(another_has_the_name)
{
	char path[RIG_PATH];
	struct scene s;
	int fd;

	scene_open(&s, _i == 0 ? STREAM : FIFO, "");
	client_expect_call(&s.client, 1, "uno", "onu");
	lose(&s.rig, (size_t)_i);
	fd = open(rig_path(&s.rig, names[_i].file, path), O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ask_process(&s.rig, s.rig.pid, 1,
		_i == 0 ? "exists and is not a socket; the old configuration stays"
			: "the name is another's now; the old configuration stays");
	client_expect_call(&s.client, 2, "dos", "sod");
	ck_assert_int_eq(unlink(path), 0);
	ask_process(&s.rig, s.rig.pid, 0, "reloaded, serving 4 endpoints;");
	expect_served(&s.rig);
	scene_close(&s);
}
END_TEST

START_TEST(the_directory_is_lost)
{
	char path[RIG_PATH];
	struct client c;
	struct rig rig;

	rig_init(&rig);
	ck_assert_int_eq(mkdir(rig_path(&rig, "d", path), 0755), 0);
	rig_write(
		&rig, "revd.conf", STREAM_HERE "[endpoint.b]\ntransport = uds\npath = @DIR@/d/s\n");
	rig_launch(&rig, NULL);
	client_open_at(&c, STREAM, rig_path(&rig, "d/s", path));
	ck_assert_int_eq(remove(path), 0);
	ck_assert_int_eq(remove(rig_path(&rig, "d/s.lock", path)), 0);
	ck_assert_int_eq(remove(rig_path(&rig, "d", path)), 0);
	ask_process(&rig, rig.pid, 1, "the name is gone, and its directory: No such file");
	client_expect_text(&c, "uno", "onu");
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

/* Results. */

START_TEST(refused)
{
	static const char bad[] = "STATUS=serving 1 endpoint; the last reload was refused: ";
	char want[RIG_PATH * 2];
	struct scene s;

	rig_start(&s.rig, STREAM_HERE);
	client_open(&s.client, &s.rig, STREAM);
	rig_write(&s.rig, "revd.conf",
		STREAM_HERE "[endpoint.b]\ntransport = uds\npath = @DIR@/no/b\n");
	ask(&s.rig, "revd.conf", 1, "no such directory; the old configuration stays");
	snprintf(want, sizeof want, "%sb: %s/no/b.lock: cannot make the lock: no such directory",
		bad, s.rig.dir);
	rig_wait_notify(&s.rig, want);
	client_expect_text(&s.client, "uno", "onu");
	rig_write(&s.rig, "revd.conf", STREAM_HERE "[endpoint.b]\ntransprot = uds\n");
	ask(&s.rig, "revd.conf", 78,
		"revd.conf:6: unknown key 'transprot', did you mean 'transport'?");
	ask_process(&s.rig, s.rig.pid, 1, "did you mean 'transport'?; the old configuration stays");
	rig_write(&s.rig, "revd.conf", STREAM_HERE);
	ask(&s.rig, "revd.conf", 0, "reloaded, serving 1 endpoint;");
	rig_wait_notify(&s.rig, "STATUS=serving 1 endpoint");
	client_expect_text(&s.client, "dos", "sod");
	scene_close(&s);
}
END_TEST

/* It is in force when the answer comes, which says what it is made of. */
START_TEST(in_force)
{
	char path[RIG_PATH];
	struct client c;
	struct rig rig;

	rig_start(&rig, STREAM_HERE);
	rig_write(&rig, "revd.conf", STREAM_AT("@DIR@/moved.sock") FIFO_HERE);
	ask_process(&rig, rig.pid, 0, ": reloaded, serving 2 endpoints; configuration: /");
	client_open_at(&c, STREAM, rig_path(&rig, "moved.sock", path));
	client_expect_text(&c, "uno", "onu");
	client_close(&c);
	ck_assert(rig_log_has(&rig, "stream: moved from uds:"));
	ck_assert(!rig_log_has(&rig, "1 endpoints"));
	rig_finish(&rig);
}
END_TEST

START_TEST(of_another_configuration)
{
	struct rig rig;

	rig_start(&rig, STREAM_HERE);
	rig_write(&rig, "other.conf", STREAM_HERE);
	ask(&rig, "other.conf", 1, "it does not read /");
	ask(&rig, "./revd.conf", 1, "it does not read /"); /* another name is another file */
	ask(&rig, "revd.conf", 0, "reloaded, serving 1 endpoint;");
	rig_finish(&rig);
}
END_TEST

START_TEST(nobody_to_ask)
{
	struct rig rig;

	rig_start(&rig, FIFO_HERE);
	ask(&rig, "revd.conf", 69, "no Unix socket");
	ask_process(&rig, rig.pid, 0, "reloaded, serving 1 endpoint");
	ask_process(&rig, getpid(), 69, "is no revd that serves");
	rig_stop(&rig);
	ask_process(&rig, INT32_MAX, 1, "No such process");
	rig_finish(&rig);
}
END_TEST

/* A socket where all places are taken does not keep the administrator out. */
START_TEST(a_crowded_socket)
{
	struct scene s;

	rig_start(&s.rig, STREAM_HERE "max_peers = 1\n"
				      "[endpoint.b]\ntransport = uds\npath = @DIR@/b.sock\n");
	client_open(&s.client, &s.rig, STREAM);
	client_expect_text(&s.client, "uno", "onu");
	ask(&s.rig, "revd.conf", 0, "b.sock: reloaded, serving 2 endpoints;");
	scene_close(&s);
}
END_TEST

/* Rights. */

static uint8_t status_of(struct client *c)
{
	struct reply r;

	client_send_frame(c, RV_OP_RELOAD, 0, 7, "", 0);
	do {
		client_recv(c, &r);
	} while (!r.frame);
	ck_assert_uint_eq(r.head.id, 7);
	return r.head.code;
}

START_TEST(who_may)
{
	struct scene s;

	scene_open(&s, _i, "workers = 2");
	ck_assert_int_eq(status_of(&s.client),
		_i == STREAM || _i == SEQPACKET ? RV_STATUS_OK : RV_STATUS_DENIED);
	client_expect_call(&s.client, 8, "uno", "onu");
	scene_close(&s);
}
END_TEST

static int status_as(const struct rig *rig, uid_t uid)
{
	struct client c;
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0) {
			_exit(100);
		}
		client_open(&c, rig, STREAM);
		_exit(status_of(&c));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(other_users)
{
	char path[RIG_PATH];
	struct rig rig;

	rig_init(&rig);
	ck_assert_int_eq(chown(rig_path(&rig, "", path), RIG_UID, RIG_UID), 0);
	rig_write(&rig, "revd.conf", STREAM_HERE);
	rig_launch(&rig, &(struct launch){.as_other = true});
	ck_assert_int_eq(status_as(&rig, RIG_UID), RV_STATUS_OK);
	ck_assert_int_eq(status_as(&rig, 0), RV_STATUS_OK);
	ck_assert_int_eq(status_as(&rig, RIG_UID - 1), RV_STATUS_DENIED);
	rig_finish(&rig);
}
END_TEST

/* At the same time. */

START_TEST(many_at_once)
{
	enum { N = 50 };
	struct scene s;
	struct reply r;

	scene_open(&s, STREAM, _i ? "workers = 4" : "workers = 1");
	for (uint64_t i = 0; i < N; i++) {
		client_send_frame(&s.client, RV_OP_RELOAD, 0, i, "", 0);
		if (i % 10 == 0) {
			rig_signal(&s.rig, SIGHUP);
		}
	}
	for (int i = 0; i < N; i++) {
		client_recv(&s.client, &r);
		ck_assert_uint_eq(r.head.code, RV_STATUS_OK);
	}
	scene_close(&s);
}
END_TEST

/* Nobody is there any more when the answer comes. */
START_TEST(a_client_that_leaves)
{
	struct scene s;

	scene_open(&s, SEQPACKET, _i ? "workers = 4" : "workers = 1");
	for (uint64_t i = 0; i < 20; i++) {
		struct client c;

		client_open(&c, &s.rig, STREAM);
		client_send_frame(&c, RV_OP_RELOAD, 0, i, "", 0);
		client_close(&c);
	}
	client_barrier(&s.client);
	ask(&s.rig, "revd.conf", 0, "reloaded");
	scene_close(&s);
}
END_TEST

/* It gets an answer or the end of the connection, and the daemon ends well. */
START_TEST(a_daemon_that_stops)
{
	struct scene s;

	scene_open(&s, STREAM, _i ? "workers = 4" : "workers = 1");
	for (uint64_t i = 0; i < 20; i++) {
		client_send_frame(&s.client, RV_OP_RELOAD, 0, i, "", 0);
	}
	rig_stop(&s.rig);
	scene_close(&s);
}
END_TEST

static TCase *lost(void)
{
	TCase *t = stage_tcase("lost");

	tcase_add_loop_test(t, lost_names, 0, 2 * (int)ARRAY_SIZE(names));
	tcase_add_test(t, the_only_name_is_lost);
	tcase_add_loop_test(t, another_has_the_name, 0, 3);
	tcase_add_test(t, the_directory_is_lost);
	return t;
}

int main(void)
{
	Suite *s = suite_create("reload");
	TCase *t = stage_tcase("result");

	suite_add_tcase(s, lost());
	tcase_add_test(t, refused);
	tcase_add_test(t, in_force);
	tcase_add_test(t, of_another_configuration);
	tcase_add_test(t, nobody_to_ask);
	tcase_add_test(t, a_crowded_socket);
	tcase_add_loop_test(t, who_may, 0, TRANSPORTS);
	tcase_add_test(t, other_users);
	tcase_add_loop_test(t, many_at_once, 0, 2);
	tcase_add_loop_test(t, a_client_that_leaves, 0, 2);
	tcase_add_loop_test(t, a_daemon_that_stops, 0, 2);
	suite_add_tcase(s, t);
	return stage_run(s);
}
