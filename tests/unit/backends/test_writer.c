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
	uint32_t tag;
	unsigned n_calls, n_sent, n_broken, n_blocked;
	bool watched, deaf; /* deaf: it can't be watched */
};

static struct rv_writer out;
static struct sink a, b;

static ssize_t do_send(void *peer, const void *p, size_t n)
{
	struct sink *s = peer;

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

static int do_watch(void *peer, bool on)
{
	struct sink *s = peer;

	s->watched = on;
	return s->deaf ? -ENOMEM : 0;
}

static void do_sent(void *peer)
{
	((struct sink *)peer)->n_sent++;
}

static void do_broken(void *peer, int err)
{
	struct sink *s = peer;

	ck_assert_int_lt(err, 0);
	ck_assert(!rv_writer_unsent(&out, &s->out));
	s->n_broken++;
}

static void host_blocked(struct rv_instance *in, void *peer)
{
	(void)in;
	((struct sink *)peer)->n_blocked++;
}

static const struct rv_writer_ops ops = {
	.send = do_send,
	.watch = do_watch,
	.sent = do_sent,
	.broken = do_broken,
};

static const struct rv_host host = {.size = sizeof(host), .blocked = host_blocked};

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
	int r = rv_writer_reserve(&out, s, strlen(text), &room);

	if (r == 0) {
		memcpy(room.data, text, strlen(text));
		rv_writer_commit(&out, s, strlen(text), s->tag);
	}
	return r;
}

/* Flushes; -EAGAIN: some of it is to be unsent then; another error: the peer ends. */
static void flush(struct sink *s, int want)
{
	unsigned n_broken = s->n_broken;

	rv_writer_flush(&out, s);
	ck_assert_int_eq(rv_writer_unsent(&out, &s->out), want == -EAGAIN);
	ck_assert_int_eq(s->n_broken > n_broken, want < 0 && want != -EAGAIN);
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
	flush(&a, 0);
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
	flush(&a, 0);
	flush(&b, 0);
	ck_assert_uint_eq(a.n_calls, 1);
	assert_got(&b, "two");
}
END_TEST

START_TEST(test_a_full_kernel_keeps_a_tail)
{
	a.room = 4;
	ck_assert_int_eq(put(&a, "0123456789"), 0);
	flush(&a, -EAGAIN);
	ck_assert(a.watched);
	ck_assert_uint_eq(a.n_blocked, 1);
	ck_assert_uint_eq(out.n_tails, 1);
	ck_assert_int_eq(put(&a, "x"), -EAGAIN);
	ck_assert_int_eq(put(&b, "b"), 0);
	flush(&b, 0);
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
	flush(&a, -EAGAIN);
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
	flush(&a, 0);
	assert_got(&a, "hola");
	ck_assert_uint_eq(a.n_calls, 4);
}
END_TEST

START_TEST(test_a_broken_peer)
{
	a.err = EPIPE;
	ck_assert_int_eq(put(&a, "hola"), 0);
	flush(&a, -EPIPE);
	ck_assert_uint_eq(a.n_broken, 1);

	a.err = 0;
	a.room = 1;
	ck_assert_int_eq(put(&a, "hola"), 0);
	flush(&a, -EAGAIN);
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

	ck_assert_int_eq(rv_writer_reserve(&out, &a, 1, &room), 0);
	ck_assert_uint_eq(room.size, RV_WRITER_ARENA);
	memset(room.data, 'x', RV_WRITER_ARENA - 10);
	rv_writer_commit(&out, &a, RV_WRITER_ARENA - 10, 0);
	ck_assert_int_eq(rv_writer_reserve(&out, &a, 10, &room), 0);
	ck_assert_uint_eq(a.n_calls, 0);
	ck_assert_int_eq(rv_writer_reserve(&out, &a, 11, &room), 0);
	ck_assert_uint_eq(a.n_calls, 1);
	ck_assert_uint_eq(a.n, RV_WRITER_ARENA - 10);

	memset(room.data, 'x', RV_WRITER_ARENA);
	rv_writer_commit(&out, &a, RV_WRITER_ARENA, 0);
	a.err = EPIPE;
	ck_assert_int_eq(rv_writer_reserve(&out, &a, 1, &room), -EPIPE);
	ck_assert_uint_eq(a.n_broken, 1);
}
END_TEST

START_TEST(test_a_large_reply_is_not_kept)
{
	const size_t large = 3u << 20;
	struct rv_room room;

	ck_assert_int_eq(put(&a, "small"), 0);
	ck_assert_int_eq(rv_writer_reserve(&out, &a, large, &room), 0);
	ck_assert_uint_ge(room.size, large);
	memset(room.data, 'x', large);
	rv_writer_commit(&out, &a, large, 0);
	flush(&a, 0);
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
	ck_assert_int_eq(rv_writer_reserve(&out, &a, 1, &room), 0);
	rv_writer_drop(&out, &a.out);
	rv_writer_commit(&out, &a, 1, 0); /* too late */
	flush(&a, 0);
	ck_assert_uint_eq(a.n_calls, 0);
}
END_TEST

