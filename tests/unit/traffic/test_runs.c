/* Runs of lines: where they begin and end, what stops them, and what a service says of
 * them that can't be true. */
#include <stdio.h>
#include "common/runner.h"
#include "fake.h"
#include "traffic/run.h"

static struct fake f;

static void open_it(void)
{
	fake_open(&f, 0, true);
}

static void close_it(void)
{
	fake_close(&f);
}

static size_t find(const char *text, size_t off)
{
	struct line_run r = {0};

	return run_find(&r, (const uint8_t *)text, off, strlen(text));
}

START_TEST(whole_lines_in_front_of_a_frame)
{
	ck_assert_uint_eq(find("", 0), 0);
	ck_assert_uint_eq(find("uncut", 0), 0);
	ck_assert_uint_eq(find("\n", 0), 1);
	ck_assert_uint_eq(find("a\nb\r\nuncut", 0), 5);
	ck_assert_uint_eq(find("a\nb\n", 2), 2);
	ck_assert_uint_eq(find("\xff\n", 0), 0);
	ck_assert_uint_eq(find("a\nb\xff\nc\n", 0), 2);
	ck_assert_uint_eq(find("a\n\xff", 0), 2);
}
END_TEST

/* It looks once at each byte, however many pieces are taken. */
START_TEST(what_is_known_is_not_looked_for_again)
{
	char text[] = "a\nb\n\xff!c\nd";
	const uint8_t *data = (const uint8_t *)text;
	size_t n = strlen(text);
	struct line_run r = {0};

	ck_assert_uint_eq(run_find(&r, data, 0, n), 4);
	text[0] = '\xff';
	ck_assert_uint_eq(run_find(&r, data, 2, n), 2);
	ck_assert_uint_eq(run_find(&r, data, 4, n), 0);
	ck_assert_uint_eq(run_find(&r, data, 5, n), 3);
}
END_TEST

START_TEST(one_call_for_all_of_it)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "uno\nbis\r\n\n\r\nuncut");
	fake_expect(p, "uno\nbis\r\n\n\r\n");
	ck_assert_uint_eq(f.service.n_runs, 1);
	ck_assert_uint_eq(f.service.n_calls, 0);
	ck_assert_uint_eq(p->n_commits, 1);
	fake_say(&f, p, " no more\ntres\n");
	fake_expect(p, "uncut no more\ntres\n");
	ck_assert_uint_eq(f.in.n.requests, 6);
	ck_assert_uint_eq(f.in.n.lines, 6);
	ck_assert_uint_eq(f.in.n.replies, 6);
	ck_assert_uint_eq(f.in.n.ops[RV_OP_CALL], 6);
	ck_assert_uint_eq(f.in.n.status[RV_STATUS_OK], 6);
}
END_TEST

/* A 0xFF within a line is text, whatever comes of it, and none of a run's. */
START_TEST(a_line_with_0xff)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	fake_say(&f, p, "a\nb\xff\x01z\nc\n");
	fake_expect(p, "a\nb\xff\x01z\nc\n");
	ck_assert_uint_ge(f.service.n_calls, 1);
	ck_assert_uint_eq(f.in.n.requests, 3);
	ck_assert_uint_eq(f.in.n.frames, 0);
}
END_TEST

START_TEST(frames_between_runs)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	uint8_t buf[256];
	size_t n = 0;

	for (uint64_t i = 0; i < 3; i++) {
		memcpy(buf + n, "a\nb\n", 4);
		n += 4 + fake_frame(buf + n + 4, RV_OP_CALL, 0, i, NULL, "z\nw\n", 4);
	}
	fake_bytes(&f, p, buf, n);
	for (uint64_t i = 0; i < 3; i++) {
		ck_assert_mem_eq(bytes_head(&p->out), "a\nb\n", 4);
		bytes_take(&p->out, 4);
		p->n_flushed -= 4;
		fake_expect_frame(p, i, RV_STATUS_OK, "z\nw\n");
	}
	fake_expect(p, "");
	ck_assert_uint_eq(f.service.n_runs, 3);
}
END_TEST

