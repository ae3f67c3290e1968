/* What a co-process had not got when it ended goes to another one, and the rest is lost. */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include "common/runner.h"
#include "exec/process.h"

static char answers[256]; /* "ticket[lines];" of each error */

static void complete(struct rv_service_worker *sw, rv_ticket t, enum rv_status status,
	const void *data, size_t n)
{
	(void)sw;
	(void)data;
	(void)n;
	ck_assert_int_ne(status, RV_STATUS_OK);
	snprintf(answers + strlen(answers), sizeof(answers) - strlen(answers), "%u;", (unsigned)t);
}

static void complete_lines(struct rv_service_worker *sw, rv_ticket t, size_t lines,
	enum rv_status status, const void *data, size_t n)
{
	(void)sw;
	(void)data;
	(void)n;
	ck_assert_int_ne(status, RV_STATUS_OK);
	snprintf(answers + strlen(answers), sizeof(answers) - strlen(answers), "%u[%zu];",
		(unsigned)t, lines);
}

static void hold(struct rv_service_worker *sw, bool on)
{
	(void)sw;
	(void)on;
}

static const struct rv_service_host host = {
	.complete = complete, .complete_lines = complete_lines, .hold = hold};

/* Two of them without a program, the first of which has taken n bytes. */
static void write_some(struct process *p, size_t n)
{
	p->last = bytes_head(&p->out)[n - 1];
	bytes_take(&p->out, n);
}

static void set_up(struct process_ground *g, struct process *p, struct process *to)
{
	*g = (struct process_ground){.host = &host};
	*p = (struct process){.ground = g, .flights = {.first = 1}, .last = '\n'};
	*to = *p;
	answers[0] = '\0';
}

static void tear_down(struct process *p)
{
	flights_free(&p->flights);
	bytes_free(&p->out);
}

/* "uno\n" "a\nbb\nc\n" "dos\n": what is left for the other one after so many bytes. */
static const struct {
	size_t written;
	const char *left, *lost;
} cuts[] = {
	{0, "uno\na\nbb\nc\ndos\n", ""},
	{1, "a\nbb\nc\ndos\n", "1;"},
	{4, "a\nbb\nc\ndos\n", "1;"},
	{5, "bb\nc\ndos\n", "1;2[1];"},
	{6, "bb\nc\ndos\n", "1;2[1];"},
	{7, "c\ndos\n", "1;2[2];"},
	{9, "c\ndos\n", "1;2[2];"},
	{10, "dos\n", "1;2[3];"},
	{11, "dos\n", "1;2[3];"},
	{12, "", "1;2[3];3;"},
	{15, "", "1;2[3];3;"},
};

START_TEST(lines)
{
	struct process_ground g;
	struct process p, to;

	set_up(&g, &p, &to);
	ck_assert_int_eq(process_ask(&p, 1, NULL, 0, "uno", 3), 0);
	ck_assert_int_eq(process_ask_run(&p, 2, 3, "a\nbb\nc\n", 7), 0);
	ck_assert_int_eq(process_ask(&p, 3, "d", 1, "os", 2), 0);
	if (cuts[_i].written > 0) {
		write_some(&p, cuts[_i].written);
	}
	process_hand_over(&p, &to);
	process_lose(&p, RV_STATUS_INTERNAL, "it is gone");
	ck_assert_str_eq(answers, cuts[_i].lost);
	ck_assert_uint_eq(to.out.len, strlen(cuts[_i].left));
	if (to.out.len > 0) {
		ck_assert_mem_eq(bytes_head(&to.out), cuts[_i].left, to.out.len);
	}
	process_lose(&to, RV_STATUS_INTERNAL, "it is gone"); /* all that is not lost is there */
	tear_down(&p);
	tear_down(&to);
}
END_TEST

/* Frames get the numbers of the other one. */
START_TEST(frames)
{
	struct process_ground g;
	struct process p, to;
	struct rv_frame f;

	set_up(&g, &p, &to);
	g.frames = true;
	ck_assert_int_eq(process_ask(&to, 9, NULL, 0, "x", 1), 0);
	bytes_take(&to.out, to.out.len);
	ck_assert_int_eq(process_ask(&p, 1, NULL, 0, "uno", 3), 0);
	ck_assert_int_eq(process_ask(&p, 2, NULL, 0, "dos", 3), 0);
	write_some(&p, 3);
	process_hand_over(&p, &to);
	process_lose(&p, RV_STATUS_INTERNAL, "it is gone");
	ck_assert_str_eq(answers, "1;");
	ck_assert_uint_eq(to.out.len, RV_FRAME_HEADER + 3);
	rv_frame_load(bytes_head(&to.out), &f);
	ck_assert_uint_eq(f.id, 2);
	ck_assert_uint_eq(f.length, 3);
	ck_assert_mem_eq(bytes_head(&to.out) + RV_FRAME_HEADER, "dos", 3);
	ck_assert_uint_eq(flights_at(&to.flights, 1)->ticket, 2);
	tear_down(&p);
	tear_down(&to);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("process");
	TCase *tc = tcase_create("process");

	tcase_add_loop_test(tc, lines, 0, (int)ARRAY_SIZE(cuts));
	tcase_add_test(tc, frames);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