START_TEST(test_a_peer_that_cannot_be_watched_ends)
{
	a.room = 1;
	a.deaf = true;
	ck_assert_int_eq(put(&a, "hola"), 0);
	flush(&a, -ENOMEM);

	a.room = 1;
	a.deaf = false;
	ck_assert_int_eq(put(&a, "hola"), 0);
	flush(&a, -EAGAIN);
	a.room = SIZE_MAX;
	a.deaf = true; /* it would never be read again */
	rv_writer_writable(&out, &a.out);
	ck_assert_uint_eq(a.n_sent, 0);
	ck_assert_uint_eq(a.n_broken, 2);
}
END_TEST

START_TEST(test_flushing_tries_the_tail_again)
{
	a.room = 1;
	ck_assert_int_eq(put(&a, "hola"), 0);
	flush(&a, -EAGAIN);
	a.room = SIZE_MAX;
	flush(&a, 0);
	ck_assert_uint_eq(a.n_sent, 1);
	assert_got(&a, "hola");
}
END_TEST

/* Messages: what a sink got are records. */

static void assert_message(const struct sink *s, size_t *at, const char *text, uint32_t tag)
{
	struct rv_writer_message m;

	ck_assert_uint_ge(s->n, *at + RV_WRITER_HEAD);
	m = rv_writer_message(s->got + *at);
	ck_assert_uint_eq(m.len, strlen(text));
	ck_assert_uint_eq(m.tag, tag);
	*at += RV_WRITER_HEAD + m.len;
	ck_assert_uint_ge(s->n, *at);
	ck_assert_mem_eq(m.data, text, m.len);
}

static void use_messages(bool single)
{
	struct rv_writer_ops messages = ops;

	messages.messages = true;
	messages.single = single;
	rv_writer_init(&out, &host, NULL, &messages);
}

static void put_three(void)
{
	a.tag = 7;
	ck_assert_int_eq(put(&a, "one"), 0);
	a.tag = 8;
	ck_assert_int_eq(put(&a, ""), 0);
	ck_assert_int_eq(put(&a, "three"), 0);
}

static void assert_three(void)
{
	size_t at = 0;

	assert_message(&a, &at, "one", 7);
	assert_message(&a, &at, "", 8);
	assert_message(&a, &at, "three", 8);
	ck_assert_uint_eq(a.n, at);
}

START_TEST(test_messages_keep_their_bounds_and_tags)
{
	use_messages(false);
	put_three();
	ck_assert_uint_eq(a.n_calls, 0);
	flush(&a, 0);
	ck_assert_uint_eq(a.n_calls, 1);
	assert_three();
}
END_TEST

/* The kernel takes whole ones: here the first, then the others one by one. */
START_TEST(test_messages_in_a_tail)
{
	use_messages(false);
	a.room = RV_WRITER_HEAD + 3;
	put_three();
	flush(&a, -EAGAIN);
	ck_assert_uint_eq(a.n, RV_WRITER_HEAD + 3);
	a.room = RV_WRITER_HEAD;
	rv_writer_writable(&out, &a.out);
	ck_assert_uint_eq(a.n_sent, 0);
	a.room = RV_WRITER_HEAD + 5;
	rv_writer_writable(&out, &a.out);
	ck_assert_uint_eq(a.n_sent, 1);
	assert_three();
}
END_TEST

START_TEST(test_single_messages_do_not_wait_for_others)
{
	use_messages(true);
	put_three();
	ck_assert_uint_eq(a.n_calls, 2);
	flush(&a, 0);
	ck_assert_uint_eq(a.n_calls, 3);
	assert_three();

	a.room = 0;
	ck_assert_int_eq(put(&a, "kept"), 0);
	ck_assert_int_eq(put(&a, "refused"), -EAGAIN);
}
END_TEST

START_TEST(test_a_reservation_given_back_is_nobodys)
{
	struct rv_room room;

	ck_assert_int_eq(rv_writer_reserve(&out, &a, 4, &room), 0);
	rv_writer_commit(&out, &a, RV_COMMIT_NONE, 0);
	ck_assert_ptr_null(out.owner);
	ck_assert_int_eq(put(&a, "kept"), 0);
	ck_assert_int_eq(rv_writer_reserve(&out, &a, 4, &room), 0);
	rv_writer_commit(&out, &a, RV_COMMIT_NONE, 0);
	flush(&a, 0);
	assert_got(&a, "kept");
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
	tcase_add_test(tc, test_a_peer_that_cannot_be_watched_ends);
	tcase_add_test(tc, test_flushing_tries_the_tail_again);
	tcase_add_test(tc, test_messages_keep_their_bounds_and_tags);
	tcase_add_test(tc, test_messages_in_a_tail);
	tcase_add_test(tc, test_single_messages_do_not_wait_for_others);
	tcase_add_test(tc, test_a_reservation_given_back_is_nobodys);
	tcase_add_test(tc, test_quote);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
