/* What a message queue must survive, and what is special about it. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/scene.h"
#include "common/stage.h"
#include "util/macro.h"

#define STAT(key) "endpoints.mqueue." key

static const char plain[] = "[revd]\n"
			    "drain_timeout = 100ms\n"
			    "[endpoint.stream]\n"
			    "transport = uds\n"
			    "path = @DIR@/stream.sock\n"
			    "[endpoint.mqueue]\n"
			    "transport = mqueue\n"
			    "queue = @QUEUE@\n";

static void start(struct scene *s, const char *keys)
{
	CLEANUP_FREE char *config = NULL;

	ck_assert_int_gt(asprintf(&config, "%s%s", plain, keys), 0);
	rig_start(&s->rig, config);
	client_open(&s->client, &s->rig, MQUEUE);
}

static void queue_attr(
	const struct rig *rig, const char *suffix, struct mq_attr *attr, struct stat *st)
{
	char name[128];
	mqd_t q;

	snprintf(name, sizeof name, "%s%s", rig->queue, suffix);
	q = mq_open(name, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(q, 0);
	ck_assert_int_eq(mq_getattr(q, attr), 0);
	ck_assert_int_eq(fstat(q, st), 0);
	mq_close(q);
}

START_TEST(attributes_and_modes)
{
	struct mq_attr attr;
	struct scene s;
	struct stat st;

	start(&s, "max_messages = 7\nmessage_size = 2K\nmode = 0622\nout_mode = 0604\n");
	queue_attr(&s.rig, "", &attr, &st);
	ck_assert_int_eq(attr.mq_maxmsg, 7);
	ck_assert_int_eq(attr.mq_msgsize, 2048);
	ck_assert_uint_eq(st.st_mode & 07777, 0622);
	queue_attr(&s.rig, ".out", &attr, &st);
	ck_assert_uint_eq(st.st_mode & 07777, 0604);
	client_expect_call(&s.client, 1, "uno", "onu");
	scene_close(&s);
}
END_TEST

START_TEST(modes_let_nobody_steal)
{
	struct mq_attr attr;
	struct scene s;
	struct stat st;

	start(&s, "");
	queue_attr(&s.rig, "", &attr, &st);
	ck_assert_uint_eq(st.st_mode & 07777, 0620);
	queue_attr(&s.rig, ".out", &attr, &st);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	scene_close(&s);
}
END_TEST

/* Runs as another user: 0 if opening the queue fails with EACCES. */
static int steal(const char *name)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (setgid(RIG_UID) < 0 || setuid(RIG_UID) < 0) {
			_exit(2);
		}
		_exit(mq_open(name, O_RDONLY) < 0 && errno == EACCES ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(rogue_reader)
{
	struct scene s;

	start(&s, "mode = 0622\n");
	ck_assert_int_eq(steal(s.rig.queue), 0);
	client_expect_call(&s.client, 1, "uno", "onu");
	scene_close(&s);
}
END_TEST

START_TEST(reply_queue_full)
{
	struct client deaf;
	struct scene s;

	start(&s, "slow_timeout = 200ms\n");
	client_open(&deaf, &s.rig, MQUEUE);
	for (uint64_t i = 0; i < 200; i++) {
		client_send_frame(&deaf, RV_OP_PING, 0, i, "ping", 4);
		client_expect_call(&s.client, i, "uno", "onu");
	}
	client_wait_stat(&s.rig, STAT("drops.output"), 1);
	client_expect_call(&s.client, 1, "uno", "onu");
	client_close(&deaf);
	scene_close(&s);
}
END_TEST

START_TEST(reply_queue_gone)
{
	struct client dead;
	struct scene s;

	start(&s, "");
	client_open(&dead, &s.rig, MQUEUE);
	ck_assert_int_eq(mq_unlink(dead.reply_name), 0);
	client_send_frame(&dead, RV_OP_CALL, 0, 1, "uno", 3);
	client_expect_call(&s.client, 1, "uno", "onu");
	ck_assert_int_eq(client_stat(&s.rig, STAT("drops.reply_name")), 1);
	client_close(&dead);
	scene_close(&s);
}
END_TEST

START_TEST(reply_queue_made_anew)
{
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 64};
	struct client other;
	struct scene s;
	mqd_t q;

	start(&s, "");
	client_open(&other, &s.rig, MQUEUE);
	client_expect_call(&other, 1, "uno", "onu");
	ck_assert_int_eq(mq_unlink(other.reply_name), 0);
	q = mq_open(other.reply_name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0622, &attr);
	ck_assert_int_ge(q, 0);
	for (uint64_t i = 0; i < 50; i++) {
		client_send_frame(&other, RV_OP_PING, 0, i, "ping", 4);
		client_expect_call(&s.client, i, "uno", "onu");
	}
	mq_close(q);
	client_close(&other);
	scene_close(&s);
}
END_TEST

