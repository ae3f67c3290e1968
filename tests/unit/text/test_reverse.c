/* Reversal by every unit with every kernel, of valid text. */
#include <stdlib.h>
#include <string.h>
#include "common/runner.h"
#include "unit/text/reference.h"
#include "common/require.h"
#include "unit/text/samples.h"
#include "util/macro.h"

/* Every kernel must make `expected` of src. Both of src and the result are as long as
 * they have to be, so that a sanitizer sees what goes beyond. */
static void check_kernels(
	enum text_unit unit, const uint8_t *src, size_t n, const uint8_t *expected)
{
	for (enum text_simd simd = 0; simd < TEXT_SIMD_COUNT; simd++) {
		CLEANUP_FREE uint8_t *out = malloc(n + 1);
		size_t bad = 0;

		if (!text_kernel_find(simd)) {
			continue;
		}
		out[n] = 0xEE;
		REQUIRE(text_kernel_find(simd)->reverse[unit](src, n, out, &bad) == 0, "%s",
			text_kernel_find(simd)->name);
		REQUIRE(n == 0 || memcmp(out, expected, n) == 0, "%s, unit %d, %zu bytes",
			text_kernel_find(simd)->name, (int)unit, n);
		REQUIRE(out[n] == 0xEE, "%s: wrote beyond the end", text_kernel_find(simd)->name);
	}
}

static void check_reference(enum text_unit unit, const uint8_t *src, size_t n)
{
	CLEANUP_FREE uint8_t *expected = malloc(n + 1);

	reference_reverse(unit, src, n, expected);
	check_kernels(unit, src, n, expected);
}

static void check_text(enum text_unit unit, const char *src, const char *expected)
{
	ck_assert_uint_eq(strlen(src), strlen(expected));
	check_kernels(unit, (const uint8_t *)src, strlen(src), (const uint8_t *)expected);
}

START_TEST(kernels_are_there)
{
	bool x86 = false;

#if defined(__x86_64__)
	x86 = true;
#endif
	ck_assert(text_kernel_find(TEXT_PORTABLE));
	/* On any x86 that this is likely to run on; else it tests less than it says. */
	ck_assert(!x86 || text_kernel_find(TEXT_SSSE3));
}
END_TEST

START_TEST(by_hand)
{
	check_text(TEXT_GRAPHEME, "hola", "aloh");
	check_text(TEXT_GRAPHEME, "Espa\u00F1a", "a\u00F1apsE");
	check_text(TEXT_GRAPHEME, "\U0001F1EA\U0001F1F8!", "!\U0001F1EA\U0001F1F8");
	check_text(TEXT_CODEPOINT, "\U0001F1EA\U0001F1F8!", "!\U0001F1F8\U0001F1EA");
	check_text(TEXT_GRAPHEME, "cafe\u0301s", "se\u0301fac");
	check_text(TEXT_CODEPOINT, "cafe\u0301s", "s\u0301efac");
	check_text(TEXT_BYTE, "\xC3\xB1.", ".\xB1\xC3");
	check_text(TEXT_GRAPHEME, "a\r\nb", "b\r\na");
	check_text(TEXT_CODEPOINT, "a\r\nb", "b\n\ra");
	check_text(TEXT_GRAPHEME, "a\n\rb", "b\r\na");
	check_text(TEXT_GRAPHEME, "<\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466>",
		">\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466<");
	check_text(TEXT_GRAPHEME, "x\U0001F44D\U0001F3FDy", "y\U0001F44D\U0001F3FDx");
	check_text(TEXT_GRAPHEME, "\u1100\u1161\u11A8\uAC00", "\uAC00\u1100\u1161\u11A8");
}
END_TEST

START_TEST(empty)
{
	size_t bad;

	for (enum text_unit unit = 0; unit < TEXT_UNIT_COUNT; unit++) {
		ck_assert_int_eq(text_kernel_best()->reverse[unit](NULL, 0, NULL, &bad), 0);
		check_kernels(unit, NULL, 0, NULL);
		text_reverse_in_place(unit, NULL, 0);
	}
	ck_assert_uint_eq(text_repair_size(NULL, 0), 0);
	ck_assert_uint_eq(text_repair(NULL, 0, NULL), 0);
}
END_TEST

