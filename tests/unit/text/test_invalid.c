/* Text that is not UTF-8: found, located, repaired. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/runner.h"
#include "unit/text/reference.h"
#include "common/require.h"
#include "unit/text/samples.h"
#include "util/macro.h"

/* Every kernel must agree with the reference on whether and where src is bad. */
static void check_kernel(enum text_simd simd, const uint8_t *src, size_t n, size_t bad)
{
	const char *name = text_kernel_find(simd)->name;
	int expected = bad < n ? -EILSEQ : 0;
	uint8_t out[1024];
	size_t at = n;

	REQUIRE(n <= sizeof(out), "the text is too long for the test");
	for (enum text_unit unit = TEXT_GRAPHEME; unit <= TEXT_CODEPOINT; unit++) {
		at = n;
		REQUIRE(text_kernel_find(simd)->reverse[unit](src, n, out, &at) == expected, "%s", name);
		REQUIRE(at == bad, "%s: at %zu, not %zu", name, at, bad);
	}
	REQUIRE(text_kernel_find(simd)->reverse[TEXT_BYTE](src, n, out, &at) == 0, "%s", name);
}

static void check_validity(const uint8_t *src, size_t n)
{
	size_t bad = reference_validate(src, n);

	for (enum text_simd simd = 0; simd < TEXT_SIMD_COUNT; simd++) {
		if (text_kernel_find(simd)) {
			check_kernel(simd, src, n, bad);
		}
	}
}

static int validate(const uint8_t *src, size_t n, size_t *ret_bad)
{
	uint8_t out[300];

	REQUIRE(n <= sizeof(out), "the text is too long for the test");
	return text_kernel_best()->reverse[TEXT_CODEPOINT](src, n, out, ret_bad);
}

START_TEST(offsets_by_hand)
{
	size_t bad;

	ck_assert_int_eq(validate((const uint8_t *)"abc\xFF", 4, &bad), -EILSEQ);
	ck_assert_uint_eq(bad, 3);
	/* The offset is that of the sequence, not of the byte that ends it. */
	ck_assert_int_eq(validate((const uint8_t *)"ab\xE2\x82z", 5, &bad), -EILSEQ);
	ck_assert_uint_eq(bad, 2);
	ck_assert_int_eq(validate((const uint8_t *)"\xF0\x9F\x98", 3, &bad), -EILSEQ);
	ck_assert_uint_eq(bad, 0);
}
END_TEST

/* _i: the ill-formed sequence, at every place in texts of every kind */
START_TEST(bad_everywhere)
{
	struct samples_random r = {.state = 1000003u * (unsigned)(_i + 1)};
	const struct samples_bad *b = &samples_bad[_i];

	for (unsigned kind = 0; kind < SAMPLES_KINDS; kind++) {
		for (size_t at = 0; at <= 300; at++) {
			uint8_t src[400];

			samples_text(kind, &r, src, at);
			memcpy(src + at, b->bytes, b->n);
			samples_text(kind, &r, src + at + b->n, 60);
			check_validity(src, at + b->n);
			check_validity(src, at + b->n + (size_t)samples_below(&r, 60));
		}
	}
}
END_TEST

START_TEST(cut_at_the_end)
{
	static const char *const whole[] = {
		"\u00F1", "\u20AC", "\uFFFD", "\U0001F600", "\U0010FFFF"};
	struct samples_random r = {.state = 99};

	for (size_t k = 0; k < ARRAY_SIZE(whole); k++) {
		for (size_t n = 0; n <= 270; n++) {
			for (size_t part = 1; part < strlen(whole[k]); part++) {
				uint8_t src[300];
				size_t bad;

				samples_text(6, &r, src, n);
				memcpy(src + n, whole[k], part);
				check_validity(src, n + part);
				REQUIRE(validate(src, n + part, &bad) == -EILSEQ && bad == n,
					"%zu bytes and %zu more", n, part);
			}
		}
	}
}
END_TEST

/* Every lead with every second byte, and the third and fourth at the bounds, on
 * the boundary between two vectors. _i: the lead */
START_TEST(every_pair_of_bytes)
{
	static const uint8_t thirds[] = {0x00, 0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xC2, 0xFF};
	static const uint8_t fourths[] = {0x7F, 0x80, 0xBF};
	uint8_t src[64];

	for (unsigned second = 0; second < 256; second++) {
		for (size_t t = 0; t < ARRAY_SIZE(thirds) * ARRAY_SIZE(fourths); t++) {
			for (size_t at = 30; at <= 31; at++) {
				memset(src, 'x', sizeof(src));
				src[at] = (uint8_t)_i;
				src[at + 1] = (uint8_t)second;
				src[at + 2] = thirds[t / ARRAY_SIZE(fourths)];
				src[at + 3] = fourths[t % ARRAY_SIZE(fourths)];
				check_validity(src, sizeof(src));
			}
		}
	}
}
END_TEST

