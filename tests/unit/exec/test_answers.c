/* What a process prints becomes answers, however it is cut; or it must end. */
#include <stdio.h>
#include <string.h>
#include "common/runner.h"
#include "exec/answers.h"

struct desk {
	struct answers a;
	struct flights f;
	char log[512]; /* "ticket[lines]:text;" of each answer */
};

static void on_answer(void *ctx, rv_ticket ticket, size_t lines, enum rv_status status,
	const void *data, size_t n)
{
	struct desk *d = ctx;
	size_t at = strlen(d->log);

	snprintf(d->log + at, sizeof(d->log) - at, "%u[%zu]%.*s%s;", (unsigned)ticket, lines,
		(int)n, (const char *)data, status == RV_STATUS_OK ? "" : "!");
}

static void set_up(struct desk *d)
{
	*d = (struct desk){.a = {.max = 10, .ctx = d, .answer = on_answer}, .f = {.first = 1}};
}

static void ask(struct desk *d, rv_ticket ticket, uint32_t lines)
{
	ck_assert_int_eq(
		flights_push(&d->f, &(struct flight){.ticket = ticket, .lines = lines}), 0);
}

static void tear_down(struct desk *d)
{
	flights_free(&d->f);
	bytes_free(&d->a.partial);
}

static const char *lines(struct desk *d, const char *text)
{
	return answers_lines(&d->a, &d->f, (const uint8_t *)text, strlen(text));
}

START_TEST(lines_in_order)
{
	struct desk d;

	set_up(&d);
	ask(&d, 1, 0);
	ask(&d, 2, 0);
	ask(&d, 3, 3);
	ask(&d, 4, 0);
	ck_assert_ptr_null(lines(&d, "un"));
	ck_assert_str_eq(d.log, "");
	ck_assert_ptr_null(lines(&d, "o\ndos\na\nb\nc"));
	ck_assert_str_eq(d.log, "1[0]uno;2[0]dos;3[2]a\nb\n;");
	ck_assert_ptr_null(lines(&d, "\n\n"));
	ck_assert_str_eq(d.log, "1[0]uno;2[0]dos;3[2]a\nb\n;3[1]c\n;4[0];");
	ck_assert_uint_eq(d.f.n, 0);
	tear_down(&d);
}
END_TEST

START_TEST(a_line_that_nobody_asked_for)
{
	struct desk d;

	set_up(&d);
	ask(&d, 1, 0);
	ck_assert_str_eq(lines(&d, "uno\ndos\n"), "printed a line that nobody asked for");
	ck_assert_str_eq(d.log, "1[0]uno;");
	ck_assert_str_eq(lines(&d, "x"), "printed a line that nobody asked for");
	tear_down(&d);
}
END_TEST

/* For a single request and in a run, whole and in pieces. */
START_TEST(a_line_that_is_too_long)
{
	struct desk d;

	set_up(&d);
	ask(&d, 1, 0);
	ask(&d, 2, _i ? 5 : 0);
	ck_assert_ptr_null(lines(&d, "0123456789\n"));
	ck_assert_ptr_null(lines(&d, "01234"));
	ck_assert_str_eq(lines(&d, "567890\n"), "printed a line that is too long");
	bytes_take(&d.a.partial, d.a.partial.len);
	ck_assert_str_eq(lines(&d, "01234567890\n"), "printed a line that is too long");
	bytes_take(&d.a.partial, d.a.partial.len);
	ck_assert_str_eq(lines(&d, "01234567890123456789"), "printed a line that is too long");
	ck_assert_uint_lt(d.a.partial.size, 512);
	tear_down(&d);
}
END_TEST

static const char *frame(struct desk *d, uint8_t status, uint64_t id, const char *text, size_t cut)
{
	uint8_t buf[128];
	size_t n = strlen(text);
	const char *why;

	rv_reply_store(buf, status, 0, n, id);
	memcpy(buf + RV_FRAME_HEADER, text, n);
	n += RV_FRAME_HEADER;
	why = answers_frames(&d->a, &d->f, buf, cut);
	return why ? why : answers_frames(&d->a, &d->f, buf + cut, n - cut);
}

