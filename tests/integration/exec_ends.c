/* Programs that end, hang, babble or leave others behind; and what is left then: nothing. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/stage.h"
#include "common/wait.h"
#include "exec_rig.h"

/* Echoes lines, but for `hang`, at which a child of it sleeps for ever. */
#define HANG                                                                                    \
	"command = sh -c 'while read -r x; do [ \"$x\" = hang ] && sleep 1000; echo \"$x\"; "  \
	"done'\n"

static void call(struct scene *s, uint64_t id, const char *text)
{
	client_send_frame(&s->client, RV_OP_CALL, 0, id, text, strlen(text));
}

static void expect(struct scene *s, uint64_t id, enum rv_status status)
{
	client_recv_frame(&s->client, &(struct reply){0}, id, (uint8_t)status);
}

/* What it has got is lost and said to be so; what was before and comes after is right. */
START_TEST(killed)
{
	struct scene s;
	pid_t pid, grandchild;

	exec_start(&s, HANG);
	exec_expect(&s, 1, "uno", RV_STATUS_OK, "uno");
	pid = exec_wait_children(s.rig.pid, 1);
	call(&s, 2, "hang");
	call(&s, 3, "dos");
	grandchild = exec_wait_children(pid, 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	expect(&s, 2, RV_STATUS_INTERNAL);
	expect(&s, 3, RV_STATUS_INTERNAL);
	exec_expect(&s, 4, "tres", RV_STATUS_OK, "tres");
	exec_wait_end(grandchild);
	ck_assert_int_ne(exec_wait_children(s.rig.pid, 1), pid); /* and no zombie */
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.stream.errors.internal"), 2);
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.stream.operations.call"), 4);
	rig_wait_log(&s.rig, 0, "was ended by signal 9 (Killed); requests in it: 2");
	scene_close(&s);
}
END_TEST

#define LOAD 40000u

/* A process of its own sends all of it. */
static pid_t send_load(struct scene *s)
{
	char line[32];
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0) {
		return pid;
	}
	for (unsigned i = 0; i < LOAD; i++) {
		client_send(&s->client, line, (size_t)snprintf(line, sizeof(line), "linea %u\n", i));
	}
	_exit(0);
}

static void kill_all(const struct scene *s)
{
	pid_t pids[EXEC_PIDS];

	for (size_t n = exec_children(s->rig.pid, pids); n-- > 0;) {
		kill(pids[n], SIGKILL);
	}
}

/* As many replies as lines, in their order, each of them the right one or an error. */
static unsigned check_load(struct scene *s)
{
	unsigned lost = 0;
	struct reply r;
	char want[32];

	for (unsigned i = 0; i < LOAD; i++) {
		int k = snprintf(want, sizeof(want), "LINEA %u\n", i);

		client_recv_line(&s->client, &r);
		if (r.data[0] == RV_NAK) {
			ck_assert_mem_eq(r.data, "\x15internal: ", 11);
			lost++;
		} else {
			ck_assert_msg(r.n == (size_t)k && memcmp(r.data, want, r.n) == 0,
				"'%.*s' instead of '%s'", (int)r.n, (const char *)r.data, want);
		}
		if (i % 10000 == 5000) {
			kill_all(s);
		}
	}
	return lost;
}

static const char *const loads[] = {
	"command = tr a-z A-Z",
	"processes = 3\ncommand = tr a-z A-Z",
	"processes = 2\nbuffering = pipe\ncommand = sed -u y/linea/LINEA/",
	"prefix = uid\ncommand = sed 's/^[0-9]* //; y/linea/LINEA/'",
};

START_TEST(killed_under_load)
{
	struct scene s;
	unsigned lost;
	pid_t sender;
	int status;

	exec_start_with(&s, "", "max_inflight = 64K", loads[_i]);
	client_expect_text(&s.client, "nila", "NILA");
	sender = send_load(&s);
	lost = check_load(&s);
	ck_assert_uint_lt(lost, LOAD / 2);
	ck_assert_int_eq(waitpid(sender, &status, 0), sender);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.stream.operations.call"), LOAD + 1);
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.stream.errors.internal"), lost);
	exec_check_other(&s);
	scene_close(&s);
}
END_TEST

START_TEST(exits_at_once)
{
	struct scene s;

	exec_start(&s, "command = false");
	exec_expect(&s, 1, "hola", RV_STATUS_INTERNAL, "the program ended with exit status 1");
	for (uint64_t i = 2; i < 100; i++) { /* it is left alone */
		exec_expect(&s, i, "hola", RV_STATUS_INTERNAL, NULL);
	}
	exec_check_other(&s);
	(void)exec_wait_children(s.rig.pid, 0);
	scene_close(&s);
}
END_TEST

