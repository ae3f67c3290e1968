/* The byte buffer against a plain array. */
#include "common/runner.h"
#include "util/bytes.h"

#define N 20000u

START_TEST(what_goes_in_comes_out)
{
	struct bytes b = {0};
	uint8_t chunk[700];
	unsigned in = 0, out = 0, step = 1;

	while (out < N) {
		size_t n = step * 37 % sizeof(chunk), k;

		for (size_t i = 0; i < n; i++) {
			chunk[i] = (uint8_t)(in + i);
		}
		ck_assert_int_eq(bytes_put(&b, chunk, n), 0);
		in += (unsigned)n;
		k = step * 53 % 800;
		k = k < b.len ? k : b.len;
		for (size_t i = 0; i < k; i++) {
			ck_assert_uint_eq(bytes_head(&b)[i], (uint8_t)(out + i));
		}
		bytes_take(&b, k);
		out += (unsigned)k;
		ck_assert_uint_eq(b.len, in - out);
		step++;
	}
	bytes_free(&b);
	ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(a_steady_stream_does_not_grow)
{
	struct bytes b = {0};
	const uint8_t chunk[100] = {0};

	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(bytes_put(&b, chunk, sizeof(chunk)), 0);
		if (i >= 3) {
			bytes_take(&b, sizeof(chunk));
		}
	}
	ck_assert_uint_eq(b.len, 300);
	ck_assert_uint_le(b.size, 1024);
	bytes_free(&b);
}
END_TEST

START_TEST(room_that_cannot_be)
{
	struct bytes b = {0};

	ck_assert_int_eq(bytes_put(&b, "x", 1), 0);
	ck_assert_int_lt(bytes_reserve(&b, SIZE_MAX - 4), 0);
	ck_assert_uint_eq(b.len, 1);
	ck_assert_uint_eq(*bytes_head(&b), 'x');
	bytes_free(&b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("bytes");
	Suite *s = suite_create("bytes");

	tcase_add_test(tc, what_goes_in_comes_out);
	tcase_add_test(tc, a_steady_stream_does_not_grow);
	tcase_add_test(tc, room_that_cannot_be);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