START_TEST(random_bytes)
{
	struct samples_random r = {.state = 4711};

	for (unsigned i = 0; i < 60000; i++) {
		uint8_t src[200];
		size_t n = samples_below(&r, sizeof(src) + 1);
		/* From anything to mostly continuations, leads or ASCII. */
		uint8_t mask = (uint8_t)samples_next(&r), set = (uint8_t)(samples_next(&r) & 0xC0);

		for (size_t k = 0; k < n; k++) {
			src[k] = (uint8_t)samples_next(&r);
			src[k] = samples_below(&r, 4) ? (uint8_t)((src[k] & mask) | set) : src[k];
		}
		check_validity(src, n);
	}
}
END_TEST

/* Valid text with one bit turned. */
START_TEST(flipped_bits)
{
	struct samples_random r = {.state = 31337};

	for (unsigned i = 0; i < 100000; i++) {
		uint8_t src[200];
		size_t n = 1 + samples_below(&r, sizeof(src));

		samples_text(1 + i % (SAMPLES_KINDS - 1), &r, src, n);
		src[samples_below(&r, (uint32_t)n)] ^= (uint8_t)(1u << samples_below(&r, 8));
		check_validity(src, n);
	}
}
END_TEST

#define R TEXT_REPLACEMENT

/* The Unicode standard, section 3.9, "U+FFFD Substitution of Maximal Subparts". */
static const struct {
	const char *src;
	const char *expected;
} repairs[] = {
	/* table 3-8: non-shortest forms */
	{"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", R R R R R R R R "A"},
	/* table 3-9: surrogates */
	{"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", R R R R R R R R "A"},
	/* table 3-10: others */
	{"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", R R R R R "A" R R "B"},
	/* table 3-11: truncated sequences */
	{"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", R R R R "A"},
	/* the example above the tables, section 3.9 */
	{"a\xF1\x80\x80\xE1\x80\xC2z\x80z\x80\xBFz", "a" R R R "z" R "z" R R "z"},
	{"a\xF1\x80\x80\xE1\x80\xC2", "a" R R R},
	{"sin errores: \u00F1", "sin errores: \u00F1"},
	{"\xE2\x82", R},
	{"\xF0\x9F\x98", R},
};

START_TEST(repair_tables)
{
	const uint8_t *src = (const uint8_t *)repairs[_i].src;
	size_t n = strlen(repairs[_i].src), size = strlen(repairs[_i].expected);
	uint8_t out[128];

	ck_assert_uint_eq(text_repair_size(src, n), size);
	ck_assert_uint_eq(text_repair(src, n, out), size);
	ck_assert_mem_eq(out, repairs[_i].expected, size);
}
END_TEST

START_TEST(repair_random)
{
	struct samples_random r = {.state = 271828};

	for (unsigned i = 0; i < 20000; i++) {
		uint8_t src[100], expected[300], out[300];
		size_t n = samples_below(&r, sizeof(src) + 1), size, bad;

		for (size_t k = 0; k < n; k++) {
			src[k] = (uint8_t)(samples_below(&r, 3) ? 0x80 | samples_next(&r)
								: samples_next(&r));
		}
		size = reference_repair(src, n, expected);
		REQUIRE(size <= TEXT_REPAIR_GROWTH * n, "%zu from %zu bytes", size, n);
		REQUIRE(text_repair_size(src, n) == size, "round %u", i);
		REQUIRE(text_repair(src, n, out) == size, "round %u", i);
		REQUIRE(memcmp(out, expected, size) == 0, "round %u", i);
		REQUIRE(validate(out, size, &bad) == 0, "round %u", i);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("text/invalid");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, offsets_by_hand);
	tcase_add_loop_test(tc, bad_everywhere, 0, (int)samples_n_bad);
	tcase_add_test(tc, cut_at_the_end);
	tcase_add_loop_test(tc, every_pair_of_bytes, 0x7F, 0x100);
	tcase_add_test(tc, random_bytes);
	tcase_add_test(tc, flipped_bits);
	tcase_add_loop_test(tc, repair_tables, 0, (int)ARRAY_SIZE(repairs));
	tcase_add_test(tc, repair_random);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return runner_run(make_suite());
}
