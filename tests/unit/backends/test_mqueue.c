#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include "common/runner.h"
#include "fake.h"
#include "mqueue/messages.h"
#include "place.h"

extern const struct rv_backend_ops mqueue_backend;

static struct rv_instance *f;
static struct mqueue_config cfg;
static char queue[64];

/* The name of a queue of this test: suffix "" is the request queue. */
static const char *named(const char *suffix)
{
	static char bufs[4][128];
	static unsigned turn;
	char *buf = bufs[turn++ % 4];

	snprintf(buf, sizeof(bufs[0]), "%s%s", queue, suffix);
	return buf;
}

static void setup(void)
{
	snprintf(queue, sizeof(queue), "/revd-test-%d", getpid());
	cfg = (struct mqueue_config){.queue = queue, .max_messages = 4, .message_size = 512};
	f = fake_new(&mqueue_backend);
}

static void teardown(void)
{
	static const char *const suffixes[] = {"", ".out", ".t", ".a", ".b", ".c"};

	fake_free(f);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		mq_unlink(named(suffixes[i]));
	}
}

static bool has(const char *suffix)
{
	return mqueue_id(named(suffix)).ino != 0;
}

static mqd_t make(const char *suffix, long maxmsg, long msgsize)
{
	struct mq_attr attr = {.mq_maxmsg = maxmsg, .mq_msgsize = msgsize};
	mqd_t q = mq_open(
		named(suffix), O_RDWR | O_NONBLOCK | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);

	ck_assert_msg(q >= 0, "%s: %s", named(suffix), strerror(errno));
	return q;
}

