/* Reversal of line after line, with every kernel. */
#include <stdlib.h>
#include <string.h>
#include "common/runner.h"
#include "unit/text/reference.h"
#include "common/require.h"
#include "unit/text/samples.h"
#include "util/macro.h"

#define LINES 60u
#define LINE_MAX 300u

struct lines {
	uint8_t src[LINES * (LINE_MAX + 2)];
	size_t n, count;
};

static void add(struct lines *l, const void *text, size_t n, const char *terminator)
{
	memcpy(l->src + l->n, text, n);
	memcpy(l->src + l->n + n, terminator, strlen(terminator));
	l->n += n + strlen(terminator);
	l->count++;
}

/* What all of them must become, one by one. */
static void reference(enum text_unit unit, const struct lines *l, uint8_t *dst)
{
	for (size_t at = 0; at < l->n;) {
		const uint8_t *lf = memchr(l->src + at, '\n', l->n - at);
		size_t whole = (size_t)(lf - (l->src + at)) + 1, n = whole - 1;

		n -= n > 0 && l->src[at + n - 1] == '\r';
		reference_reverse(unit, l->src + at, n, dst + at);
		memcpy(dst + at + n, l->src + at + n, whole - n);
		at += whole;
	}
}

/* `taken` bytes, which are `lines` lines, must be reversed with each kernel; the
 * memory is as large as it has to be, so that a sanitizer sees what goes beyond. */
static void check(enum text_unit unit, const struct lines *l, size_t room, size_t max, size_t taken,
	size_t lines)
{
	CLEANUP_FREE uint8_t *want = malloc(l->n + 1), *src = malloc(l->n), *dst = NULL;

	memcpy(src, l->src, l->n);
	reference(unit, l, want);
	for (enum text_simd simd = 0; simd < TEXT_SIMD_COUNT; simd++) {
		struct text_lines t = {.src = src, .n = l->n, .room = room, .max = max};

		if (!text_kernel_find(simd)) {
			continue;
		}
		free(dst);
		dst = malloc(room + 1);
		t.dst = dst;
		text_reverse_lines(text_kernel_find(simd), unit, &t);
		REQUIRE(t.taken == taken && t.lines == lines,
			"%s: %zu bytes, %zu lines, not %zu, %zu", text_kernel_find(simd)->name, t.taken,
			t.lines, taken, lines);
		REQUIRE(memcmp(dst, want, taken) == 0, "%s, unit %d", text_kernel_find(simd)->name,
			(int)unit);
	}
}

/* Text without line ends of its own. */
static void make_text(unsigned kind, struct samples_random *r, uint8_t *buf, size_t n)
{
	samples_text(kind, r, buf, n);
	for (size_t i = 0; i < n; i++) {
		if (buf[i] == '\n' || buf[i] == '\r') {
			buf[i] = ' ';
		}
	}
}

START_TEST(all_sorts_of_lines)
{
	struct samples_random r = {(uint64_t)_i + 1};
	uint8_t text[LINE_MAX];

	for (int round = 0; round < 300; round++) {
		struct lines l = {.n = 0};
		uint32_t longest = 1 + samples_below(&r, LINE_MAX);

		while (l.count < LINES && samples_below(&r, 40)) {
			size_t n = samples_below(&r, longest + 1);

			make_text(samples_below(&r, 3) ? 0 : (unsigned)_i, &r, text, n);
			add(&l, text, n, samples_below(&r, 9) ? "\n" : "\r\n");
		}
		for (enum text_unit unit = 0; l.n && unit < TEXT_UNIT_COUNT; unit++) {
			check(unit, &l, l.n, LINE_MAX, l.n, l.count);
			check(unit, &l, l.n + 200, LINE_MAX, l.n, l.count);
		}
	}
}
END_TEST

/* Wherever the line that stops it stands, those before it are done. */
static void check_stop(const char *stopper, size_t n, size_t max, bool bytes_too)
{
	for (size_t before = 0; before < 80; before++) {
		struct lines l = {.n = 0};
		size_t taken;

		add(&l, "first", 5, "\n");
		add(&l,
			"0123456789012345678901234567890123456789012345678901234567890123456789"
			"0123456789",
			before, "\n");
		taken = l.n;
		add(&l, stopper, n, "\n");
		add(&l, "after", 5, "\n");
		for (enum text_unit unit = 0; unit < TEXT_UNIT_COUNT; unit++) {
			struct text_lines t = {.src = l.src, .n = l.n, .max = max, .room = l.n};
			uint8_t dst[256];

			t.dst = dst;
			text_reverse_lines(text_kernel_best(), unit, &t);
			if (unit == TEXT_BYTE && !bytes_too) {
				REQUIRE(t.taken == l.n && t.lines == 4, "%zu before", before);
			} else {
				REQUIRE(t.taken == taken && t.lines == 2, "%zu before", before);
			}
		}
	}
}

START_TEST(stops_before_what_is_not_valid)
{
	check_stop("\xC3", 1, LINE_MAX, false);
	check_stop("ab\x80", 3, LINE_MAX, false);
	check_stop("0123456789012345678901234567890123456789\xED\xA0\x80", 43, LINE_MAX, false);
}
END_TEST

START_TEST(stops_before_what_is_too_long)
{
	static char text[LINE_MAX];

	memset(text, 'x', sizeof text);
	for (size_t max = 80; max < 150; max++) {
		check_stop(text, max + 1, max, true);
	}
}
END_TEST

START_TEST(stops_where_there_is_no_room)
{
	struct lines l = {.n = 0};
	size_t ends[LINES + 1] = {0};
	uint8_t text[LINE_MAX];
	struct samples_random r = {7};

	while (l.count < 20) {
		size_t n = samples_below(&r, 70);

		make_text(0, &r, text, n);
		add(&l, text, n, "\n");
		ends[l.count] = l.n;
	}
	for (size_t room = 0; room <= l.n; room++) {
		size_t k = 0;

		while (k < l.count && ends[k + 1] <= room) {
			k++;
		}
		check(TEXT_GRAPHEME, &l, room, LINE_MAX, ends[k], k);
	}
}
END_TEST

/* The longest text may be as long as max, the terminator not counted. */
START_TEST(exactly_at_the_limit)
{
	for (size_t n = 1; n < 100; n++) {
		struct lines l = {.n = 0};
		uint8_t text[LINE_MAX];

		memset(text, 'a', sizeof text);
		for (int i = 0; i < 4; i++) {
			text[0] = (uint8_t)('b' + i);
			add(&l, text, n, i % 2 ? "\r\n" : "\n");
		}
		check(TEXT_CODEPOINT, &l, l.n, n, l.n, 4);
		check(TEXT_CODEPOINT, &l, l.n, n - 1, 0, 0);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("text/lines");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, all_sorts_of_lines, 0, SAMPLES_KINDS);
	tcase_add_test(tc, stops_before_what_is_not_valid);
	tcase_add_test(tc, stops_before_what_is_too_long);
	tcase_add_test(tc, stops_where_there_is_no_room);
	tcase_add_test(tc, exactly_at_the_limit);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return runner_run(make_suite());
}