/* One that ends after each answer is started for the next request. */
START_TEST(answers_once)
{
	struct scene s;

	exec_start(&s, "command = sh -c 'read -r x; echo \"$x $x\"'");
	for (uint64_t i = 1; i < 10; i++) {
		exec_expect(&s, i, "uno", RV_STATUS_OK, "uno uno");
		(void)exec_wait_children(s.rig.pid, 0);
	}
	scene_close(&s);
}
END_TEST

START_TEST(two_lines_for_one)
{
	struct scene s;

	exec_start(&s, "backoff = 1ms\ncommand = sed p");
	exec_expect(&s, 1, "uno", RV_STATUS_OK, "uno");
	rig_wait_log(&s.rig, 0, "that nobody asked for");
	(void)exec_wait_children(s.rig.pid, 0);
	exec_check_other(&s);
	scene_close(&s);
}
END_TEST

START_TEST(prints_nothing)
{
	struct scene s;

	exec_start(&s, "backoff = 1ms\ntimeout = 300ms\n" HANG);
	call(&s, 1, "uno");
	call(&s, 2, "hang");
	expect(&s, 1, RV_STATUS_OK);
	expect(&s, 2, RV_STATUS_TIMEOUT);
	rig_wait_log(&s.rig, 0, "printed nothing for the time of timeout");
	exec_check_other(&s);
	scene_close(&s);
}
END_TEST

/* A GiB, as one line, as many, before anybody asks, as an error, as what is no frame. */
static const struct {
	const char *keys, *log;
} babblers[] = {
	{"command = sh -c 'read -r x; head -c 1G /dev/zero'", "that is too long"},
	{"command = sh -c 'read -r x; yes | head -c 1G'", "that nobody asked for"},
	{"start = at-once\ncommand = sh -c 'yes | head -c 1G'", "that nobody asked for"},
	{"mode = frames\ncommand = sh -c 'head -c 1G /dev/zero'", "x: process"},
	{"mode = request\ncommand = head -c 1G /dev/zero", ""},
	{"command = sh -c 'head -c 100M /dev/zero >&2; while read -r x; do echo; done'", ""},
	{"command = sh -c 'yes >&2 & while read -r x; do echo; done'", "lines before it"},
};

START_TEST(prints_a_lot)
{
	struct scene s;
	size_t before;

	exec_start(&s, babblers[_i].keys);
	exec_check_other(&s);
	before = rig_memory(&s.rig);
	call(&s, 1, "uno");
	client_recv(&s.client, &(struct reply){0});
	rig_wait_log(&s.rig, 0, babblers[_i].log);
	exec_check_other(&s);
	ck_assert_uint_lt(rig_memory(&s.rig), before + ((size_t)8 << 20));
	scene_close(&s);
}
END_TEST

/* It forks and leaves, or is stopped with children: they end with it. */
static const char *const leavers[] = {
	"mode = request\ncommand = sh -c 'sleep 1000 & echo $!'",
	"command = sh -c 'read -r x; sleep 1000 & echo $!'",
};

START_TEST(forks_and_leaves)
{
	struct scene s;
	struct reply r;
	char number[16] = "";

	exec_start(&s, leavers[_i]);
	call(&s, 1, "uno");
	client_recv_frame(&s.client, &r, 1, RV_STATUS_OK);
	memcpy(number, r.data, MIN(r.n, sizeof(number) - 1));
	exec_wait_end(atoi(number));
	(void)exec_wait_children(s.rig.pid, 0);
	scene_close(&s);
}
END_TEST

static const char *const stopped[] = {
	"processes = 10\nstart = at-once\ncommand = cat",
	"processes = 10\nstart = at-once\nbuffering = pipe\ncommand = cat",
	"processes = 10\nstart = at-once\ncommand = sh -c 'trap \"\" TERM HUP; while :; do sleep 1000; done'",
};

START_TEST(ten_end_with_the_daemon)
{
	pid_t pids[EXEC_PIDS], grandchild;
	struct scene s;

	exec_start(&s, stopped[_i]);
	(void)exec_wait_children(s.rig.pid, 10);
	ck_assert_uint_eq(exec_children(s.rig.pid, pids), 10);
	grandchild = _i == 2 ? exec_wait_children(pids[0], 1) : pids[0];
	scene_close(&s);
	for (int i = 0; i < 10; i++) {
		exec_wait_end(pids[i]);
	}
	exec_wait_end(grandchild);
}
END_TEST

START_TEST(ten_end_with_a_killed_daemon)
{
	pid_t pids[EXEC_PIDS];
	struct scene s;

	exec_start(&s, stopped[_i]);
	(void)exec_wait_children(s.rig.pid, 10);
	ck_assert_uint_eq(exec_children(s.rig.pid, pids), 10);
	client_close(&s.client);
	rig_signal(&s.rig, SIGKILL);
	(void)rig_wait_exit(&s.rig);
	for (int i = 0; i < 10; i++) {
		exec_wait_end(pids[i]);
	}
	rig_finish(&s.rig);
}
END_TEST