/* So small that not even a header and a byte fit: nothing can be sent. */
START_TEST(reply_queue_too_small)
{
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 16};
	struct client other;
	struct scene s;
	mqd_t q;

	start(&s, "");
	client_open(&other, &s.rig, MQUEUE);
	ck_assert_int_eq(mq_unlink(other.reply_name), 0);
	q = mq_open(other.reply_name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0622, &attr);
	ck_assert_int_ge(q, 0);
	client_send_frame(&other, RV_OP_CALL, 0, 1, "uno", 3);
	client_expect_call(&s.client, 1, "uno", "onu");
	mq_close(q);
	client_close(&other);
	scene_close(&s);
}
END_TEST

/* The daemon's own `.out` as a reply address, and names outside of its own. */
START_TEST(odd_tokens)
{
	static const char *const tokens[] = {"out", "../x", "a/b", "", ".", "a b"};
	uint8_t buf[128];
	struct scene s;

	start(&s, "");
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		size_t n = client_build_token(
			buf, RV_OP_CALL, 1, tokens[i], strlen(tokens[i]), "evil", 4);

		for (int k = 0; k < 20; k++) {
			client_send(&s.client, buf, n);
			client_expect_call(&s.client, i, "uno", "onu");
		}
	}
	scene_close(&s);
}
END_TEST

START_TEST(malformed_messages)
{
	uint8_t buf[256];
	struct scene s;
	size_t n;

	start(&s, "");
	n = client_build(&s.client, buf, RV_OP_CALL, 0, 1, "evil", 4);
	client_send(&s.client, buf, n - 1); /* its length says more */
	client_send(&s.client, buf, 1);
	client_send(&s.client, buf, RV_FRAME_HEADER);
	rv_store_le32(buf + 4, 1u << 31);
	client_send(&s.client, buf, n);
	rv_store_le32(buf + 4, 0);
	client_send(&s.client, buf, n);
	buf[1] = 2;
	client_send(&s.client, buf, n);
	client_send_frame(&s.client, RV_OP_PING, 0, 77, "", 0);
	for (;;) { /* answered or dropped, each by itself */
		struct reply r;

		client_recv(&s.client, &r);
		ck_assert(r.frame);
		if (r.head.id == 77) {
			break;
		}
		ck_assert_uint_eq(r.head.code, RV_STATUS_MALFORMED);
	}
	client_expect_call(&s.client, 2, "uno", "onu");
	scene_close(&s);
}
END_TEST

START_TEST(priority_is_echoed)
{
	uint8_t buf[256];
	struct scene s;
	struct reply r;

	start(&s, "");
	for (unsigned prio = 0; prio < 32; prio += 31) {
		size_t n = client_build(&s.client, buf, RV_OP_CALL, 0, prio, "uno", 3);

		client_send_prio(&s.client, buf, n, prio);
		client_recv_frame(&s.client, &r, prio, RV_STATUS_OK);
		ck_assert_uint_eq(r.prio, prio);
	}
	client_send_prio(&s.client, "dos", 3, 17);
	client_recv_line(&s.client, &r);
	ck_assert_uint_eq(r.prio, 17);
	scene_close(&s);
}
END_TEST

/* As documented: what waits with a lower one is overtaken. */
START_TEST(priority_jumps_the_queue)
{
	uint8_t buf[256];
	struct scene s;
	struct reply r;

	start(&s, "");
	rig_signal(&s.rig, SIGSTOP);
	for (unsigned i = 0; i < 4; i++) {
		size_t n = client_build(&s.client, buf, RV_OP_CALL, 0, i, "uno", 3);

		client_send_prio(&s.client, buf, n, i);
	}
	rig_signal(&s.rig, SIGCONT);
	for (unsigned i = 4; i-- > 0;) {
		client_recv_frame(&s.client, &r, i, RV_STATUS_OK);
	}
	scene_close(&s);
}
END_TEST

START_TEST(empty_and_largest_message)
{
	static char text[8192];
	struct scene s;

	start(&s, "");
	memset(text, 'x', sizeof text);
	client_expect_line(&s.client, "", 0, "", 0);
	client_expect_line(&s.client, text, sizeof text, text, sizeof text);
	client_expect_line(&s.client, "", 0, "", 0);
	ck_assert_int_eq(client_try_send(&s.client, "x", 1), 1);
	client_barrier(&s.client);
	scene_close(&s);
}
END_TEST