/* _i: the kind of text */
START_TEST(every_length)
{
	struct samples_random r = {.state = 88172645463325252u + (unsigned)_i};

	for (const size_t *n = samples_lengths; *n != SIZE_MAX; n++) {
		/* Often for short ones, so that clusters fall on every boundary. */
		for (size_t i = 0; i < 1 + 4000 / (*n + 20); i++) {
			CLEANUP_FREE uint8_t *src = malloc(*n ? *n : 1);

			samples_text((unsigned)_i, &r, src, *n);
			for (enum text_unit unit = 0; unit < TEXT_UNIT_COUNT; unit++) {
				check_reference(unit, src, *n);
			}
		}
	}
}
END_TEST

START_TEST(every_alignment)
{
	struct samples_random r = {.state = 42};
	uint8_t src[64 + 300], out[64 + 300], expected[300];
	size_t bad;

	for (size_t shift = 0; shift < 64; shift++) {
		samples_text(6, &r, src + shift, 300);
		reference_reverse(TEXT_GRAPHEME, src + shift, 300, expected);
		ck_assert_int_eq(
			text_kernel_best()->reverse[TEXT_GRAPHEME](src + shift, 300, out + (63 - shift), &bad), 0);
		ck_assert_mem_eq(out + (63 - shift), expected, 300);
	}
}
END_TEST

START_TEST(combining_marks_only)
{
	/* All of it is one cluster, whatever its length. */
	for (size_t n = 1; n <= 300; n++) {
		CLEANUP_FREE uint8_t *src = malloc(2 * n);

		for (size_t i = 0; i < n; i++) {
			memcpy(src + 2 * i, "\u0301", 2);
		}
		check_kernels(TEXT_GRAPHEME, src, 2 * n, src);
	}
}
END_TEST

START_TEST(a_mebibyte_of_zwj)
{
	static const char person[] = "\U0001F468\u200D";
	size_t length = strlen(person), n = (1u << 20) / length * length;
	CLEANUP_FREE uint8_t *src = malloc(n + 8), *expected = malloc(n + 8);

	for (size_t i = 0; i < n; i++) {
		src[i] = (uint8_t)person[i % length];
	}
	check_kernels(TEXT_GRAPHEME, src, n, src);
	/* A ZWJ joins only what is a picture on both sides. */
	memcpy(src + n, "ab\u00F1\u0301", 6);
	memcpy(expected, "\u00F1\u0301ba", 6);
	memcpy(expected + 6, src, n);
	check_kernels(TEXT_GRAPHEME, src, n + 6, expected);
}
END_TEST

START_TEST(a_mebibyte_of_families)
{
	static const char family[] = "\U0001F468\u200D\U0001F469\u200D\U0001F467";
	size_t length = strlen(family), n = (1u << 20) / length * length;
	CLEANUP_FREE uint8_t *src = malloc(n);

	for (size_t i = 0; i < n; i++) {
		src[i] = (uint8_t)family[i % length];
	}
	/* Families are alike, so their order cannot be seen; that they are whole can. */
	check_kernels(TEXT_GRAPHEME, src, n, src);
}
END_TEST

START_TEST(regional_indicators)
{
	/* U+1F1E6 and the next 25, so that each can be told from its neighbours. */
	for (size_t n = 1; n <= 101; n++) {
		uint8_t src[404], expected[404];

		for (size_t i = 0; i < n; i++) {
			reference_encode(0x1F1E6 + (uint32_t)(i % 26), 4, src + 4 * i);
		}
		for (size_t i = 0; i < n; i += 2) {
			size_t size = i + 1 < n ? 8 : 4;

			memcpy(expected + 4 * n - 4 * i - size, src + 4 * i, size);
		}
		check_kernels(TEXT_GRAPHEME, src, 4 * n, expected);
	}
}
END_TEST

