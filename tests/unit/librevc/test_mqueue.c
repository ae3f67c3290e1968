/* Sessions over message queues, the daemon played by hand. Queues are scarce, so
 * they are small here. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <revd/client.h>
#include "common/runner.h"
#include "place.h"

#define REQUEST_SIZE 128

struct rig {
	char name[40], uri[48], reply_name[120];
	mqd_t fd, reply_fd;
	struct revc *s;
};

static const struct revc_options small = {.mq_depth = 2, .mq_size = 64};

static void make_queue(struct rig *r)
{
	struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = REQUEST_SIZE};

	r->fd = mq_open(r->name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0622, &attr);
	ck_assert_msg(r->fd != (mqd_t)-1, "%s", strerror(errno));
}

static void rig_init(struct rig *r)
{
	struct revc_err err;

	umask(077);
	(void)snprintf(r->name, sizeof(r->name), "/revc-test-%ld", (long)getpid());
	(void)snprintf(r->uri, sizeof(r->uri), "mqueue:%s", r->name);
	make_queue(r);
	r->reply_fd = (mqd_t)-1;
	ck_assert_msg(revc_open(r->uri, &small, &r->s, &err) == 0, "%s", err.text);
}

static void rig_finish(struct rig *r)
{
	revc_close(r->s);
	if (r->reply_fd != (mqd_t)-1) {
		mq_close(r->reply_fd);
	}
	mq_close(r->fd);
	mq_unlink(r->name);
}

/* Receives a request and opens its reply queue. Returns the bytes of text. */
static size_t take_request(struct rig *r, struct rv_frame *f)
{
	uint8_t buf[REQUEST_SIZE];
	ssize_t k = mq_receive(r->fd, (char *)buf, sizeof(buf), NULL);
	size_t n;

	ck_assert_int_ge(k, RV_FRAME_HEADER + 1);
	rv_frame_load(buf, f);
	ck_assert_uint_eq(f->length, (size_t)k - RV_FRAME_HEADER);
	ck_assert(f->flags & RV_FRAME_REPLY_TO);
	n = buf[RV_FRAME_HEADER];
	ck_assert(rv_token_valid(buf + RV_FRAME_HEADER + 1, n));
	(void)snprintf(r->reply_name, sizeof(r->reply_name), "%s.%.*s", r->name, (int)n,
		(const char *)buf + RV_FRAME_HEADER + 1);
	if (r->reply_fd == (mqd_t)-1) {
		r->reply_fd = mq_open(r->reply_name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		ck_assert(r->reply_fd != (mqd_t)-1);
	}
	return f->length - 1 - n;
}

START_TEST(asks_and_is_answered)
{
	uint8_t buf[64];
	struct rv_frame f;
	struct stat st;
	struct revc_limits limits;
	struct revc_reply reply;
	struct rig r;
	size_t n;

	rig_init(&r);
	revc_limits(r.s, &limits);
	ck_assert_uint_eq(limits.inflight_max, 2);
	ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 5, "hola", 4), 0);
	ck_assert_int_eq(revc_flush(r.s), 0);
	ck_assert_uint_eq(take_request(&r, &f), 4);
	ck_assert_int_eq(fstat(r.reply_fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0622);
	/* nobody's: too short, no frame, no reply */
	ck_assert_int_eq(mq_send(r.reply_fd, "", 0, 0), 0);
	ck_assert_int_eq(mq_send(r.reply_fd, "junk", 4, 0), 0);
	ck_assert_int_eq(revc_receive(r.s, REVC_NOW, &reply), -ETIMEDOUT);
	n = place_frame(buf, RV_STATUS_OK, RV_FRAME_REPLY | RV_FRAME_MORE, 5, "al");
	ck_assert_int_eq(mq_send(r.reply_fd, (char *)buf, n, 0), 0);
	n = place_frame(buf, RV_STATUS_OK, RV_FRAME_REPLY, 5, "oh");
	ck_assert_int_eq(mq_send(r.reply_fd, (char *)buf, n, 0), 0);
	ck_assert_int_eq(revc_receive(r.s, place_deadline(), &reply), 0);
	ck_assert_uint_eq(reply.len, 4);
	ck_assert_mem_eq(reply.data, "aloh", 4);
	rig_finish(&r);
}
END_TEST

START_TEST(cuts_to_the_message_size)
{
	char text[1000] = {0};
	struct rv_frame f;
	size_t got = 0;
	struct rig r;

	rig_init(&r);
	ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 5, text, sizeof(text)), 0);
	ck_assert_int_eq(revc_flush(r.s), 0);
	ck_assert_uint_gt(revc_unsent(r.s), 0); /* the queue is full, and that is no error */
	do {
		got += take_request(&r, &f);
		ck_assert_int_eq(revc_flush(r.s), 0);
	} while (f.flags & RV_FRAME_MORE);
	ck_assert_uint_eq(got, sizeof(text));
	rig_finish(&r);
}
END_TEST

START_TEST(removes_its_queue)
{
	struct rv_frame f;
	struct rig r;

	rig_init(&r);
	ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 5, "x", 1), 0);
	ck_assert_int_eq(revc_flush(r.s), 0);
	take_request(&r, &f);
	revc_unlink_reply(r.s);
	ck_assert_int_eq(mq_open(r.reply_name, O_WRONLY), -1);
	ck_assert_int_eq(errno, ENOENT);
	rig_finish(&r);
}
END_TEST

/* A queue that was made again under the name is another queue. */
START_TEST(sees_a_queue_replaced)
{
	struct rig r;

	rig_init(&r);
	ck_assert_int_eq(revc_verify(r.s), 0);
	mq_unlink(r.name);
	ck_assert_int_eq(revc_verify(r.s), -ENOTCONN);
	mq_close(r.fd);
	make_queue(&r);
	ck_assert_int_eq(revc_verify(r.s), -ENOTCONN);
	rig_finish(&r);
}
END_TEST

/* Where the budget is spent, smaller queues are tried, then a sentence says so. */
START_TEST(lives_within_the_budget)
{
	struct rlimit limit = {.rlim_cur = 0, .rlim_max = 0};
	struct revc_options greedy = {.mq_depth = 100000, .mq_size = 1024};
	struct revc_limits limits;
	struct revc_err err;
	struct revc *s = NULL;
	struct rig r;

	rig_init(&r);
	ck_assert_msg(revc_open(r.uri, &greedy, &s, &err) == 0, "%s", err.text);
	revc_limits(s, &limits);
	ck_assert_uint_le(limits.inflight_max, 10);
	revc_close(s);
	ck_assert_int_eq(setrlimit(RLIMIT_MSGQUEUE, &limit), 0);
	ck_assert_int_eq(revc_open(r.uri, &small, &s, &err), -EMFILE);
	ck_assert_ptr_nonnull(strstr(err.text, "RLIMIT_MSGQUEUE"));
	ck_assert_int_eq(err.exit_code, 75);
	rig_finish(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("librevc/mqueue");
	TCase *t = tcase_create("mqueue");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, asks_and_is_answered);
	tcase_add_test(t, cuts_to_the_message_size);
	tcase_add_test(t, removes_its_queue);
	tcase_add_test(t, sees_a_queue_replaced);
	tcase_add_test(t, lives_within_the_budget);
	suite_add_tcase(s, t);
	return runner_run(s);
}