static mqd_t sender(void)
{
	mqd_t q = mq_open(queue, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	ck_assert_int_ge(q, 0);
	return q;
}

static void assert_send(mqd_t q, const char *text, unsigned prio)
{
	ck_assert_int_eq(mq_send(q, text, strlen(text), prio), 0);
}

static void assert_receives(mqd_t q, const char *text, unsigned prio)
{
	char buf[8192];
	unsigned got = UINT_MAX;
	ssize_t n;

	ck_assert_int_eq(wait_fd(q, POLLIN, wait_until(WAIT_MS)) & POLLIN, POLLIN);
	n = mq_receive(q, buf, sizeof(buf), &got);
	ck_assert_int_eq(n, (ssize_t)strlen(text));
	ck_assert_int_eq(memcmp(buf, text, (size_t)n), 0);
	ck_assert_uint_eq(got, prio);
}

START_TEST(test_names_and_modes)
{
	struct mqueue_endpoint *ep = f->endpoint;
	struct stat st;

	umask(0077);
	fake_start(f, &cfg, NULL, 0);
	ck_assert_int_eq(fstat(ep->in.q, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0620);
	ck_assert_int_eq(fstat(ep->out.q, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(fcntl(ep->in.q, F_GETFD), FD_CLOEXEC);
	fake_stop(f);
	ck_assert(!has("") && !has(".out"));
}
END_TEST

START_TEST(test_messages_in_and_out)
{
	struct fake_peer *source;
	mqd_t q, out;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	ck_assert_uint_eq(source->info.flags, RV_PEER_SHARED);
	ck_assert_uint_eq(source->info.max_message, 512);
	q = sender();
	out = mq_open(named(".out"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_send(q, "low", 1);
	assert_send(q, "", 1); /* legal, and no end of anything */
	assert_send(q, "high", 9);
	FAKE_UNTIL(f, f->n_messages == 3);
	ck_assert_str_eq(source->in, "highlow");
	ck_assert_uint_eq(f->messages[0].tag, 9);
	ck_assert_uint_eq(f->messages[2].len, 0);
	ck_assert_int_eq(fake_send(f, source, "hgih", 4, 9), 0);
	assert_receives(out, "hgih", 9);
	mq_close(q);
	mq_close(out);
}
END_TEST

START_TEST(test_reply_by_token)
{
	struct fake_peer *p, *again;
	char large[257];
	mqd_t t;

	fake_start(f, &cfg, NULL, 0);
	t = make(".t", 2, 256);
	ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
	ck_assert_uint_eq(p->info.flags, RV_PEER_REPLY_ONLY);
	ck_assert_uint_eq(p->info.max_message, 256);
	ck_assert_int_eq(fake_send(f, p, "reply", 5, 7), 0);
	assert_receives(t, "reply", 7);
	ck_assert_int_eq(fake_reply_peer(f, "t", &again), 0);
	ck_assert_ptr_eq(p, again);
	memset(large, 'x', 257);
	ck_assert_int_eq(fake_send(f, p, large, 257, 7), 0);
	ck_assert_uint_eq(f->drops[RV_DROP_IO], 1); /* which is lost, and nothing else */
	large[256] = '\0';
	ck_assert_int_eq(fake_send(f, p, large, 256, 7), 0);
	assert_receives(t, large, 7);
	mq_close(t);
}
END_TEST

START_TEST(test_a_maximum_message)
{
	struct fake_peer *source;
	char text[513];
	mqd_t q;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	memset(text, 'x', 512);
	text[512] = '\0';
	q = sender();
	assert_send(q, text, 0);
	ck_assert_int_lt(mq_send(q, text, 513, 0), 0);
	FAKE_UNTIL(f, f->n_messages == 1);
	ck_assert_str_eq(source->in, text);
	mq_close(q);
}
END_TEST

START_TEST(test_refused_reply_names)
{
	static const char *const names[] = {
		"", "../x", "a/b", ".", "x y", "out", "missing", "small"};
	struct fake_peer *p;
	size_t fds;
	mqd_t small;

	fake_start(f, &cfg, NULL, 0);
	small = make(".small", 1, 63);
	fds = place_count_fds();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		f->log[0] = '\0';
		ck_assert_msg(fake_reply_peer(f, names[i], &p) < 0, "%s", names[i]);
		ck_assert_msg(strstr(f->log, "reply queue '"), "%s: %s", names[i], f->log);
	}
	ck_assert_int_eq(fake_reply_peer(f, "out", &p), -EPERM);
	ck_assert_int_eq(fake_reply_peer(f, "missing", &p), -ENOENT);
	ck_assert_uint_eq(place_count_fds(), fds);
	ck_assert_uint_eq(f->n_peers, 1);
	mq_close(small);
	mq_unlink(named(".small"));
}
END_TEST

/* What one client names as its reply queue is the request queue of another
 * endpoint, where revd may write and the client perhaps may not. */
START_TEST(test_a_request_queue_is_no_reply_queue)
{
	struct rv_instance *other = fake_new(&mqueue_backend);
	struct mqueue_config other_cfg = cfg;
	struct fake_peer *p;

	other_cfg.queue = named(".c");
	fake_start(f, &cfg, NULL, 0);
	fake_start(other, &other_cfg, NULL, 0);
	ck_assert_int_eq(fake_reply_peer(f, "c", &p), -EPERM);
	fake_free(other);
}
END_TEST

START_TEST(test_a_full_reply_queue)
{
	struct fake_peer *p, *other;
	mqd_t a, b;

	fake_start(f, &cfg, NULL, 0);
	a = make(".a", 1, 128);
	b = make(".b", 1, 128);
	ck_assert_int_eq(fake_reply_peer(f, "a", &p), 0);
	ck_assert_int_eq(fake_send(f, p, "1", 1, 1), 0);
	ck_assert_uint_eq(p->n_blocked, 0);
	ck_assert_int_eq(fake_send(f, p, "2", 1, 2), 0); /* kept */
	ck_assert_uint_eq(p->n_blocked, 1);
	ck_assert_int_eq(fake_send(f, p, "3", 1, 3), -EAGAIN);
	fake_settle(f);
	ck_assert_uint_eq(p->n_writable, 0);

	ck_assert_int_eq(fake_reply_peer(f, "b", &other), 0);
	ck_assert_int_eq(fake_send(f, other, "quick", 5, 0), 0);
	assert_receives(b, "quick", 0);

	assert_receives(a, "1", 1);
	FAKE_UNTIL(f, p->n_writable == 1);
	assert_receives(a, "2", 2);
	ck_assert_int_eq(fake_send(f, p, "3", 1, 3), 0);
	assert_receives(a, "3", 3);
	mq_close(a);
	mq_close(b);
}
END_TEST

START_TEST(test_a_client_that_made_its_queue_anew)
{
	struct fake_peer *p, *again;
	mqd_t old, fresh, q;

	fake_start(f, &cfg, NULL, 0);
	q = sender();
	old = make(".t", 1, 128);
	ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
	ck_assert_int_eq(fake_send(f, p, "1", 1, 0), 0);
	ck_assert_int_eq(fake_send(f, p, "2", 1, 0), 0);
	ck_assert_int_eq(mq_unlink(named(".t")), 0);
	assert_send(q, "next batch", 0);
	FAKE_UNTIL(f, f->n_messages == 1);
	/* Merely unlinked: it may still be read. */
	ck_assert_int_eq(fake_reply_peer(f, "t", &again), 0);
	ck_assert_ptr_eq(again, p);

	fresh = make(".t", 1, 256);
	assert_send(q, "next batch", 0);
	FAKE_UNTIL(f, f->n_messages == 2);
	ck_assert_int_eq(fake_reply_peer(f, "t", &again), 0);
	ck_assert_ptr_ne(again, p);
	ck_assert_uint_eq(again->info.max_message, 256);
	ck_assert_uint_eq(f->drops[RV_DROP_PEER_GONE], 1); /* the "2" */
	ck_assert_int_eq(fake_send(f, again, "3", 1, 0), 0);
	assert_receives(fresh, "3", 0);
	mq_close(old);
	mq_close(fresh);
	mq_close(q);
}
END_TEST

static void sweep(void)
{
	struct mqueue_instance *in = f->block;

	event_active(&in->sweep, EV_TIMEOUT, 0); /* rather than wait a second for it */
	fake_settle(f);
}

START_TEST(test_the_sweep)
{
	struct mqueue_instance *in = f->block;
	struct fake_peer *a, *b, *c;
	mqd_t qs[3];

	fake_start(f, &cfg, NULL, 0);
	ck_assert(!event_pending(&in->sweep, EV_TIMEOUT, NULL));
	qs[0] = make(".a", 1, 128);
	qs[1] = make(".b", 1, 128);
	qs[2] = make(".c", 1, 128);
	ck_assert_int_eq(fake_reply_peer(f, "a", &a), 0);
	ck_assert_int_eq(fake_reply_peer(f, "b", &b), 0);
	ck_assert_int_eq(fake_reply_peer(f, "c", &c), 0);
	ck_assert(event_pending(&in->sweep, EV_TIMEOUT, NULL));
	sweep();
	ck_assert_uint_eq(f->n_gone, 0);

	b->busy = true;
	ck_assert_int_eq(mq_unlink(named(".a")), 0);
	ck_assert_int_eq(mq_unlink(named(".b")), 0);
	sweep();
	ck_assert_uint_eq(f->n_gone, 1); /* a: gone and idle */
	f->skew_ns = 3000000000u;
	sweep();
	ck_assert_uint_eq(f->n_gone, 2); /* c: idle for long */
	ck_assert(!b->gone);
	ck_assert(event_pending(&in->sweep, EV_TIMEOUT, NULL));
	b->busy = false;
	sweep();
	ck_assert_uint_eq(f->n_gone, 3);
	ck_assert(!event_pending(&in->sweep, EV_TIMEOUT, NULL)); /* idle again: no wake-ups */
	for (int i = 0; i < 3; i++) {
		mq_close(qs[i]);
	}
}
END_TEST

/* A queue counts for its user until we let go of it, too: at the latest when the next
 * client comes. */
START_TEST(test_queues_of_those_who_left)
{
	struct fake_peer *a, *b, *c;
	mqd_t qs[3];

	fake_start(f, &cfg, NULL, 0);
	qs[0] = make(".a", 1, 128);
	qs[1] = make(".b", 1, 128);
	qs[2] = make(".c", 1, 128);
	ck_assert_int_eq(fake_reply_peer(f, "a", &a), 0);
	ck_assert_int_eq(fake_reply_peer(f, "b", &b), 0);
	ck_assert_int_eq(mq_unlink(named(".a")), 0);
	ck_assert_int_eq(mq_unlink(named(".b")), 0);
	b->busy = true;
	ck_assert_int_eq(fake_reply_peer(f, "c", &c), 0);
	ck_assert_uint_eq(f->n_gone, 1); /* a; b has a request under way */
	ck_assert(!b->gone && !c->gone);
	b->busy = false;
	for (int i = 0; i < 3; i++) {
		mq_close(qs[i]);
	}
}
END_TEST

START_TEST(test_the_cache_is_bounded)
{
	struct rv_endpoint_info info = fake_info();
	struct fake_peer *p;
	mqd_t a, b;

	fake_start(f, &cfg, NULL, 0);
	info.max_peers = 1;
	ck_assert_int_eq(f->ops->reconfigure(f->endpoint, &info, &cfg, &f->err), 0);
	a = make(".a", 1, 128);
	b = make(".b", 1, 128);
	ck_assert_int_eq(fake_reply_peer(f, "a", &p), 0);
	ck_assert_int_eq(fake_reply_peer(f, "b", &p), 0);
	ck_assert_uint_eq(f->n_gone, 1);
	p->busy = true;
	ck_assert_int_eq(fake_reply_peer(f, "a", &p), -EUSERS);
	mq_close(a);
	mq_close(b);
}
END_TEST

START_TEST(test_closing_sends_the_rest_first)
{
	struct fake_peer *p;
	mqd_t t;

	fake_start(f, &cfg, NULL, 0);
	t = make(".t", 1, 128);
	ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
	ck_assert_int_eq(fake_send(f, p, "1", 1, 0), 0);
	ck_assert_int_eq(fake_send(f, p, "2", 1, 0), 0);
	f->ops->peer_close(f->block, p->block, RV_CLOSE_FLUSH);
	ck_assert_uint_eq(f->n_gone, 0);
	assert_receives(t, "1", 0);
	FAKE_UNTIL(f, f->n_gone == 1);
	assert_receives(t, "2", 0);
	mq_close(t);
}
END_TEST

START_TEST(test_stop_resume_and_batches)
{
	struct fake_peer *source;
	mqd_t q;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	q = sender();
	f->next = RV_READ_STOP;
	for (int i = 0; i < 4; i++) {
		assert_send(q, "x", 0);
	}
	FAKE_UNTIL(f, f->n_messages == 1); /* the first batch is one */
	fake_settle(f);
	ck_assert_uint_eq(f->n_messages, 1);
	f->next = RV_READ_ON;
	f->ops->resume(f->block, source->block);
	FAKE_UNTIL(f, f->n_messages == 4);
	ck_assert_uint_eq(f->n_batches, 4);
	for (size_t round = 0; round < 8; round++) { /* now and then two are tried for */
		f->n_batches = 0;
		for (int i = 0; i < 4; i++) {
			assert_send(q, "x", 0);
		}
		FAKE_UNTIL(f, f->n_messages == 8 + 4 * round);
	}
	ck_assert_uint_eq(f->n_batches, 1); /* there were several: all at once */
	mq_close(q);
}
END_TEST

START_TEST(test_the_source_can_be_renewed)
{
	struct fake_peer *source;
	mqd_t q, out;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	for (int i = 0; i < 5; i++) { /* four in the queue, one kept */
		ck_assert_int_eq(fake_send(f, source, "old", 3, 0), 0);
	}
	ck_assert_uint_eq(source->n_blocked, 1);
	f->ops->peer_close(f->block, source->block, RV_CLOSE_NOW);
	source = fake_find(f, RV_PEER_SHARED);
	ck_assert_ptr_nonnull(source);
	ck_assert_int_eq(fake_send(f, source, "new", 3, 0), 0);
	out = mq_open(named(".out"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_receives(out, "new", 0);
	q = sender();
	assert_send(q, "x", 0);
	FAKE_UNTIL(f, f->n_messages == 1);
	mq_close(q);
	mq_close(out);
}
END_TEST

START_TEST(test_what_lies_in_out_for_long_is_dropped)
{
	struct fake_peer *source;
	mqd_t out;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	out = mq_open(named(".out"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_eq(fake_send(f, source, "old", 3, 0), 0);
	ck_assert_int_eq(fake_send(f, source, "", 0, 0), 0);
	f->skew_ns += 61000000000u;
	ck_assert_int_eq(fake_send(f, source, "new", 3, 0), 0);
	assert_receives(out, "new", 0);
	ck_assert_uint_eq(f->drops[RV_DROP_OUTPUT], 2);
	mq_close(out);
}
END_TEST

START_TEST(test_drain_serves_what_had_arrived)
{
	struct fake_peer *source;
	struct mq_attr attr;
	mqd_t q;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	q = sender();
	assert_send(q, "1", 0);
	assert_send(q, "2", 0);
	f->ops->drain(f->block);
	ck_assert(!has("") && !has(".out"));
	ck_assert_uint_eq(f->n_drained, 0);
	assert_send(q, "3", 0);
	FAKE_UNTIL(f, f->n_drained == 1);
	fake_settle(f);
	ck_assert_str_eq(source->in, "12");
	ck_assert_int_eq(mq_getattr(q, &attr), 0);
	ck_assert_int_eq(attr.mq_curmsgs, 1);
	mq_close(q);
}
END_TEST

/* What a reload does when it replaces an endpoint. */
START_TEST(test_the_address_changes_hands)
{
	struct rv_instance *second = fake_new(&mqueue_backend);
	mqd_t q;

	fake_start(f, &cfg, NULL, 0);
	f->ops->drain(f->block);
	fake_start(second, &cfg, NULL, 0);
	fake_stop(f);
	ck_assert(has("") && has(".out"));
	q = sender();
	assert_send(q, "hola", 0);
	FAKE_UNTIL(second, second->n_messages == 1);
	mq_close(q);
	fake_free(second);
	ck_assert(!has("") && !has(".out"));
}
END_TEST

START_TEST(test_an_inherited_queue)
{
	struct fake_peer *source;
	mqd_t q, mine = make("", 3, 300);

	q = sender();
	fake_start(f, &cfg, &mine, 1);
	ck_assert_int_lt(fcntl(mine, F_GETFD), 0); /* taken over */
	source = fake_find(f, RV_PEER_SHARED);
	assert_send(q, "hola", 0);
	FAKE_UNTIL(f, source->n_in == 4);
	assert_send(q, "for the next", 0);
	f->ops->drain(f->block);
	FAKE_UNTIL(f, f->n_drained == 1);
	fake_stop(f);
	ck_assert(has("") && !has(".out"));
	mq_close(q);
}
END_TEST

START_TEST(test_inherited_wrong_kinds)
{
	struct rv_endpoint_info info = fake_info();
	int file = open("/dev/null", O_RDWR | O_CLOEXEC);
	mqd_t q = make("", 1, 128), w = sender();

	ck_assert_int_eq(fake_open(f, &info, &cfg, &file, 1), -EINVAL);
	ck_assert_ptr_nonnull(strstr(f->err.msg, "not a message queue"));
	ck_assert_int_eq(fake_open(f, &info, &cfg, &w, 1), -EINVAL);
	ck_assert_ptr_nonnull(strstr(f->err.msg, "not open for reading"));
	ck_assert_int_eq(fake_open(f, &info, &cfg, (int[]){q, q}, 2), -EINVAL);
	ck_assert_ptr_nonnull(strstr(f->err.msg, "too many"));
	ck_assert(has("") && !has(".out"));
	ck_assert_int_ge(fcntl(q, F_GETFD), 0); /* not taken over */
	close(file);
	mq_close(q);
	mq_close(w);
}
END_TEST

START_TEST(test_two_of_them)
{
	struct rv_instance *second = fake_new(&mqueue_backend);
	struct rv_endpoint_info info = fake_info();

	fake_start(f, &cfg, NULL, 0);
	ck_assert_int_eq(fake_open(second, &info, &cfg, NULL, 0), -EBUSY);
	ck_assert_ptr_nonnull(strstr(second->err.msg, "another revd"));
	ck_assert(has("") && has(".out"));
	fake_free(second);
}
END_TEST

/* Makes the queues and dies, leaving a request in it. */
static void be_killed(void)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		static struct rv_instance *mine; /* reachable: killed, not leaking */

		mine = fake_new(&mqueue_backend);

		fake_start(mine, &cfg, NULL, 0);
		assert_send(sender(), "asked before", 3);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
}

START_TEST(test_leftovers_are_used_again)
{
	struct fake_peer *source;

	be_killed();
	ck_assert(has("") && has(".out"));
	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	FAKE_UNTIL(f, source->n_in == 12);
	ck_assert_uint_eq(f->messages[0].tag, 3);
	fake_stop(f);
	ck_assert(!has("") && !has(".out"));
}
END_TEST

START_TEST(test_leftovers_of_another_size)
{
	struct fake_peer *source;

	be_killed();
	cfg.message_size = 1024;
	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	ck_assert_uint_eq(source->info.max_message, 1024);
}
END_TEST

/* A sender's lock on a leftover does not keep revd from starting. */
START_TEST(test_a_sender_cannot_lock_us_out)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	mqd_t w;

	be_killed();
	w = sender();
	ck_assert_int_eq(fcntl(w, F_OFD_SETLK, &l), 0);
	fake_start(f, &cfg, NULL, 0);
	mq_close(w);
}
END_TEST

START_TEST(test_a_queue_of_somebody_else)
{
	struct rv_endpoint_info info = fake_info();
	mqd_t q = make("", 4, 512);

	if (geteuid() == 0) {
		ck_assert_int_eq(fchown(q, 65534, (gid_t)-1), 0);
		ck_assert_int_eq(fake_open(f, &info, &cfg, NULL, 0), -EEXIST);
		ck_assert_ptr_nonnull(strstr(f->err.msg, "uid 65534"));
	} else {
		ck_assert_int_eq(fchmod(q, 0), 0);
		ck_assert_int_eq(fake_open(f, &info, &cfg, NULL, 0), -EACCES);
	}
	ck_assert(!has(".out"));
	mq_close(q);
}
END_TEST

START_TEST(test_a_name_taken_away)
{
	struct rv_endpoint_info info = fake_info();
	struct fake_peer *p;
	mqd_t t, fresh;

	fake_start(f, &cfg, NULL, 0);
	ck_assert_int_eq(mq_unlink(queue), 0);
	fresh = make("", 1, 128);
	t = make(".t", 1, 128);
	ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
	sweep();
	sweep();
	ck_assert_ptr_nonnull(strstr(f->log, "the name was removed"));
	ck_assert_ptr_null(strstr(strstr(f->log, "removed") + 1, "removed")); /* once */
	ck_assert_int_eq(f->ops->reconfigure(f->endpoint, &info, &cfg, &f->err), -EEXIST);
	fake_stop(f);
	ck_assert(has("")); /* not ours to remove */
	mq_close(fresh);
	mq_close(t);
}
END_TEST

START_TEST(test_limits_in_words)
{
	struct rv_endpoint_info info = fake_info();

	cfg.max_messages = 65536;
	cfg.message_size = 16u << 20;
	ck_assert_int_lt(fake_open(f, &info, &cfg, NULL, 0), 0);
	ck_assert_ptr_nonnull(strstr(f->err.msg, "cannot make the queue: "));
	ck_assert_ptr_nonnull(strstr(mqueue_strerror(-EMFILE), "RLIMIT_MSGQUEUE"));
	ck_assert_ptr_nonnull(strstr(mqueue_strerror(ENOSPC), "queues_max"));
	ck_assert_str_eq(mqueue_strerror(-EIO), strerror(EIO));
}
END_TEST

START_TEST(test_check)
{
	static const char *const bad[] = {"", "noslash", "/", "/a/b", "/.", "/.."};
	struct mqueue_config c = cfg;
	char longest[300], buf[32];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c.queue = bad[i];
		ck_assert_msg(mqueue_backend.check(&c, &f->err) < 0, "%s", bad[i]);
	}
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[NAME_MAX - RV_TOKEN_MAX] = '\0';
	c.queue = longest;
	ck_assert_int_eq(mqueue_backend.check(&c, &f->err), -ENAMETOOLONG);
	longest[NAME_MAX - RV_TOKEN_MAX - 1] = '\0';
	ck_assert_int_eq(mqueue_backend.check(&c, &f->err), 0);
	c.queue = "/x";
	mqueue_backend.address(&c, buf, sizeof(buf));
	ck_assert_str_eq(buf, "mqueue:/x");
}
END_TEST

START_TEST(test_no_descriptor_is_left)
{
	size_t before = place_count_fds();
	struct fake_peer *p;
	mqd_t t = make(".t", 1, 128);

	for (int i = 0; i < 3; i++) {
		fake_start(f, &cfg, NULL, 0);
		ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
		ck_assert_int_eq(fake_send(f, p, "1", 1, 0), 0);
		fake_stop(f);
	}
	mq_close(t);
	ck_assert_uint_eq(place_count_fds(), before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backends/mqueue");
	TCase *tc = tcase_create("mqueue");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_check);
	tcase_add_test(tc, test_names_and_modes);
	tcase_add_test(tc, test_messages_in_and_out);
	tcase_add_test(tc, test_reply_by_token);
	tcase_add_test(tc, test_a_maximum_message);
	tcase_add_test(tc, test_refused_reply_names);
	tcase_add_test(tc, test_a_request_queue_is_no_reply_queue);
	tcase_add_test(tc, test_a_full_reply_queue);
	tcase_add_test(tc, test_a_client_that_made_its_queue_anew);
	tcase_add_test(tc, test_the_sweep);
	tcase_add_test(tc, test_queues_of_those_who_left);
	tcase_add_test(tc, test_the_cache_is_bounded);
	tcase_add_test(tc, test_closing_sends_the_rest_first);
	tcase_add_test(tc, test_stop_resume_and_batches);
	tcase_add_test(tc, test_the_source_can_be_renewed);
	tcase_add_test(tc, test_what_lies_in_out_for_long_is_dropped);
	tcase_add_test(tc, test_drain_serves_what_had_arrived);
	tcase_add_test(tc, test_the_address_changes_hands);
	tcase_add_test(tc, test_an_inherited_queue);
	tcase_add_test(tc, test_inherited_wrong_kinds);
	tcase_add_test(tc, test_two_of_them);
	tcase_add_test(tc, test_leftovers_are_used_again);
	tcase_add_test(tc, test_leftovers_of_another_size);
	tcase_add_test(tc, test_a_sender_cannot_lock_us_out);
	tcase_add_test(tc, test_a_queue_of_somebody_else);
	tcase_add_test(tc, test_a_name_taken_away);
	tcase_add_test(tc, test_limits_in_words);
	tcase_add_test(tc, test_no_descriptor_is_left);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
