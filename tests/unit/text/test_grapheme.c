/* Cluster boundaries: Unicode's own test, and the rules themselves, plainly applied. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/runner.h"
#include "text/gcb.h"
#include "unit/text/reference.h"
#include "common/require.h"
#include "unit/text/samples.h"
#include "util/macro.h"

#define LINE_MAX_POINTS 32

/* One line of GraphemeBreakTest.txt: the text, and what it is when reversed. */
struct line {
	uint8_t src[4 * LINE_MAX_POINTS], expected[4 * LINE_MAX_POINTS];
	size_t n, cuts[LINE_MAX_POINTS + 1], n_cuts;
};

static size_t encode(uint32_t c, uint8_t *buf)
{
	size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	reference_encode(c, length, buf);
	return length;
}

/* "÷ 0020 × 0308 ÷ 0020 ÷ # comment". False if there is nothing on the line. */
static bool parse_line(char *text, struct line *ret)
{
	char *save = NULL;

	memset(ret, 0, sizeof(*ret));
	text[strcspn(text, "#")] = '\0';
	for (char *t = strtok_r(text, " \t\n", &save); t; t = strtok_r(NULL, " \t\n", &save)) {
		ck_assert_uint_lt(ret->n_cuts, ARRAY_SIZE(ret->cuts));
		ck_assert_uint_le(ret->n + 4, sizeof(ret->src));
		if (strcmp(t, "\u00F7") == 0) {
			ret->cuts[ret->n_cuts++] = ret->n;
		} else if (strcmp(t, "\u00D7") != 0) {
			char *end;
			unsigned long c = strtoul(t, &end, 16);

			ck_assert_msg(*end == '\0', "not a code point: %s", t);
			ret->n += encode((uint32_t)c, ret->src + ret->n);
		}
	}
	for (size_t i = 0; i + 1 < ret->n_cuts; i++) {
		memcpy(ret->expected + ret->n - ret->cuts[i + 1], ret->src + ret->cuts[i],
			ret->cuts[i + 1] - ret->cuts[i]);
	}
	return ret->n_cuts > 0;
}

/* With `before` and `after` ASCII around it, so that it is met in every way. */
static void check_line(const struct line *l, size_t before, size_t after, unsigned number)
{
	uint8_t src[600], expected[600], out[600];
	size_t n = before + l->n + after, bad;

	memset(src, 'x', n);
	memset(expected, 'x', n);
	memcpy(src + before, l->src, l->n);
	memcpy(expected + after, l->expected, l->n);
	for (enum text_simd simd = 0; simd < TEXT_SIMD_COUNT; simd++) {
		if (!text_kernel_find(simd)) {
			continue;
		}
		ck_assert_int_eq(text_kernel_find(simd)->reverse[TEXT_GRAPHEME](src, n, out, &bad), 0);
		ck_assert_msg(memcmp(out, expected, n) == 0, "%s: line %u (after %zu bytes)",
			text_kernel_find(simd)->name, number, before);
	}
}

/* Where x and what the line begins with would be one cluster, it stands alone. */
static bool stands_apart(const struct line *l)
{
	uint8_t with_x[1 + sizeof(l->src)] = "x", out[sizeof(with_x)];
	size_t first = l->cuts[1];

	memcpy(with_x + 1, l->src, first);
	reference_reverse(TEXT_GRAPHEME, with_x, 1 + first, out);
	return out[first] == 'x';
}

/* What the line ends with may be such that the next letter belongs to it. */
static bool takes_no_letter(const struct line *l)
{
	uint8_t with_x[sizeof(l->src) + 1], out[sizeof(with_x)];

	memcpy(with_x, l->src, l->n);
	with_x[l->n] = 'x';
	reference_reverse(TEXT_GRAPHEME, with_x, l->n + 1, out);
	return out[0] == 'x';
}

START_TEST(unicode_test_file)
{
	FILE *f = fopen(GRAPHEME_BREAK_TEST, "re");
	char text[1024], version[64];
	unsigned number = 0, lines = 0;

	ck_assert_msg(f, GRAPHEME_BREAK_TEST " is missing");
	snprintf(version, sizeof(version), "# GraphemeBreakTest-%s.txt\n", text_unicode_version());
	while (fgets(text, sizeof(text), f)) {
		struct line l;

		if (++number == 1) {
			ck_assert_str_eq(text, version);
		}
		if (!parse_line(text, &l)) {
			continue;
		}
		lines++;
		check_line(&l, 0, 0, number);
		for (size_t around = 1; around <= 131; around += 13) {
			size_t before = stands_apart(&l) ? around : 0;
			size_t after = takes_no_letter(&l) ? 140 - around : 0;

			check_line(&l, before, after, number);
		}
	}
	fclose(f);
	ck_assert_uint_eq(lines, 766);
}
END_TEST

/* Each code point there is, between letters: the vector kernels must not overlook
 * one that joins, and the tables must say what the data says. _i: the plane */
START_TEST(every_code_point)
{
	for (uint32_t c = (uint32_t)_i << 16; c < ((uint32_t)_i + 1) << 16; c++) {
		uint8_t src[40], expected[40], out[40];
		size_t n, bad;

		if (c >= 0xD800 && c <= 0xDFFF) {
			continue;
		}
		memset(src, 'x', sizeof(src));
		n = 35 + encode(c, src + 5);
		reference_reverse(TEXT_GRAPHEME, src, n, expected);
		for (enum text_simd simd = 0; simd < TEXT_SIMD_COUNT; simd++) {
			if (text_kernel_find(simd)) {
				REQUIRE(text_kernel_find(simd)->reverse[TEXT_GRAPHEME](src, n, out, &bad) ==
						0,
					"%s", text_kernel_find(simd)->name);
				REQUIRE(memcmp(out, expected, n) == 0, "%s: U+%04X",
					text_kernel_find(simd)->name, c);
			}
		}
	}
}
END_TEST

