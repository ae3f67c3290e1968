/* What is written about results: sentences, JSON that parses, HTML that is balanced. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/report.h"
#include "bench/figures.h"
#include "bench/svg.h"
#include "common/runner.h"

static struct plan plan;
static struct verdict verdict;
static struct machine machine;

static void set_rate(struct bench_contender *c, double rate, double wobble)
{
	c->n = 5;
	for (size_t i = 0; i < c->n; i++) {
		struct bench_sample *s = &c->samples[i];

		s->ns = 1000000000;
		s->pinned = true;
		s->requests = s->answered = (uint64_t)(rate * (1 + wobble * ((double)i - 2) / 2));
		s->server_cpu_ns = s->client_cpu_ns = 500000000;
		hist_add(&c->latency, 10000 + 100 * i, 1000);
	}
}

/* A run in which stream is twice as fast as the others, which differ by noise only. */
static void set_up(void)
{
	memset(&plan, 0, sizeof(plan));
	memset(plan.serves, 1, sizeof(plan.serves));
	plan.can_split = true;
	plan.spins = true;
	plan.rate = 10000;
	ck_assert_int_eq(plan_standard(&plan), 0);
	for (size_t i = 0; i < plan.n; i++) {
		for (size_t k = 0; k < plan.groups[i]->n; k++) {
			struct bench_contender *c = &plan.groups[i]->contenders[k];
			double rate = c->transport == BENCH_STREAM ? 200000 : 100000;

			set_rate(c,
				c->neighbour ? rate / 2
				: c->spin    ? rate * 1.5
					     : rate,
				c->transport == BENCH_FIFO ? 0.1 : 0);
		}
	}
	memset(&machine, 0, sizeof(machine));
	snprintf(machine.cpu, sizeof(machine.cpu), "A \"fast\" <CPU> & co\\");
	machine_note(&machine, "a note");
	verdict_make(&verdict, &plan);
}

static void tear_down(void)
{
	plan_finish(&plan);
}

static char *write_out(void (*out)(FILE *, const struct report *), const char *error)
{
	struct report r = {.machine = &machine,
		.plan = &plan,
		.verdict = &verdict,
		.rounds = 5,
		.slice_ns = 250000000,
		.revd_version = "1.2",
		.command = "revbench --json=a\tb",
		.error = error};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(f);
	out(f, &r);
	ck_assert_int_eq(fclose(f), 0);
	return text;
}

static const struct verdict_line *about(enum verdict_about a)
{
	for (size_t i = 0; i < verdict.n; i++) {
		if (verdict.lines[i].about == a) {
			return &verdict.lines[i];
		}
	}
	ck_abort_msg("no line about %s", verdict_topic(a));
	return NULL;
}

START_TEST(the_verdict_names_the_best_and_the_noise)
{
	const struct verdict_line *l = about(VERDICT_LATENCY);

	ck_assert_int_eq(l->best, BENCH_STREAM);
	ck_assert_ptr_nonnull(strstr(l->text, "uds stream, 200 k round trips/s"));
	ck_assert_ptr_nonnull(strstr(l->text, "2.00x uds seqpacket (2.00-2.00)"));
	for (size_t i = 0; i < plan.groups[0]->n; i++) {
		set_rate(&plan.groups[0]->contenders[i], 1000, 0.1 * (double)(i % 3));
	}
	verdict_make(&verdict, &plan);
	ck_assert_ptr_nonnull(strstr(about(VERDICT_LATENCY)->text, "within the noise"));
	ck_assert_ptr_null(strstr(about(VERDICT_LATENCY)->text, "2.00x"));
}
END_TEST

START_TEST(what_was_not_pinned_is_not_compared)
{
	char *text;

	plan.groups[0]->contenders[3].samples[2].pinned = false;
	verdict_make(&verdict, &plan);
	ck_assert_ptr_nonnull(strstr(about(VERDICT_LATENCY)->text, "not compared"));
	ck_assert_ptr_null(strstr(about(VERDICT_LATENCY)->text, "2.00x"));
	ck_assert_ptr_null(strstr(about(VERDICT_FLOOR)->text, "one in flight"));
	for (size_t i = 0; i < plan.n; i++) {
		plan.groups[i]->regime = BENCH_FREE;
	}
	text = write_out(report_table, NULL);
	ck_assert_ptr_null(strstr(text, "100 % (100-100)"));
	free(text);
}
END_TEST

