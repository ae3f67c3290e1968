/* Lines come out whole however the input is cut. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "revc/input.h"
#include "common/runner.h"
#include "util/macro.h"

struct rig {
	int pipe[2];
	struct input in;
};

static void rig_init(struct rig *r)
{
	ck_assert_int_eq(pipe2(r->pipe, O_CLOEXEC), 0);
	ck_assert_int_eq(input_init(&r->in, r->pipe[0], NULL), 0);
}

static void rig_finish(struct rig *r)
{
	input_finish(&r->in);
	close(r->pipe[0]);
	if (r->pipe[1] >= 0) {
		close(r->pipe[1]);
	}
}

static void feed(struct rig *r, const char *text, size_t n)
{
	ck_assert_int_eq(write(r->pipe[1], text, n), (ssize_t)n);
	ck_assert_int_eq(input_fill(&r->in), 0);
}

static void feed_end(struct rig *r)
{
	close(r->pipe[1]);
	r->pipe[1] = -1;
	ck_assert_int_eq(input_fill(&r->in), 0);
	ck_assert(r->in.eof);
}

static void expect(struct rig *r, const char *text, size_t term)
{
	struct input_line line;

	ck_assert_int_eq(input_next(&r->in, &line), INPUT_LINE);
	ck_assert_uint_eq(line.n, strlen(text));
	ck_assert_mem_eq(line.text, text, line.n);
	ck_assert_uint_eq(line.term, term);
	input_take(&r->in, &line);
}

/* Cut in two at every place. */
START_TEST(cuts_lines)
{
	static const char text[] = "uno\ndos\r\n\n\r\ncr\rin\ncuatro";
	struct input_line line;
	size_t cut = (size_t)_i;
	struct rig r;

	rig_init(&r);
	feed(&r, text, cut);
	(void)input_next(&r.in, &line); /* looked at, not taken: it has to be there again */
	feed(&r, text + cut, strlen(text) - cut);
	expect(&r, "uno", 1);
	expect(&r, "dos", 2);
	expect(&r, "", 1);
	expect(&r, "", 2);
	expect(&r, "cr\rin", 1);
	ck_assert_uint_eq(r.in.line, 6);
	ck_assert_int_eq(input_next(&r.in, &line), INPUT_MORE);
	feed_end(&r);
	expect(&r, "cuatro", 0);
	ck_assert_int_eq(input_next(&r.in, &line), INPUT_END);
	ck_assert_uint_eq(r.in.taken, strlen(text));
	rig_finish(&r);
}
END_TEST

START_TEST(ends_empty)
{
	struct rig r;
	struct input_line line;

	rig_init(&r);
	ck_assert_int_eq(input_next(&r.in, &line), INPUT_MORE);
	feed_end(&r);
	ck_assert_int_eq(input_next(&r.in, &line), INPUT_END);
	ck_assert_int_eq(input_fill(&r.in), 0);
	rig_finish(&r);
}
END_TEST

/* A line over the limit is counted and let go; its CR is no part of it. */
START_TEST(skips_long_lines)
{
	static const struct {
		const char *piece[3];
		uint64_t n;
		size_t term;
	} cases[] = {
		{{"0123456789", "", "\n"}, 10, 1},
		{{"0123456789", "abc\r", "\n"}, 13, 2},
		{{"0123456789\r", "\r", "\n"}, 11, 2},
		{{"0123456789", "\rxx", "y\n"}, 14, 1},
		{{"0123456789", "abc", NULL}, 13, 0},
		{{"0123456789\r", NULL, NULL}, 11, 0},
	};
	struct input_line line;
	uint64_t n = 0;
	size_t term = 9;
	struct rig r;

	rig_init(&r);
	r.in.line_max = 4;
	for (size_t i = 0; i < 3 && cases[_i].piece[i]; i++) {
		if (*cases[_i].piece[i]) {
			feed(&r, cases[_i].piece[i], strlen(cases[_i].piece[i]));
		}
		ck_assert_int_eq(input_next(&r.in, &line), INPUT_LONG);
		if (i < 2) {
			ck_assert(
				!input_skip(&r.in, &n, &term) || strchr(cases[_i].piece[i], '\n'));
			ck_assert_uint_le(input_used(&r.in), 1);
		}
	}
	if (cases[_i].term > 0) {
		feed(&r, "next\n", 5);
	} else {
		feed_end(&r);
	}
	ck_assert_int_eq(input_next(&r.in, &line), INPUT_LONG);
	ck_assert(input_skip(&r.in, &n, &term));
	ck_assert_uint_eq(n, cases[_i].n);
	ck_assert_uint_eq(term, cases[_i].term);
	ck_assert_uint_eq(r.in.line, 2);
	if (term > 0) {
		expect(&r, "next", 1);
	}
	rig_finish(&r);
}
END_TEST

/* Lines longer than the buffer make it grow; short ones never do. */
START_TEST(grows_for_a_line_only)
{
	static char block[60000];
	struct input_line line;
	size_t size;
	struct rig r;

	memset(block, 'x', sizeof(block));
	block[sizeof(block) - 1] = '\n';
	rig_init(&r);
	size = r.in.size;
	for (unsigned i = 0; i < 200; i++) {
		feed(&r, block, sizeof(block));
		ck_assert_int_eq(input_next(&r.in, &line), INPUT_LINE);
		ck_assert_uint_eq(line.n, sizeof(block) - 1);
		input_take(&r.in, &line);
	}
	ck_assert_uint_eq(r.in.size, size);
	r.in.line_max = SIZE_MAX;
	for (size_t n = 0; n <= 2 * size; n += sizeof(block) - 1) {
		feed(&r, block, sizeof(block) - 1);
		ck_assert_int_eq(input_next(&r.in, &line), INPUT_MORE);
	}
	feed(&r, "\n", 1);
	ck_assert_int_eq(input_next(&r.in, &line), INPUT_LINE);
	ck_assert_uint_gt(line.n, 2 * size);
	rig_finish(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client/input");
	TCase *t = tcase_create("input");

	tcase_add_loop_test(t, cuts_lines, 1, 24);
	tcase_add_test(t, ends_empty);
	tcase_add_loop_test(t, skips_long_lines, 0, 6);
	tcase_add_test(t, grows_for_a_line_only);
	suite_add_tcase(s, t);
	return runner_run(s);
}