START_TEST(frames_in_any_order)
{
	struct desk d;

	set_up(&d);
	for (rv_ticket t = 11; t < 15; t++) {
		ask(&d, t, 0);
	}
	ck_assert_ptr_null(frame(&d, RV_STATUS_OK, 3, "c\nc", (size_t)_i));
	ck_assert_ptr_null(frame(&d, RV_STATUS_DENIED, 1, "no", (size_t)_i));
	ck_assert_ptr_null(frame(&d, RV_STATUS_OK, 1, "again", (size_t)_i));
	ck_assert_ptr_null(frame(&d, RV_STATUS_OK, 3, "again", (size_t)_i));
	ck_assert_uint_eq(d.f.n, 3);
	ck_assert_ptr_null(frame(&d, RV_STATUS_OK, 2, "", (size_t)_i));
	ck_assert_ptr_null(frame(&d, RV_STATUS_OK, 4, "0123456789", (size_t)_i));
	ck_assert_str_eq(d.log, "13[0]c\nc;11[0]no!;12[0];14[0]0123456789;");
	ck_assert_uint_eq(d.f.n, 0);
	tear_down(&d);
}
END_TEST

START_TEST(what_is_no_answer)
{
	static const struct {
		uint8_t bytes[RV_FRAME_HEADER];
		const char *why;
	} bad[] = {
		{"hello, world....", "printed what is not the frame of an answer"},
		{"\xff\x02\x00\x80\0\0\0\0\1", "printed what is not the frame of an answer"},
		{"\xff\x01\x00\x00\0\0\0\0\1", "printed what is not the frame of an answer"},
		{"\xff\x01\x00\x81\0\0\0\0\1", "printed what is not the frame of an answer"},
		{"\xff\x01\x0a\x80\0\0\0\0\1", "printed what is not the frame of an answer"},
		{"\xff\x01\x00\x80\x0b\0\0\0\1", "printed an answer that is too long"},
		{"\xff\x01\x00\x80\xff\xff\xff\xff\1", "printed an answer that is too long"},
		{"\xff\x01\x00\x80\0\0\0\0\2", "answered a request that it has not got"},
		{"\xff\x01\x00\x80\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
			"answered a request that it has not got"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct desk d;

		set_up(&d);
		ask(&d, 1, 0);
		ck_assert_str_eq(
			answers_frames(&d.a, &d.f, bad[i].bytes, RV_FRAME_HEADER), bad[i].why);
		ck_assert_str_eq(d.log, "");
		tear_down(&d);
	}
}
END_TEST

/* The ring of flights, over its end and while it grows. */
START_TEST(many_flights)
{
	struct flights f = {.first = 1};
	uint64_t next = 0, first = 0;

	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 7; i++, next++) {
			ck_assert_int_eq(flights_push(&f, &(struct flight){.start = next}), 0);
		}
		for (int i = 0; i < 5; i++, first++) {
			ck_assert_uint_eq(flights_at(&f, 0)->start, first);
			flights_pop(&f);
		}
	}
	ck_assert_uint_eq(f.n, next - first);
	ck_assert_uint_eq(f.first, first + 1);
	ck_assert_uint_eq(flights_at(&f, f.n - 1)->start, next - 1);
	flights_free(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("answers");
	TCase *tc = tcase_create("answers");

	tcase_add_test(tc, lines_in_order);
	tcase_add_test(tc, a_line_that_nobody_asked_for);
	tcase_add_loop_test(tc, a_line_that_is_too_long, 0, 2);
	tcase_add_loop_test(tc, frames_in_any_order, 0, RV_FRAME_HEADER + 1);
	tcase_add_test(tc, what_is_no_answer);
	tcase_add_test(tc, many_flights);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
