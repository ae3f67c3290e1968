/*
 * One session per backend: open, attach, be asked, answer, meet a full reply
 * buffer, drain, detach, close. It is repeated with the 1st, 2nd, ... call that the
 * backend makes failing, until none is left that could. Whatever fails: no
 * crash, nothing leaked, all descriptors closed, every peer ended.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "common/runner.h"
#include "fail.h"
#include "fake.h"
#include "fifo/reply.h"
#include "loopback/hub.h"
#include "mqueue/messages.h"
#include "place.h"
#include "shm/shm.h"
#include <revd/base/listener.h>

extern const struct rv_backend_ops fifo_backend, loopback_backend, mqueue_backend, shm_backend,
	uds_backend;

#define MOST 400 /* calls in a session */

static const int errors[] = {EIO, ENOMEM, EMFILE, EINTR};
static char path[64], queue[64];

/* What differs between the transports: the client's side. */
struct kind {
	const struct rv_backend_ops *ops;
	const void *cfg;
	void (*begin)(void); /* not armed */
	void (*ask)(void);
	void (*end)(void);
	bool tokens;
};

static int reply_fd = -1;
static struct loopback *conn;

static void fifo_begin(void)
{
	reply_fd = -1;
}

static void fifo_ask(void)
{
	int fd = open("q", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0) {
		ck_assert_int_eq(write(fd, "hola\n", 5), 5);
		close(fd);
	}
	reply_fd = place_has("q.d") ? place_fifo("q.d/t") : -1;
}

static void fifo_end(void)
{
	static const char *const names[] = {"q.d/t", "q", "q.out", "q.lock"};

	if (reply_fd >= 0) {
		close(reply_fd);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unlink(names[i]); /* what a failed call made the backend leave */
	}
	rmdir("q.d");
}

static void mqueue_begin(void)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 128};
	char name[80];

	snprintf(name, sizeof(name), "%s.t", queue);
	reply_fd = mq_open(name, O_RDWR | O_NONBLOCK | O_CREAT | O_CLOEXEC, 0600, &attr);
	ck_assert_int_ge(reply_fd, 0);
}

static void mqueue_ask(void)
{
	mqd_t q = mq_open(queue, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (q >= 0) {
		ck_assert_int_eq(mq_send(q, "hola", 4, 0), 0);
		mq_close(q);
	}
}

static void mqueue_end(void)
{
	static const char *const suffixes[] = {"", ".out", ".t"};
	char name[80];

	mq_close(reply_fd);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", queue, suffixes[i]);
		mq_unlink(name);
	}
}

static void loopback_begin(void)
{
	conn = NULL;
}

static void loopback_ask(void)
{
	if (loopback_connect("faults", &conn) == 0) {
		ck_assert_int_gt(loopback_send(conn, "hola\n", 5, 0), 0);
	}
}

static void loopback_end(void)
{
	loopback_close(conn);
}

static void uds_begin(void)
{
	reply_fd = -1;
}

static void uds_connect(int type)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX, .sun_path = "q"};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0) {
		ck_assert_int_eq(send(fd, "hola\n", 5, MSG_NOSIGNAL), 5);
	}
	reply_fd = fd;
}

static void stream_ask(void)
{
	uds_connect(SOCK_STREAM);
}

static void seqpacket_ask(void)
{
	uds_connect(SOCK_SEQPACKET);
}

/* What it would send goes through the memory, of which it makes no use. */
static void shm_ask(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX, .sun_path = "q"};

	reply_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(reply_fd, 0);
	(void)connect(reply_fd, (struct sockaddr *)&sa, sizeof(sa));
}

static void uds_end(void)
{
	if (reply_fd >= 0) {
		close(reply_fd);
	}
	unlink("q");
	unlink("q.lock");
}

static const struct fifo_config fifo_cfg = {.path = path, .reply_dir = ""};
static const struct mqueue_config mqueue_cfg = {
	.queue = queue, .max_messages = 2, .message_size = 128};
static const struct loopback_config stream_cfg = {
	.name = "faults", .type = LOOPBACK_STREAM, .max_message = 64, .capacity = 128};
