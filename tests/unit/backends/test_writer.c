#include <stdlib.h>
#include <string.h>
#include <revd/base/writer.h>
#include "common/runner.h"
#include "fake.h"

/* A kernel that takes `room` bytes, then says EAGAIN; or fails with `err`. */
struct sink {
	struct rv_writer_peer out;
	char *got;
	size_t n, room;
	int err, interrupt;
	unsigned n_calls, n_sent, n_broken, n_blocked;
	bool watched;
};

static struct sink *sink_of(struct rv_writer_peer *p)
{
	return CONTAINER_OF(p, struct sink, out);
}

static ssize_t do_send(struct rv_writer *o, struct rv_writer_peer *op, const void *p, size_t n)
{
	struct sink *s = sink_of(op);

	(void)o;
	s->n_calls++;
	if (s->interrupt > 0) {
		s->interrupt--;
		return -EINTR;
	}
	if (s->err) {
		return -s->err;
	}
	n = n < s->room ? n : s->room;
	if (n == 0) {
		return -EAGAIN;
	}
	s->got = realloc(s->got, s->n + n);
	ck_assert_ptr_nonnull(s->got);
	memcpy(s->got + s->n, p, n);
	s->n += n;
	s->room -= n;
	return (ssize_t)n;
}

static int do_watch(struct rv_writer *o, struct rv_writer_peer *op, bool on)
{
	(void)o;
	sink_of(op)->watched = on;
	return 0;
}

static void do_sent(struct rv_writer *o, struct rv_writer_peer *op)
{
	(void)o;
	sink_of(op)->n_sent++;
}

static void do_broken(struct rv_writer *o, struct rv_writer_peer *op, int err)
{
	ck_assert_int_lt(err, 0);
	ck_assert(!rv_writer_unsent(o, op));
	sink_of(op)->n_broken++;
}

static void host_blocked(struct rv_instance *in, void *peer)
{
	(void)in;
	((struct sink *)peer)->n_blocked++;
}

static const struct rv_writer_ops ops = {
	.offset = offsetof(struct sink, out),
	.send = do_send,
	.watch = do_watch,
	.sent = do_sent,
	.broken = do_broken,
};

static const struct rv_host host = {.size = sizeof(host), .blocked = host_blocked};
static struct rv_writer out;
static struct sink a, b;

static void setup(void)
{
	rv_writer_init(&out, &host, NULL, &ops);
	a = b = (struct sink){.room = SIZE_MAX};
}

static void teardown(void)
{
	rv_writer_drop(&out, &a.out);
	rv_writer_drop(&out, &b.out);
	ck_assert_uint_eq(out.n_tails, 0);
	rv_writer_finish(&out);
	free(a.got);
	free(b.got);
}

static int put(struct sink *s, const char *text)
{
	struct rv_room room;
	int r = rv_writer_reserve(&out, &s->out, strlen(text), &room);

	if (r == 0) {
		memcpy(room.data, text, strlen(text));
		rv_writer_commit(&out, &s->out, strlen(text));
	}
	return r;
}

static void assert_got(const struct sink *s, const char *text)
{
	ck_assert_uint_eq(s->n, strlen(text));
	ck_assert_int_eq(memcmp(s->got, text, s->n), 0);
}

START_TEST(test_one_call_for_a_batch)
{
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(put(&a, "reply\n"), 0);
	}
	ck_assert(rv_writer_unsent(&out, &a.out));
	ck_assert_int_eq(rv_writer_flush(&out, &a.out), 0);
	assert_got(&a, "reply\nreply\nreply\n");
	ck_assert_uint_eq(a.n_calls, 1);
	ck_assert(!rv_writer_unsent(&out, &a.out));
}
END_TEST

START_TEST(test_another_peer_flushes_the_first)
{
	ck_assert_int_eq(put(&a, "one"), 0);
	ck_assert_int_eq(put(&b, "two"), 0);
	assert_got(&a, "one");
	ck_assert_uint_eq(b.n, 0);
	ck_assert_int_eq(rv_writer_flush(&out, &a.out), 0);
	ck_assert_int_eq(rv_writer_flush(&out, &b.out), 0);
	ck_assert_uint_eq(a.n_calls, 1);
	assert_got(&b, "two");
}
END_TEST

START_TEST(test_a_full_kernel_keeps_a_tail)
{
	a.room = 4;
	ck_assert_int_eq(put(&a, "0123456789"), 0);
	ck_assert_int_eq(rv_writer_flush(&out, &a.out), -EAGAIN);
	ck_assert(a.watched);
	ck_assert_uint_eq(a.n_blocked, 1);
	ck_assert_uint_eq(out.n_tails, 1);
	ck_assert_int_eq(put(&a, "x"), -EAGAIN);
	ck_assert_int_eq(put(&b, "b"), 0);
	ck_assert_int_eq(rv_writer_flush(&out, &b.out), 0);
	assert_got(&b, "b");

	rv_writer_writable(&out, &a.out); /* nothing taken: no progress to tell of */
	ck_assert_uint_eq(a.n_blocked, 1);
	a.room = 2;
	rv_writer_writable(&out, &a.out);
	ck_assert_uint_eq(a.n_blocked, 2);
	ck_assert_uint_eq(a.n_sent, 0);
	a.room = SIZE_MAX;
	rv_writer_writable(&out, &a.out);
	ck_assert_uint_eq(a.n_sent, 1);
	ck_assert(!a.watched);
	ck_assert_uint_eq(out.n_tails, 0);
	assert_got(&a, "0123456789");
	ck_assert_int_eq(put(&a, "x"), 0);
}
END_TEST