START_TEST(lines_that_nobody_reads)
{
	struct client deaf;
	struct scene s;

	start(&s, "");
	client_open(&deaf, &s.rig, MQUEUE);
	for (uint64_t i = 0; i < 100; i++) {
		client_send(&deaf, "nobody", 6);
		client_expect_call(&s.client, i, "uno", "onu");
	}
	client_close(&deaf);
	scene_close(&s);
}
END_TEST

static void expect_start_refused(struct rig *rig, const struct launch *l, const char *says)
{
	int status;

	rig_launch(rig, l);
	status = rig_wait_exit(rig);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	ck_assert_msg(rig_log_has(rig, says), "the log does not name %s", says);
}

START_TEST(no_room_for_queues)
{
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", plain);
	expect_start_refused(&rig, &(struct launch){.early = true, .msgqueue = 1000}, rig.queue);
	ck_assert_msg(!rig_has_queue(&rig, ""), "a queue is left behind");
	ck_assert_msg(rig_log_has(&rig, "RLIMIT_MSGQUEUE") || rig_log_has(&rig, "LimitMSGQUEUE"),
		"the log does not name the limit");
	ck_assert_msg(!rig_log_has(&rig, "Too many open files"), "errno's text misleads");
	rig_finish(&rig);
}
END_TEST

START_TEST(queue_of_another_user)
{
	struct rig rig;
	mqd_t q;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", plain);
	q = mq_open(rig.queue, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0622, NULL);
	ck_assert_int_ge(q, 0);
	ck_assert_int_eq(fchown(q, RIG_UID, RIG_UID), 0);
	expect_start_refused(&rig, &(struct launch){.early = true}, rig.queue);
	ck_assert_msg(rig_has_queue(&rig, ""), "another user's queue was removed");
	mq_close(q);
	mq_unlink(rig.queue);
	rig_finish(&rig);
}
END_TEST

/* What waited in the queue when the daemon was killed is served by the next. */
START_TEST(killed_with_requests_waiting)
{
	struct scene s;
	struct reply r;

	start(&s, "");
	rig_signal(&s.rig, SIGSTOP);
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "uno", 3);
	rig_signal(&s.rig, SIGKILL);
	rig_wait_exit(&s.rig);
	rig_launch(&s.rig, NULL);
	client_recv_frame(&s.client, &r, 1, RV_STATUS_OK);
	ck_assert_mem_eq(r.data, "onu", 3);
	client_close(&s.client);
	rig_stop(&s.rig);
	ck_assert(!rig_has_queue(&s.rig, ""));
	ck_assert(!rig_has_queue(&s.rig, ".out"));
	rig_finish(&s.rig);
}
END_TEST

/* One user takes all queues of the system: those with theirs are served. */
START_TEST(all_queues_taken)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 1};
	char name[128];
	struct scene s;
	int n;

	start(&s, "");
	for (n = 0; n < 2000; n++) {
		mqd_t q;

		snprintf(name, sizeof name, "%s-%d", s.rig.queue, n);
		q = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
		if (q < 0) {
			ck_assert_int_eq(errno, ENOSPC);
			break;
		}
		mq_close(q);
	}
	ck_assert_int_lt(n, 2000);
	client_expect_call(&s.client, 1, "uno", "onu");
	client_expect_text(&s.client, "dos", "sod");
	while (n-- > 0) {
		snprintf(name, sizeof name, "%s-%d", s.rig.queue, n);
		mq_unlink(name);
	}
	scene_close(&s);
}
END_TEST

static TCase *as_root(void)
{
	TCase *t = stage_tcase("root");

	tcase_add_test(t, rogue_reader);
	tcase_add_test(t, queue_of_another_user);
	tcase_add_test(t, all_queues_taken); /* in the namespace that stage.c made */
	return t;
}

static TCase *replies(void)
{
	TCase *t = stage_tcase("replies");

	tcase_add_test(t, reply_queue_full);
	tcase_add_test(t, reply_queue_gone);
	tcase_add_test(t, reply_queue_made_anew);
	tcase_add_test(t, reply_queue_too_small);
	tcase_add_test(t, odd_tokens);
	tcase_add_test(t, lines_that_nobody_reads);
	return t;
}

int main(void)
{
	Suite *s = suite_create("mqueue");
	TCase *t = stage_tcase("queue");

	tcase_add_test(t, attributes_and_modes);
	tcase_add_test(t, modes_let_nobody_steal);
	tcase_add_test(t, malformed_messages);
	tcase_add_test(t, priority_is_echoed);
	tcase_add_test(t, priority_jumps_the_queue);
	tcase_add_test(t, empty_and_largest_message);
	tcase_add_test(t, no_room_for_queues);
	tcase_add_test(t, killed_with_requests_waiting);
	suite_add_tcase(s, t);
	suite_add_tcase(s, replies());
	if (geteuid() == 0) {
		suite_add_tcase(s, as_root());
	}
	return stage_run(s);
}