static const struct loopback_config message_cfg = {
	.name = "faults", .type = LOOPBACK_MESSAGE, .max_message = 64, .capacity = 128};

static const struct rv_listener_config uds_stream_cfg = {
	.path = path, .type = RV_LISTENER_STREAM, .backlog = 4};
static const struct rv_listener_config uds_seqpacket_cfg = {
	.path = path, .type = RV_LISTENER_SEQPACKET, .backlog = 4};

static const struct shm_config shm_cfg = {
	.listener = {.path = path, .type = RV_LISTENER_STREAM, .backlog = 4}, .ring_size = 4096};

static const struct kind kinds[] = {
	{&shm_backend, &shm_cfg, uds_begin, shm_ask, uds_end, false},
	{&uds_backend, &uds_stream_cfg, uds_begin, stream_ask, uds_end, false},
	{&uds_backend, &uds_seqpacket_cfg, uds_begin, seqpacket_ask, uds_end, false},
	{&fifo_backend, &fifo_cfg, fifo_begin, fifo_ask, fifo_end, true},
	{&mqueue_backend, &mqueue_cfg, mqueue_begin, mqueue_ask, mqueue_end, true},
	{&loopback_backend, &stream_cfg, loopback_begin, loopback_ask, loopback_end, false},
	{&loopback_backend, &message_cfg, loopback_begin, loopback_ask, loopback_end, false},
};

#define N_KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))
#define N_ERRORS ((int)(sizeof(errors) / sizeof(errors[0])))

/* Answers until the transport takes no more. */
static void answer(struct rv_instance *f, struct fake_peer *p)
{
	static char text[8192];
	size_t size = p->info.flags & RV_PEER_STREAM ? sizeof(text) : 64;
	struct fake_peer *still;

	for (int i = 0; i < 100; i++) {
		for (still = f->peers; still && still != p; still = still->next) {
		}
		if (!still || p->gone || fake_send(f, p, text, size, 1) < 0) {
			return;
		}
	}
}

static void serve(struct rv_instance *f, const struct kind *k)
{
	struct fake_peer *p;

	fake_settle(f);
	if (!f->peers) {
		return; /* refused for want of memory */
	}
	answer(f, f->peers);
	if (k->tokens && fake_reply_peer(f, "t", &p) == 0) {
		answer(f, p);
	}
	fake_settle(f);
	f->ops->drain(f->block);
	fake_settle(f);
}

/* True if the nth call was there to fail. */
static bool session(const struct kind *k, unsigned n, int err)
{
	struct rv_instance *f = fake_new(k->ops);
	size_t fds = place_count_fds();
	bool hit;

	k->begin();
	fail_arm(n, err);
	if (fake_try_start(f, k->cfg) == 0) {
		hit = fail_disarm(); /* the client's own calls are to work */
		k->ask();
		if (!hit) {
			fail_resume();
		}
		serve(f, k);
	}
	hit = fail_disarm();
	fake_stop(f);
	k->end();
	ck_assert_msg(place_count_fds() == fds, "call %u: %zu descriptors instead of %zu", n,
		place_count_fds(), fds);
	fake_free(f);
	return hit;
}

START_TEST(test_every_call)
{
	const struct kind *k = &kinds[_i % N_KINDS];
	unsigned n = 1;

	while (session(k, n, errors[_i / N_KINDS])) {
		ck_assert_uint_lt(++n, MOST);
	}
	ck_assert_uint_gt(n, 8);
}
END_TEST

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	fail_init();
	place_enter();
	snprintf(path, sizeof(path), "%s", place_path("q"));
	snprintf(queue, sizeof(queue), "/revd-faults-%d", getpid());
}

int main(void)
{
	Suite *suite = suite_create("backends/faults");
	TCase *tc = tcase_create("faults");

	tcase_set_timeout(tc, 100);
	tcase_add_checked_fixture(tc, setup, place_leave);
	tcase_add_loop_test(tc, test_every_call, 0, N_KINDS * N_ERRORS);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