START_TEST(test_one_byte_at_a_time)
{
	a.room = 0;
	ck_assert_int_eq(put(&a, "hola\n"), 0);
	ck_assert_int_eq(rv_writer_flush(&out, &a.out), -EAGAIN);
	for (int i = 0; i < 5; i++) {
		ck_assert_uint_eq(a.n_sent, 0);
		a.room = 1;
		rv_writer_writable(&out, &a.out);
	}
	ck_assert_uint_eq(a.n_sent, 1);
	assert_got(&a, "hola\n");
}
END_TEST

START_TEST(test_interrupted_calls_are_repeated)
{
	a.interrupt = 3;
	ck_assert_int_eq(put(&a, "hola"), 0);
	ck_assert_int_eq(rv_writer_flush(&out, &a.out), 0);
	assert_got(&a, "hola");
	ck_assert_uint_eq(a.n_calls, 4);
}
END_TEST

START_TEST(test_a_broken_peer)
{
	a.err = EPIPE;
	ck_assert_int_eq(put(&a, "hola"), 0);
	ck_assert_int_eq(rv_writer_flush(&out, &a.out), -EPIPE);
	ck_assert_uint_eq(a.n_broken, 1);

	a.err = 0;
	a.room = 1;
	ck_assert_int_eq(put(&a, "hola"), 0);
	ck_assert_int_eq(rv_writer_flush(&out, &a.out), -EAGAIN);
	a.err = ECONNRESET;
	rv_writer_writable(&out, &a.out);
	ck_assert_uint_eq(a.n_broken, 2);
	ck_assert_uint_eq(a.n_sent, 0);
	ck_assert_uint_eq(out.n_tails, 0);
}
END_TEST

START_TEST(test_reserving_sends_first_when_full)
{
	struct rv_room room;

	ck_assert_int_eq(rv_writer_reserve(&out, &a.out, 1, &room), 0);
	ck_assert_uint_eq(room.size, RV_WRITER_ARENA);
	memset(room.data, 'x', RV_WRITER_ARENA - 10);
	rv_writer_commit(&out, &a.out, RV_WRITER_ARENA - 10);
	ck_assert_int_eq(rv_writer_reserve(&out, &a.out, 10, &room), 0);
	ck_assert_uint_eq(a.n_calls, 0);
	ck_assert_int_eq(rv_writer_reserve(&out, &a.out, 11, &room), 0);
	ck_assert_uint_eq(a.n_calls, 1);
	ck_assert_uint_eq(a.n, RV_WRITER_ARENA - 10);

	memset(room.data, 'x', RV_WRITER_ARENA);
	rv_writer_commit(&out, &a.out, RV_WRITER_ARENA);
	a.err = EPIPE;
	ck_assert_int_eq(rv_writer_reserve(&out, &a.out, 1, &room), -EPIPE);
	ck_assert_uint_eq(a.n_broken, 1);
}
END_TEST

START_TEST(test_a_large_reply_is_not_kept)
{
	const size_t large = 3u << 20;
	struct rv_room room;

	ck_assert_int_eq(put(&a, "small"), 0);
	ck_assert_int_eq(rv_writer_reserve(&out, &a.out, large, &room), 0);
	ck_assert_uint_ge(room.size, large);
	memset(room.data, 'x', large);
	rv_writer_commit(&out, &a.out, large);
	ck_assert_int_eq(rv_writer_flush(&out, &a.out), 0);
	ck_assert_uint_eq(a.n, large + 5);
	ck_assert_uint_eq(out.size, 0);
	ck_assert_int_eq(put(&a, "small"), 0);
	ck_assert_uint_eq(out.size, RV_WRITER_ARENA);
}
END_TEST

START_TEST(test_dropping_the_owner)
{
	struct rv_room room;

	ck_assert_int_eq(put(&a, "gone"), 0);
	ck_assert_int_eq(rv_writer_reserve(&out, &a.out, 1, &room), 0);
	rv_writer_drop(&out, &a.out);
	rv_writer_commit(&out, &a.out, 1); /* too late */
	ck_assert_int_eq(rv_writer_flush(&out, &a.out), 0);
	ck_assert_uint_eq(a.n_calls, 0);
}
END_TEST

START_TEST(test_quote)
{
	char buf[RV_QUOTE_SIZE], small[16];

	ck_assert_str_eq(rv_quote("a'b\\c\n\x1b\xff", 8, buf, sizeof(buf)),
		"'a\\x27b\\x5cc\\x0a\\x1b\\xff'");
	ck_assert_str_eq(rv_quote("", 0, buf, sizeof(buf)), "''");
	ck_assert_str_eq(rv_quote("abcdefghijklmnop", 16, small, sizeof(small)), "'abcdefg...'");
	ck_assert_str_eq(rv_quote("abc", 3, small, 4), "'...'");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backends/out");
	TCase *tc = tcase_create("out");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_one_call_for_a_batch);
	tcase_add_test(tc, test_another_peer_flushes_the_first);
	tcase_add_test(tc, test_a_full_kernel_keeps_a_tail);
	tcase_add_test(tc, test_one_byte_at_a_time);
	tcase_add_test(tc, test_interrupted_calls_are_repeated);
	tcase_add_test(tc, test_a_broken_peer);
	tcase_add_test(tc, test_reserving_sends_first_when_full);
	tcase_add_test(tc, test_a_large_reply_is_not_kept);
	tcase_add_test(tc, test_dropping_the_owner);
	tcase_add_test(tc, test_quote);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