START_TEST(the_verdict_measures_isolation)
{
	ck_assert_ptr_nonnull(strstr(about(VERDICT_ISOLATION)->text, "2.0x on uds stream"));
	ck_assert_ptr_nonnull(strstr(about(VERDICT_ISOLATION)->text, "2.0x on mqueue"));
}
END_TEST

START_TEST(the_verdict_measures_spinning)
{
	ck_assert_ptr_nonnull(strstr(about(VERDICT_SPIN)->text, "1.5x on uds stream (1.5-1.5; "));
	ck_assert_ptr_nonnull(strstr(about(VERDICT_SPIN)->text, "1.5x on mqueue"));
}
END_TEST

START_TEST(the_verdict_ends_with_a_choice)
{
	ck_assert_int_eq(about(VERDICT_CHOICE)->best, BENCH_STREAM);
	ck_assert_str_eq(about(VERDICT_CHOICE)->text,
		"take uds stream: best or no different from the best in 4 of 4 loads.");
	for (size_t i = 0; i < plan.n; i++) {
		for (size_t k = 0; k < plan.groups[i]->n; k++) {
			struct bench_contender *c = &plan.groups[i]->contenders[k];

			c->n = 0;
			set_rate(c, c->transport == BENCH_MQUEUE ? 300000 : 200000, 0);
		}
	}
	verdict_make(&verdict, &plan);
	ck_assert_int_eq(about(VERDICT_CHOICE)->best, BENCH_MQUEUE);
	ck_assert_str_eq(about(VERDICT_CHOICE)->text, "take mqueue: best or no different from the "
						      "best in 4 of 4 loads; where clients do not"
						      " trust each other take uds stream: best or "
						      "no different from the best in 0 of 4 loads"
						      " (furthest behind, 1.50x, in: latency).");
}
END_TEST

START_TEST(nothing_measured_gives_no_verdict)
{
	for (size_t i = 0; i < plan.n; i++) {
		for (size_t k = 0; k < plan.groups[i]->n; k++) {
			plan.groups[i]->contenders[k].n = 0;
		}
	}
	verdict_make(&verdict, &plan);
	ck_assert_uint_eq(verdict.n, 0);
	free(write_out(report_table, NULL));
	free(write_out(report_html, NULL));
}
END_TEST

/* A JSON value at *p, by RFC 8259; moves *p behind it. */
static bool json_value(const char **p);

static void skip_space(const char **p)
{
	*p += strspn(*p, " \t\r\n");
}

static bool json_string(const char **p)
{
	for ((*p)++; **p && **p != '"'; (*p)++) {
		if ((unsigned char)**p < 0x20 || (**p == '\\' && !*++*p)) {
			return false;
		}
	}
	return *(*p)++ == '"';
}

static bool json_list(const char **p, char end, bool object)
{
	for (bool first = true;; first = false) {
		++*p;
		skip_space(p);
		if (first && **p == end) {
			break;
		}
		if (object) {
			if (**p != '"' || !json_string(p)) {
				return false;
			}
			skip_space(p);
			if (*(*p)++ != ':') {
				return false;
			}
			skip_space(p);
		}
		if (!json_value(p)) {
			return false;
		}
		skip_space(p);
		if (**p != ',') {
			break;
		}
	}
	return *(*p)++ == end;
}

static bool json_value(const char **p)
{
	static const char *const words[] = {"true", "false", "null"};
	char *end;

	switch (**p) {
	case '{':
		return json_list(p, '}', true);
	case '[':
		return json_list(p, ']', false);
	case '"':
		return json_string(p);
	default:
		break;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strncmp(*p, words[i], strlen(words[i])) == 0) {
			*p += strlen(words[i]);
			return true;
		}
	}
	if (**p != '-' && !isdigit((unsigned char)**p)) {
		return false; /* strtod() would take nan and inf */
	}
	(void)strtod(*p, &end);
	*p = end;
	return true;
}

START_TEST(json_is_json)
{
	char *text = write_out(report_json, _i ? "it \"broke\"\n" : NULL);
	const char *p = text;

	ck_assert_msg(json_value(&p), "at: %.60s", p);
	skip_space(&p);
	ck_assert_str_eq(p, "");
	ck_assert_ptr_nonnull(strstr(text, "\"A \\\"fast\\\" <CPU> & co\\\\\""));
	ck_assert_ptr_nonnull(strstr(text, "a\\u0009b"));
	free(text);
}
END_TEST