/* What a run can't have, and what is behind it, comes in its place. */
START_TEST(lines_that_are_served_alone)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);
	char text[1200];

	snprintf(text, sizeof(text), "a\neh\nb\n%*s\nc\nd\nz\n", 1050, "x");
	fake_say(&f, p, text);
	fake_expect(p, "a\n\x15internal: eh\nb\n"
		       "\x15too-large: 1050 bytes, the limit is 1000\nc\n");
	fake_answer(&f, 0, "later");
	fake_expect(p, "later\nz\n");
}
END_TEST

/* Reservations that are hardly larger than asked for. */
START_TEST(little_room)
{
	for (size_t room = 1; room < 40; room++) {
		struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

		p->room = room;
		fake_say(&f, p, "uno\nun texto mucho mas largo\n\ncuatro\n");
		fake_expect(p, "uno\nun texto mucho mas largo\n\ncuatro\n");
	}
}
END_TEST

START_TEST(on_a_shared_stream)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM | RV_PEER_SHARED);

	fake_say(&f, p, "a\nb\n");
	p->blocked = true;
	fake_full(&f, p);
	fake_say(&f, p, "c\n\nb\nun");
	fake_expect(p, "a\nb\n");
	fake_unblock(&f, p);
	fake_say(&f, p, "cut\n");
	fake_expect(p, "c\n\nb\nuncut\n");
	ck_assert_uint_eq(f.service.n_calls, 1); /* of the line that came in two pieces */
}
END_TEST

/* Replies of messages are messages, so there are no runs. */
START_TEST(not_for_messages)
{
	struct fake_peer *p = fake_connect(&f, 0);

	fake_message(&f, p, "a\n", 2, 0, NULL);
	fake_expect(p, "a\n");
	ck_assert_uint_eq(f.service.n_runs, 0);
}
END_TEST

/* Nonsense: each says that it has answered "uno\n" with "UNO\n", but for one thing. */
static void answer(struct rv_lines *l)
{
	memcpy(l->out, "UNO\n", 4);
	l->taken = 4;
	l->used = 4;
	l->lines = 1;
}

static void takes_too_much(struct rv_lines *l)
{
	answer(l);
	l->taken = l->n + 1;
}

static void takes_nothing(struct rv_lines *l)
{
	answer(l);
	l->taken = 0;
}

static void takes_half_a_line(struct rv_lines *l)
{
	answer(l);
	l->taken = 2;
}

static void counts_none(struct rv_lines *l)
{
	answer(l);
	l->lines = 0;
}

static void counts_more_than_bytes(struct rv_lines *l)
{
	answer(l);
	l->lines = 5;
}

static void uses_too_much(struct rv_lines *l)
{
	answer(l);
	l->used = l->room + 1;
}

static void uses_too_little(struct rv_lines *l)
{
	answer(l);
	l->used = 0;
}

static void replies_half_a_line(struct rv_lines *l)
{
	answer(l);
	l->used = 3;
}

static void (*const nonsense[])(struct rv_lines *) = {takes_too_much, takes_nothing,
	takes_half_a_line, counts_none, counts_more_than_bytes, uses_too_much, uses_too_little,
	replies_half_a_line};

START_TEST(nonsense_is_not_believed)
{
	struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

	f.service.lines = answer;
	fake_say(&f, p, "uno\n");
	fake_expect(p, "UNO\n");
	f.service.lines = nonsense[_i];
	fake_say(&f, p, "uno\nbis\n");
	fake_expect(p, "uno\nbis\n");
	ck_assert_uint_eq(f.service.n_calls, 2);
	ck_assert_uint_eq(f.in.n.requests, 3);
	ck_assert_uint_eq(f.in.n.replies, 3);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("runs");
	Suite *s = suite_create("runs");

	tcase_add_checked_fixture(tc, open_it, close_it);
	tcase_add_test(tc, whole_lines_in_front_of_a_frame);
	tcase_add_test(tc, what_is_known_is_not_looked_for_again);
	tcase_add_test(tc, one_call_for_all_of_it);
	tcase_add_test(tc, a_line_with_0xff);
	tcase_add_test(tc, frames_between_runs);
	tcase_add_test(tc, lines_that_are_served_alone);
	tcase_add_test(tc, little_room);
	tcase_add_test(tc, on_a_shared_stream);
	tcase_add_test(tc, not_for_messages);
	tcase_add_loop_test(tc, nonsense_is_not_believed, 0, ARRAY_SIZE(nonsense));
	suite_add_tcase(s, tc);
	return runner_run(s);
}
