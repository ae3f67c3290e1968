/* Requests and replies as bytes: each field in its place, and nothing beside. */
#include "common/runner.h"
#include "proto/cut.h"
#include "proto/encode.h"
#include "proto/status.h"
#include "util/macro.h"

static uint8_t buf[512];

static void begin(void)
{
	memset(buf, 0xee, sizeof(buf));
}

static void expect(const void *want, size_t n)
{
	ck_assert_mem_eq(buf, want, n);
	ck_assert_uint_eq(buf[n], 0xee);
}

START_TEST(a_request)
{
	const struct encode_request q = {.op = RV_OP_PING, .id = UINT64_C(0x0807060504030201)};

	ck_assert_uint_eq(encode_request(buf, &q, false, "hola", 4), 20);
	expect("\xff\x01\x01\x00\x04\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08hola", 20);
}
END_TEST

START_TEST(a_request_with_a_token)
{
	const struct encode_request q = {.op = RV_OP_CALL, .id = 1, .token = "abc", .token_n = 3};

	ck_assert_uint_eq(encode_request(buf, &q, false, "hola", 4), 24);
	expect("\xff\x01\x00\x02\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03"
	       "abchola",
		24);
	ck_assert_uint_eq(encode_overhead(3), 20);
}
END_TEST

START_TEST(fragments)
{
	const struct encode_request q = {.op = RV_OP_CALL, .id = 1, .token = "t", .token_n = 1};

	ck_assert_uint_eq(encode_request(buf, &q, true, "", 0), 18);
	ck_assert_uint_eq(buf[3], RV_FRAME_MORE | RV_FRAME_REPLY_TO);
	ck_assert_uint_eq(buf[4], 2);
	ck_assert_uint_eq(encode_request(buf, &q, false, NULL, 0), 18);
	ck_assert_uint_eq(buf[3], RV_FRAME_REPLY_TO);
}
END_TEST

/* What was put together comes apart again, whatever its token and text. */
START_TEST(there_and_back)
{
	static uint8_t text[300], frame[512];
	char token[RV_TOKEN_MAX];

	memset(token, 't', sizeof(token));
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] = (uint8_t)i;
	}
	for (size_t n = 0; n < sizeof(text); n += 7) {
		const struct encode_request q = {.op = RV_OP_CALL,
			.id = UINT64_MAX - n,
			.token = token,
			.token_n = n % (RV_TOKEN_MAX + 1)};
		struct cutter s = {0};
		struct cut_piece piece;
		const uint8_t *to;
		size_t size = encode_request(frame, &q, n % 2, text, n), to_n;

		ck_assert_uint_eq(size, encode_overhead(q.token_n) + n);
		ck_assert_uint_eq(cut_next(&s, frame, size, sizeof(frame), &piece), size);
		ck_assert_int_eq(piece.kind, CUT_FRAME);
		ck_assert_uint_eq(piece.frame.id, q.id);
		ck_assert_int_eq(!(piece.frame.flags & RV_FRAME_MORE), !(n % 2));
		if (q.token_n > 0) {
			ck_assert(cut_token(&piece, &to, &to_n));
			ck_assert_uint_eq(to_n, q.token_n);
			ck_assert_mem_eq(to, token, to_n);
		}
		ck_assert_uint_eq(piece.len, n);
		ck_assert(n == 0 || memcmp(piece.data, text, n) == 0);
	}
}
END_TEST

START_TEST(a_reply)
{
	rv_reply_store(buf, RV_STATUS_BUSY, RV_FRAME_MORE, 258, 7);
	expect("\xff\x01\x04\x81\x02\x01\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00", 16);
}
END_TEST

START_TEST(terminators)
{
	static const char *const want[] = {"", "\n", "\r\n"};

	for (unsigned term = 0; term < ARRAY_SIZE(want); term++) {
		begin();
		ck_assert_uint_eq(encode_terminator(buf, term), term);
		expect(want[term], term);
	}
}
END_TEST

START_TEST(errors_of_lines)
{
	char error[ENCODE_ERROR_SIZE];

	ck_assert_str_eq(encode_error(RV_STATUS_OK, error), "");
	ck_assert_str_eq(encode_error(RV_STATUS_TOO_LARGE, error), "\x15too-large: ");
	ck_assert_str_eq(encode_error(RV_STATUS_BUSY, error), "\x15"
							      "busy: ");
}
END_TEST

/* Each has a name, which is whole however long it is. */
START_TEST(errors_have_room)
{
	char error[ENCODE_ERROR_SIZE];

	for (unsigned status = 1; status < RV_STATUS_COUNT; status++) {
		const char *name = status_name(status);

		ck_assert_ptr_eq(encode_error(status, error), error);
		ck_assert_uint_eq(strlen(error), strlen(name) + 3);
		ck_assert_int_eq(memcmp(error + 1, name, strlen(name)), 0);
		ck_assert_uint_lt(strlen(error) + 1, ENCODE_ERROR_SIZE);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("encode");
	Suite *s = suite_create("encode");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, a_request);
	tcase_add_test(tc, a_request_with_a_token);
	tcase_add_test(tc, fragments);
	tcase_add_test(tc, there_and_back);
	tcase_add_test(tc, a_reply);
	tcase_add_test(tc, terminators);
	tcase_add_test(tc, errors_of_lines);
	tcase_add_test(tc, errors_have_room);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