/* One code point of each class of the tables. */
static void representatives(uint32_t ret[GCB_COUNT])
{
	for (unsigned kind = 0; kind < GCB_COUNT; kind++) {
		uint32_t c = 0;

		while ((unsigned)gcb_class(c) != kind) {
			c++;
		}
		ret[kind] = c;
	}
}

/* All sequences of five classes: no state of the automaton is missed, since
 * the longest way to any of them takes three. _i: the first class */
START_TEST(every_sequence_of_classes)
{
	uint32_t points[GCB_COUNT];

	representatives(points);
	for (unsigned rest = 0; rest < GCB_COUNT * GCB_COUNT * GCB_COUNT * GCB_COUNT; rest++) {
		uint8_t src[20], expected[20], out[20];
		size_t n = encode(points[_i], src), bad;

		for (unsigned k = 0, v = rest; k < 4; k++, v /= GCB_COUNT) {
			n += encode(points[v % GCB_COUNT], src + n);
		}
		reference_reverse(TEXT_GRAPHEME, src, n, expected);
		REQUIRE(text_kernel_find(TEXT_PORTABLE)->reverse[TEXT_GRAPHEME](src, n, out, &bad) == 0,
			"classes %d and %u", _i, rest);
		REQUIRE(memcmp(out, expected, n) == 0, "classes %d and %u", _i, rest);
	}
}
END_TEST

/* All pairs of code points that matter, next to each other and across boundaries. */
START_TEST(every_pair)
{
	for (size_t i = 0; i < samples_n_points * samples_n_points; i++) {
		for (size_t at = 28; at <= 32; at++) {
			uint8_t src[80], expected[80], out[80];
			size_t n = at, bad;

			memset(src, 'x', sizeof(src));
			n += encode(samples_points[i / samples_n_points], src + n);
			n += encode(samples_points[i % samples_n_points], src + n);
			n += 36;
			reference_reverse(TEXT_GRAPHEME, src, n, expected);
			for (enum text_simd simd = 0; simd < TEXT_SIMD_COUNT; simd++) {
				if (text_kernel_find(simd)) {
					REQUIRE(text_kernel_find(simd)->reverse[TEXT_GRAPHEME](src, n, out,
							&bad) == 0,
						"%s", text_kernel_find(simd)->name);
					REQUIRE(memcmp(out, expected, n) == 0, "%s: pair %zu",
						text_kernel_find(simd)->name, i);
				}
			}
		}
	}
}
END_TEST

/* xorshift64*, Vigna 2016: the same strings in each run. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)((*state * 2685821657736338717u >> 33) % below);
}

/* Code points of all classes, several of each: what differs only by a table's mistake
 * is not always the first of its class. */
static void draw_points(uint64_t *state, uint32_t points[GCB_COUNT][8])
{
	for (unsigned kind = 0; kind < GCB_COUNT; kind++) {
		uint32_t first[GCB_COUNT];

		representatives(first);
		points[kind][0] = first[kind];
		for (unsigned i = 1; i < 8;) {
			uint32_t c = draw(state, 0x20000);

			points[kind][i] = c;
			if (reference_same_class(c, first[kind]) && (c < 0xD800 || c > 0xDFFF)) {
				i++;
			} else if (draw(state, 20000) == 0) {
				points[kind][i++] = first[kind]; /* a class of few */
			}
		}
	}
}

/* Strings of up to 24 code points drawn from all classes. All ten millions of them:
 * REVD_TEST_STRINGS=10000000. */
START_TEST(strings_of_all_classes)
{
	const char *wanted = getenv("REVD_TEST_STRINGS");
	unsigned long strings = wanted ? strtoul(wanted, NULL, 10) : 200000;
	uint32_t points[GCB_COUNT][8];
	uint64_t state = 17;

	draw_points(&state, points);
	for (unsigned long k = 0; k < strings; k++) {
		uint8_t src[100], expected[100], out[100];
		uint32_t length = draw(&state, 24) + 1;
		size_t n = 0, bad;

		for (uint32_t i = 0; i < length; i++) {
			n += encode(points[draw(&state, GCB_COUNT)][draw(&state, 8)], src + n);
		}
		reference_reverse(TEXT_GRAPHEME, src, n, expected);
		for (enum text_simd simd = 0; simd < TEXT_SIMD_COUNT; simd++) {
			if (text_kernel_find(simd)) {
				REQUIRE(text_kernel_find(simd)->reverse[TEXT_GRAPHEME](src, n, out, &bad) ==
						0,
					"%s: string %lu", text_kernel_find(simd)->name, k);
				REQUIRE(memcmp(out, expected, n) == 0, "%s: string %lu",
					text_kernel_find(simd)->name, k);
			}
		}
	}
}
END_TEST

/* Conjuncts of Devanagari stay together. */
START_TEST(hindi)
{
	static const char text[] = "अक्षि", reversed[] = "क्षिअ";
	uint8_t out[sizeof(text)];
	size_t bad;

	ck_assert_int_eq(
		text_kernel_best()->reverse[TEXT_GRAPHEME]((const uint8_t *)text, sizeof(text) - 1, out, &bad), 0);
	ck_assert_mem_eq(out, reversed, sizeof(text) - 1);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("text/grapheme");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 280);
	tcase_add_test(tc, unicode_test_file);
	tcase_add_loop_test(tc, every_code_point, 0, 0x11);
	tcase_add_loop_test(tc, every_sequence_of_classes, 0, GCB_COUNT);
	tcase_add_test(tc, every_pair);
	tcase_add_test(tc, strings_of_all_classes);
	tcase_add_test(tc, hindi);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return runner_run(make_suite());
}