START_TEST(nul_bytes)
{
	static const char src[] =
		"a\0b\0\0c\u0301\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0z\0";
	static const char by_graphemes[] =
		"\0z\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0c\u0301\0\0b\0a";

	check_kernels(TEXT_GRAPHEME, (const uint8_t *)src, sizeof(src) - 1,
		(const uint8_t *)by_graphemes);
	check_reference(TEXT_CODEPOINT, (const uint8_t *)src, sizeof(src) - 1);
	check_reference(TEXT_BYTE, (const uint8_t *)src, sizeof(src) - 1);
}
END_TEST

/* CR LF stays together wherever vectors and groups begin. */
START_TEST(cr_lf_everywhere)
{
	for (size_t n = 2; n <= 300; n++) {
		CLEANUP_FREE uint8_t *src = malloc(n), *expected = malloc(n);

		for (size_t at = 0; at + 2 <= n; at++) {
			memset(src, 'x', n);
			memset(expected, 'x', n);
			memcpy(src + at, "\r\n", 2);
			memcpy(expected + n - at - 2, "\r\n", 2);
			check_kernels(TEXT_GRAPHEME, src, n, expected);
		}
	}
}
END_TEST

/* Also where the text is no longer taken as plain ASCII. */
START_TEST(cr_lf_after_others)
{
	uint8_t src[400], expected[400];
	size_t n = sizeof(src);

	for (size_t at = 2; at + 2 <= n; at++) {
		memset(src, 'x', n);
		memset(expected, 'x', n);
		memcpy(src, "\u00F1", 2);
		memcpy(expected + n - 2, "\u00F1", 2);
		memcpy(src + at, "\r\n", 2);
		memcpy(expected + n - at - 2, "\r\n", 2);
		check_kernels(TEXT_GRAPHEME, src, n, expected);
	}
}
END_TEST

/* A cluster stays together wherever vectors and groups begin. */
START_TEST(clusters_everywhere)
{
	static const char *const clusters[] = {"e\u0301", "\U0001F1EA\U0001F1F8",
		"\u00F1\u0323\u0301", "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466",
		"\u0600a", "\u1100\u1161\u11A8"};

	for (size_t k = 0; k < ARRAY_SIZE(clusters); k++) {
		size_t size = strlen(clusters[k]);

		for (size_t at = 0; at <= 290; at++) {
			size_t n = at + size + 40;
			uint8_t src[400], expected[400];

			memset(src, '.', n);
			memset(expected, '.', n);
			memcpy(src + at, clusters[k], size);
			memcpy(expected + 40, clusters[k], size);
			check_kernels(TEXT_GRAPHEME, src, n, expected);
			check_kernels(TEXT_GRAPHEME, src, at + size, expected + 40);
		}
	}
}
END_TEST

START_TEST(in_place)
{
	struct samples_random r = {.state = 7};
	uint8_t text[500], expected[500];

	for (size_t n = 0; n < sizeof(text); n++) {
		for (enum text_unit unit = 0; unit < TEXT_UNIT_COUNT; unit++) {
			samples_text(5, &r, text, n);
			reference_reverse(unit, text, n, expected);
			text_reverse_in_place(unit, text, n);
			ck_assert(memcmp(text, expected, n) == 0);
		}
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("text/reverse");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, kernels_are_there);
	tcase_add_test(tc, by_hand);
	tcase_add_test(tc, empty);
	tcase_add_loop_test(tc, every_length, 0, SAMPLES_KINDS);
	tcase_add_test(tc, every_alignment);
	tcase_add_test(tc, combining_marks_only);
	tcase_add_test(tc, a_mebibyte_of_zwj);
	tcase_add_test(tc, a_mebibyte_of_families);
	tcase_add_test(tc, regional_indicators);
	tcase_add_test(tc, nul_bytes);
	tcase_add_test(tc, cr_lf_everywhere);
	tcase_add_test(tc, cr_lf_after_others);
	tcase_add_test(tc, clusters_everywhere);
	tcase_add_test(tc, in_place);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return runner_run(make_suite());
}