/* Elements that are opened are closed, in order; text holds no bare < or &. */
static void check_balanced(const char *html, const char *root)
{
	char stack[64][16];
	size_t depth = 0;
	const char *p = strstr(html, root);

	for (; (p = strchr(p, '<')); p++) {
		bool closing = p[1] == '/';
		const char *name = p + 1 + closing, *end = strchr(p, '>');
		size_t n = strcspn(name, " />");

		ck_assert_ptr_nonnull(end);
		ck_assert_uint_lt(n, sizeof(stack[0]));
		if (closing) {
			ck_assert_msg(depth > 0 && strlen(stack[depth - 1]) == n &&
					      memcmp(stack[depth - 1], name, n) == 0,
				"</%.*s> closes <%s>", (int)n, name, depth ? stack[depth - 1] : "");
			depth--;
		} else if (end[-1] != '/' && strncmp(name, "meta", 4) != 0) {
			ck_assert_uint_lt(depth, ARRAY_SIZE(stack));
			snprintf(stack[depth++], sizeof(stack[0]), "%.*s", (int)n, name);
		}
	}
	ck_assert_uint_eq(depth, 0);
}

START_TEST(html_is_balanced_and_self_contained)
{
	char *text = write_out(report_html, "<script>bad & worse</script>");

	check_balanced(text, "<html");
	ck_assert_ptr_nonnull(strstr(text, "&lt;script&gt;bad &amp; worse"));
	ck_assert_ptr_null(strstr(text, "<script"));
	ck_assert_ptr_null(strstr(text, "http"));
	ck_assert_ptr_null(strstr(text, "src="));
	ck_assert_ptr_null(strstr(text, "nan"));
	ck_assert_ptr_nonnull(strstr(text, "<polyline"));
	free(text);
}
END_TEST

START_TEST(the_plot_is_an_image_of_its_own)
{
	char *text = write_out(report_svg, NULL);

	ck_assert_int_eq(strncmp(text, "<svg ", 5), 0);
	check_balanced(text, "<svg");
	ck_assert_ptr_nonnull(strstr(text, "xmlns=\"http://www.w3.org/2000/svg\""));
	ck_assert_ptr_nonnull(strstr(text, "<style>"));
	free(text);
}
END_TEST

START_TEST(the_table_shows_the_share_of_the_floor)
{
	char *text = write_out(report_table, NULL);

	ck_assert_ptr_nonnull(strstr(text, "100 % (100-100)"));
	ck_assert_ptr_nonnull(strstr(text, "note: a note"));
	free(text);
}
END_TEST

START_TEST(numbers_have_three_digits)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {{0, "0.00"}, {9.5, "9.50"}, {12.4, "12"}, {999, "999"}, {1234, "1.23 k"},
		{12345, "12.3 k"}, {123456, "123 k"}, {999600, "1.00 M"}, {2.5e9, "2.50 G"}};
	char buf[16];

	ck_assert_str_eq(bench_number(cases[_i].v, buf), cases[_i].text);
}
END_TEST

START_TEST(a_chart_without_points_says_so)
{
	struct svg_chart c = {.title = "t", .x_title = "x", .y_title = "y", .y_unit = "u"};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(f);
	svg_draw(f, &c);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_ptr_nonnull(strstr(text, "Not measured"));
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench/report");
	TCase *t = tcase_create("report");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, the_verdict_names_the_best_and_the_noise);
	tcase_add_test(t, what_was_not_pinned_is_not_compared);
	tcase_add_test(t, the_verdict_measures_isolation);
	tcase_add_test(t, the_verdict_measures_spinning);
	tcase_add_test(t, the_verdict_ends_with_a_choice);
	tcase_add_test(t, nothing_measured_gives_no_verdict);
	tcase_add_loop_test(t, json_is_json, 0, 2);
	tcase_add_test(t, html_is_balanced_and_self_contained);
	tcase_add_test(t, the_plot_is_an_image_of_its_own);
	tcase_add_test(t, the_table_shows_the_share_of_the_floor);
	tcase_add_loop_test(t, numbers_have_three_digits, 0, 9);
	tcase_add_test(t, a_chart_without_points_says_so);
	suite_add_tcase(s, t);
	return runner_run(s);
}
