/* What a load sends, and that no wrong reply gets past it. */
#include <errno.h>
#include <string.h>
#include "bench/script_check.h"
#include "common/runner.h"

static struct rv_err err;

static void make(
	struct script *w, enum script_form form, size_t size, size_t max, const char *token)
{
	struct script_shape s = {.form = form,
		.size = size,
		.in_flight = 4,
		.client = 3,
		.reverse = true,
		.message_max = max,
		.token = token};

	ck_assert_int_eq(script_init(w, &s), 0);
	ck_assert_uint_ge(w->n, 7);
	ck_assert_uint_eq(w->cuts[w->n * w->messages], w->tx_len);
}

static void check_reversed(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(a[i], b[n - 1 - i]);
	}
}

START_TEST(lines_end_in_lf_and_reverse_without_it)
{
	struct script w;

	make(&w, SCRIPT_LINE, 64, 0, NULL);
	ck_assert_uint_eq(w.tx_each, 64);
	for (size_t i = 0; i < w.n; i++) {
		ck_assert_uint_eq(w.tx[i * 64 + 63], '\n');
		ck_assert_uint_eq(w.rx[i * 64 + 63], '\n');
		ck_assert_ptr_null(memchr(w.tx + i * 64, '\n', 63));
		check_reversed(w.tx + i * 64, w.rx + i * 64, 63);
	}
	script_finish(&w);
}
END_TEST

START_TEST(requests_differ)
{
	struct script w;

	make(&w, SCRIPT_BARE, 16, 0, NULL);
	for (size_t i = 1; i < w.n; i++) {
		ck_assert_int_ne(memcmp(w.tx, w.tx + i * 16, 16), 0);
	}
	script_finish(&w);
}
END_TEST

START_TEST(large_bare_requests_are_records_with_their_number)
{
	struct script w;

	make(&w, SCRIPT_BARE, 10000, 4096, NULL);
	ck_assert_uint_eq(w.messages, 3);
	ck_assert_uint_le(w.index_each, 4096);
	for (size_t i = 0; i < w.n * w.messages; i++) {
		ck_assert_uint_eq(script_get_index(w.tx + w.cuts[i]), 3);
		ck_assert_uint_eq(w.cuts[i + 1] - w.cuts[i], w.index_each);
	}
	script_finish(&w);
}
END_TEST

/* Decodes the frames of request i by hand. */
static void check_frames_of(const struct script *w, size_t i, size_t max, const char *token)
{
	uint8_t text[20000];
	size_t n = 0;

	for (size_t m = 0; m < w->messages; m++) {
		const uint8_t *p = w->tx + w->cuts[i * w->messages + m];
		size_t len = w->cuts[i * w->messages + m + 1] - w->cuts[i * w->messages + m];
		size_t skip = RV_FRAME_HEADER + 1 + strlen(token);
		struct rv_frame f;

		rv_frame_load(p, &f);
		ck_assert_uint_le(len, max);
		ck_assert_uint_eq(f.length, len - RV_FRAME_HEADER);
		ck_assert_uint_eq(f.id, i);
		ck_assert_int_eq(!!(f.flags & RV_FRAME_MORE), m + 1 < w->messages);
		ck_assert(f.flags & RV_FRAME_REPLY_TO);
		ck_assert_uint_eq(p[RV_FRAME_HEADER], strlen(token));
		ck_assert_mem_eq(p + RV_FRAME_HEADER + 1, token, strlen(token));
		memcpy(text + n, p + skip, len - skip);
		n += len - skip;
	}
	ck_assert_uint_eq(n, w->rx_each);
	check_reversed(text, w->rx + i * w->rx_each, n);
}

START_TEST(frames_fit_their_limit_and_carry_the_token)
{
	struct script w;

	make(&w, SCRIPT_FRAME, 16384, 4096, "token");
	ck_assert_uint_eq(w.messages, 5);
	for (size_t i = 0; i < w.n; i++) {
		check_frames_of(&w, i, 4096, "token");
	}
	script_finish(&w);
}
END_TEST

START_TEST(redis_and_memcached_commands)
{
	static const char echo[] = "*2\r\n$4\r\nECHO\r\n$16\r\n";
	struct script w;

	make(&w, SCRIPT_ECHO, 16, 0, NULL);
	ck_assert_mem_eq(w.tx, echo, strlen(echo));
	ck_assert_uint_eq(w.tx_each, strlen(echo) + 18);
	ck_assert_mem_eq(w.rx, "$16\r\n", 5);
	script_finish(&w);
	make(&w, SCRIPT_MEMCACHED, 16, 0, NULL);
	ck_assert_mem_eq(w.tx, "get c0003k000000\r\n", 18);
	ck_assert_mem_eq(w.rx, "VALUE c0003k000000 0 16\r\n", 25);
	ck_assert_mem_eq(w.rx + w.rx_each - 7, "\r\nEND\r\n", 7);
	script_finish(&w);
}
END_TEST