/* Its time runs out, or its client leaves: the process of a request ends. */
START_TEST(nobody_waits_for_it)
{
	struct scene s;
	struct client other;
	pid_t pid;

	exec_start(&s, "mode = request\ntimeout = 300ms\nprocesses = 2\ncommand = sleep 1000");
	call(&s, 1, "");
	pid = exec_wait_children(s.rig.pid, 1);
	expect(&s, 1, RV_STATUS_TIMEOUT);
	exec_wait_end(pid);
	scene_close(&s);
	exec_start(&s, "mode = request\ncommand = sleep 1000");
	client_open(&other, &s.rig, STREAM);
	client_send_text(&other, "");
	pid = exec_wait_children(s.rig.pid, 1);
	client_close(&other);
	exec_wait_end(pid);
	(void)exec_wait_children(s.rig.pid, 0);
	scene_close(&s);
}
END_TEST

/* It reads nothing: requests wait with their clients, and end with their time. */
START_TEST(reads_nothing)
{
	static char text[64 << 10];
	struct scene s;
	size_t before;

	exec_start_with(&s, "", "max_inflight = 16M",
		"timeout = 500ms\nbackoff = 1ms\ncommand = sleep 1000");
	before = rig_memory(&s.rig);
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 64; i++) {
		memset(text + 1000 * i, '\n', 1);
	}
	for (int i = 0; i < 400; i++) {
		if (client_try_send(&s.client, text, 64000) < 0) {
			break;
		}
	}
	rig_wait_log(&s.rig, 0, "printed nothing for the time of timeout");
	exec_check_other(&s);
	ck_assert_uint_lt(rig_memory(&s.rig), before + ((size_t)16 << 20));
	scene_close(&s);
}
END_TEST

/* A slow one gets no more than it can answer in time: the rest waits with the client. */
START_TEST(a_slow_program)
{
	CLEANUP_FREE char *text = malloc(150 * 4);
	struct scene s;
	struct reply r;

	for (int i = 0; i < 150; i++) {
		memcpy(text + 4 * i, "uno\n", 4);
	}
	exec_start(&s, "timeout = 3s\ncommand = sh -c "
		       "'while read -r x; do sleep 0.03; echo \"$x$x\"; done'");
	client_send(&s.client, text, 150 * 4);
	for (int i = 0; i < 150; i++) {
		client_recv_line(&s.client, &r);
		ck_assert_msg(r.n == 7 && memcmp(r.data, "unouno\n", 7) == 0, "%d: '%.*s'", i,
			(int)r.n, (const char *)r.data);
	}
	scene_close(&s);
}
END_TEST

/* Descriptors of programs that have ended are closed. */
START_TEST(nothing_is_left)
{
	struct scene s;
	size_t before;

	exec_start(&s, "command = sh -c 'read -r x; echo'");
	exec_expect(&s, 1, "uno", RV_STATUS_OK, "");
	(void)exec_wait_children(s.rig.pid, 0);
	client_barrier(&s.client);
	before = rig_fd_count(&s.rig);
	for (uint64_t i = 2; i < 50; i++) {
		exec_expect(&s, i, "uno", RV_STATUS_OK, "");
		(void)exec_wait_children(s.rig.pid, 0);
	}
	exec_wait_descriptors(&s.rig, before);
	scene_close(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exec_ends");
	TCase *tc = stage_tcase("exec_ends");

	tcase_add_test(tc, killed);
	tcase_add_loop_test(tc, killed_under_load, 0, (int)ARRAY_SIZE(loads));
	tcase_add_test(tc, exits_at_once);
	tcase_add_test(tc, answers_once);
	tcase_add_test(tc, two_lines_for_one);
	tcase_add_test(tc, prints_nothing);
	tcase_add_loop_test(tc, prints_a_lot, 0, (int)ARRAY_SIZE(babblers));
	tcase_add_loop_test(tc, forks_and_leaves, 0, (int)ARRAY_SIZE(leavers));
	tcase_add_loop_test(tc, ten_end_with_the_daemon, 0, (int)ARRAY_SIZE(stopped));
	tcase_add_loop_test(tc, ten_end_with_a_killed_daemon, 0, (int)ARRAY_SIZE(stopped) - 1);
	tcase_add_test(tc, nobody_waits_for_it);
	tcase_add_test(tc, reads_nothing);
	tcase_add_test(tc, a_slow_program);
	tcase_add_test(tc, nothing_is_left);
	suite_add_tcase(s, tc);
	return stage_run(s);
}