START_TEST(right_replies_are_counted_however_they_are_cut)
{
	struct script w;

	make(&w, SCRIPT_LINE, 64, 0, NULL);
	for (size_t piece = 1; piece < 200; piece++) {
		struct script_check c = {0};
		size_t n = 2 * w.rx_len + 32, done = 0;

		for (size_t at = 0; at < n; at += piece) {
			size_t in_ring = at % w.rx_len;
			size_t k = MIN(MIN(piece, n - at), w.rx_len - in_ring);
			int r = script_check_bytes(&c, &w, w.rx + in_ring, k, &err);

			ck_assert_int_ge(r, 0);
			done += (size_t)r;
			at -= piece - k;
		}
		ck_assert_uint_eq(done, 2 * w.n);
		ck_assert_uint_eq(c.in_text, 32);
	}
	script_finish(&w);
}
END_TEST

START_TEST(every_wrong_byte_is_noticed)
{
	struct script w;
	uint8_t reply[64];

	make(&w, SCRIPT_LINE, 64, 0, NULL);
	for (size_t i = 0; i < sizeof(reply); i++) {
		struct script_check c = {0};

		memcpy(reply, w.rx, sizeof(reply));
		reply[i] ^= 0x20;
		ck_assert_int_eq(script_check_bytes(&c, &w, reply, sizeof(reply), &err), -EBADMSG);
		ck_assert_ptr_nonnull(strstr(err.msg, "wrong reply to request 0"));
	}
	script_finish(&w);
}
END_TEST

START_TEST(replies_out_of_order_are_noticed)
{
	struct script_check c = {0};
	struct script w;

	make(&w, SCRIPT_LINE, 64, 0, NULL);
	ck_assert_int_eq(script_check_bytes(&c, &w, w.rx, 64, &err), 1);
	ck_assert_int_eq(script_check_bytes(&c, &w, w.rx + 128, 64, &err), -EBADMSG);
	script_finish(&w);
}
END_TEST

/* A reply of two fragments to request id, split at `cut`. Returns its bytes. */
static size_t put_reply(uint8_t *p, const struct script *w, uint64_t id, size_t cut, uint8_t code)
{
	struct rv_frame f = {.version = RV_FRAME_VERSION,
		.code = code,
		.flags = RV_FRAME_REPLY | RV_FRAME_MORE,
		.length = (uint32_t)cut,
		.id = id};
	size_t rest = w->rx_each - cut;

	rv_frame_store(p, &f);
	memcpy(p + 16, w->rx + id * w->rx_each, cut);
	f.flags = RV_FRAME_REPLY;
	f.length = (uint32_t)rest;
	rv_frame_store(p + 16 + cut, &f);
	memcpy(p + 32 + cut, w->rx + id * w->rx_each + cut, rest);
	return 32 + w->rx_each;
}

START_TEST(fragments_of_replies_are_joined)
{
	uint8_t reply[256];
	struct script w;

	make(&w, SCRIPT_FRAME, 100, 0, NULL);
	for (size_t cut = 1; cut < 100; cut++) {
		struct script_check c = {0};
		size_t n = put_reply(reply, &w, 0, cut, RV_STATUS_OK);
		int done = 0;

		for (size_t i = 0; i < n; i++) {
			int r = script_check_bytes(&c, &w, reply + i, 1, &err);

			ck_assert_int_ge(r, 0);
			done += r;
		}
		ck_assert_int_eq(done, 1);
	}
	script_finish(&w);
}
END_TEST

START_TEST(frames_with_wrong_headers_are_noticed)
{
	static const struct {
		size_t at;
		uint8_t value;
	} bad[] = {{0, 'x'}, {1, 2}, {2, RV_STATUS_BUSY}, {3, 0}, {4, 101}, {8, 1}};
	uint8_t reply[256];
	struct script w;

	make(&w, SCRIPT_FRAME, 100, 0, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct script_check c = {0};
		size_t n = put_reply(reply, &w, 0, 50, RV_STATUS_OK);

		reply[bad[i].at] = bad[i].value;
		ck_assert_int_eq(script_check_bytes(&c, &w, reply, n, &err), -EBADMSG);
	}
	script_finish(&w);
}
END_TEST

START_TEST(messages_end_where_their_replies_do)
{
	struct script_check c = {0};
	struct script w;

	make(&w, SCRIPT_BARE, 64, 0, NULL);
	ck_assert_int_eq(script_check_message(&c, &w, w.rx, 64, &err), 1);
	ck_assert_int_eq(script_check_message(&c, &w, w.rx + 64, 128, &err), -EBADMSG);
	ck_assert_int_eq(script_check_message(&c, &w, w.rx + 64, 0, &err), -EBADMSG);
	script_finish(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench/script");
	TCase *t = tcase_create("script");

	tcase_add_test(t, lines_end_in_lf_and_reverse_without_it);
	tcase_add_test(t, requests_differ);
	tcase_add_test(t, large_bare_requests_are_records_with_their_number);
	tcase_add_test(t, frames_fit_their_limit_and_carry_the_token);
	tcase_add_test(t, redis_and_memcached_commands);
	tcase_add_test(t, right_replies_are_counted_however_they_are_cut);
	tcase_add_test(t, every_wrong_byte_is_noticed);
	tcase_add_test(t, replies_out_of_order_are_noticed);
	tcase_add_test(t, fragments_of_replies_are_joined);
	tcase_add_test(t, frames_with_wrong_headers_are_noticed);
	tcase_add_test(t, messages_end_where_their_replies_do);
	suite_add_tcase(s, t);
	return runner_run(s);
}
