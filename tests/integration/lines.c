/* Lines, on every transport. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/pump.h"
#include "common/scene.h"
#include "common/stage.h"
#include "common/texts.h"
#include "util/macro.h"

/* A request and its reply, sizes by the arrays. */
#define EXPECT(c, request, reply) \
	client_expect_line((c), (request), sizeof(request) - 1, (reply), sizeof(reply) - 1)

START_TEST(round_trip)
{
	struct scene s;

	scene_open(&s, _i, "");
	for (size_t i = 0; i < TEXTS; i++) {
		client_expect_text(&s.client, texts[i].text, texts[i].reversed);
	}
	scene_close(&s);
}
END_TEST

START_TEST(terminator_is_kept)
{
	struct scene s;

	scene_open(&s, _i, "");
	EXPECT(&s.client, "uno\n", "onu\n");
	EXPECT(&s.client, "dos\r\n", "sod\r\n");
	EXPECT(&s.client, "a\rb\n", "b\ra\n");
	EXPECT(&s.client, "\n", "\n");
	EXPECT(&s.client, "\r\n", "\r\n");
	EXPECT(&s.client, "\r\r\n", "\r\r\n");
	scene_close(&s);
}
END_TEST

/* A message without a terminator gets a reply without one; only one is set aside. */
START_TEST(messages_need_no_terminator)
{
	struct scene s;

	scene_open(&s, _i, "");
	EXPECT(&s.client, "uno", "onu");
	EXPECT(&s.client, "a\nb", "b\na");
	EXPECT(&s.client, "ab\n\n", "\nba\n");
	EXPECT(&s.client, "ab\r", "\rba");
	scene_close(&s);
}
END_TEST

/* A message of no bytes is an empty line, and no end of anything. */
START_TEST(empty_message)
{
	struct scene s;

	scene_open(&s, _i, "");
	EXPECT(&s.client, "", "");
	EXPECT(&s.client, "uno", "onu");
	EXPECT(&s.client, "", "");
	scene_close(&s);
}
END_TEST

START_TEST(nul_bytes)
{
	struct scene s;

	scene_open(&s, _i, "");
	EXPECT(&s.client, "a\0b\0\0c\n", "c\0\0b\0a\n");
	EXPECT(&s.client, "\0\n", "\0\n");
	scene_close(&s);
}
END_TEST

START_TEST(last_line_without_lf)
{
	struct scene s;
	static const char request[] = "uno\ndos\r\ntres";
	struct reply r;

	scene_open(&s, STREAM, "");
	client_send(&s.client, request, sizeof request - 1);
	client_half_close(&s.client);
	client_recv_line(&s.client, &r);
	ck_assert_uint_eq(r.n, 4);
	client_recv_line(&s.client, &r);
	ck_assert_mem_eq(r.data, "sod\r\n", 5);
	client_recv_line(&s.client, &r);
	ck_assert_uint_eq(r.n, 4);
	ck_assert_mem_eq(r.data, "sert", 4);
	client_expect_eof(&s.client);
	scene_close(&s);
}
END_TEST

START_TEST(half_close_alone)
{
	struct scene s;

	scene_open(&s, _i, "");
	client_half_close(&s.client);
	client_expect_eof(&s.client);
	scene_close(&s);
}
END_TEST

/* Characters and terminators that arrive in two pieces. */
START_TEST(byte_by_byte)
{
	struct scene s;
	static const char request[] = "ñandú 🇪🇸\r\nsí\n";
	static const char reply[] = "🇪🇸 údnañ\r\n";
	struct reply r;

	scene_open(&s, _i, "");
	for (size_t i = 0; i < sizeof request - 1; i++) {
		client_send(&s.client, request + i, 1);
		if (s.client.transport == STREAM) { /* each byte in a turn of its own */
			client_stat(&s.rig, "");
		}
	}
	client_recv_line(&s.client, &r);
	ck_assert_uint_eq(r.n, sizeof reply - 1);
	ck_assert_mem_eq(r.data, reply, r.n);
	client_recv_line(&s.client, &r);
	ck_assert_mem_eq(r.data, "ís\n", 4);
	scene_close(&s);
}
END_TEST

static void expect_repeated(struct client *c, char byte, size_t n)
{
	CLEANUP_FREE char *line = malloc(n + 1);

	memset(line, byte, n);
	line[n] = '\n';
	client_expect_line(c, line, n + 1, line, n + 1);
}

static void expect_too_large(struct client *c, size_t n, const char *end, const char *sentence)
{
	CLEANUP_FREE char *line = malloc(n + strlen(end));

	memset(line, 'x', n);
	memcpy(line + n, end, strlen(end));
	client_send(c, line, n + strlen(end));
	client_expect_nak(c, "too-large", sentence);
}

START_TEST(limit_and_one_more)
{
	struct scene s;

	scene_open(&s, _i, "max_request = 512B");
	expect_repeated(&s.client, 'a', 511);
	expect_repeated(&s.client, 'b', 512);
	expect_too_large(&s.client, 513, "\n", "513 bytes, the limit is 512");
	EXPECT(&s.client, "uno\n", "onu\n");
	expect_too_large(&s.client, 513, "\r\n", "513 bytes, the limit is 512");
	expect_too_large(&s.client, 1000, "\n", "1000 bytes, the limit is 512");
	expect_repeated(&s.client, 'c', 512);
	scene_close(&s);
}
END_TEST

START_TEST(over_long_lines_on_streams)
{
	struct scene s;

	scene_open(&s, _i, "max_request = 64K");
	expect_too_large(&s.client, 70012, "\n", "70012 bytes, the limit is 65536");
	EXPECT(&s.client, "uno\n", "onu\n");
	expect_too_large(&s.client, 1u << 20, "\r\n", "1048576 bytes, the limit is 65536");
	expect_repeated(&s.client, 'd', 65536);
	expect_too_large(&s.client, 65537, "\n", "65537 bytes, the limit is 65536");
	scene_close(&s);
}
END_TEST

START_TEST(over_long_last_line)
{
	struct scene s;
	static char line[5000];

	scene_open(&s, STREAM, "max_request = 4K");
	memset(line, 'x', sizeof line);
	client_send(&s.client, line, sizeof line);
	client_half_close(&s.client);
	client_expect_nak(&s.client, "too-large", "5000 bytes, the limit is 4096");
	client_expect_eof(&s.client);
	scene_close(&s);
}
END_TEST

static const struct {
	const char *text;
	const char *offset;
} invalid[] = {
	{"\xc3(", "0"}, {"abc\xc3(", "3"}, {"ñ\x80z", "2"},
	{"12345678901234567890\xed\xa0\x80", "20"}, /* a surrogate */
	{"a\xc0\xaf", "1"},                         /* over-long */
	{"ok\xf4\x90\x80\x80", "2"},                /* above U+10FFFF */
	{"fin\xe2\x82", "3"},                       /* cut */
};

/* True if the sentence has the number as a word of its own. */
static bool names_number(const char *s, size_t n, const char *number)
{
	size_t len = strlen(number);

	for (size_t i = 0; i + len <= n; i++) {
		if (memcmp(s + i, number, len) == 0 && (i == 0 || s[i - 1] == ' ') &&
			(i + len == n || !strchr("0123456789", s[i + len]))) {
			return true;
		}
	}
	return false;
}

START_TEST(invalid_text)
{
	struct scene s;
	static const char nak[] = "\x15invalid-text: ";
	struct reply r;

	scene_open(&s, _i, "");
	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++) {
		client_send_text(&s.client, invalid[i].text);
		client_recv_line(&s.client, &r);
		ck_assert_uint_gt(r.n, sizeof nak - 1);
		ck_assert_mem_eq(r.data, nak, sizeof nak - 1);
		ck_assert_msg(names_number((const char *)r.data, r.n, invalid[i].offset),
			"no offset %s: %.*s", invalid[i].offset, (int)r.n, (const char *)r.data);
		EXPECT(&s.client, "uno\n", "onu\n");
	}
	scene_close(&s);
}
END_TEST

static size_t make_mixed(size_t i, char *buf)
{
	return i % 7 == 3 ? 0 : pump_make_word(i, buf);
}

static size_t want_mixed(size_t i, char *buf)
{
	return i % 7 == 3 ? 0 : pump_want_word(i, buf);
}

/* Also the order of replies: each line differs from the others. */
START_TEST(twenty_thousand)
{
	struct scene s;
	static const struct pump pump = {20000, make_mixed, want_mixed};

	scene_open(&s, _i, "");
	pump_lines(&s.client, &pump);
	scene_close(&s);
}
END_TEST

START_TEST(twenty_thousand_by_four_workers)
{
	struct scene s;
	static const struct pump pump = {20000, make_mixed, want_mixed};

	scene_open(&s, _i, "workers = 4");
	pump_lines(&s.client, &pump);
	scene_close(&s);
}
END_TEST

/* Refused lines among others, all under way at once. */
static size_t make_refused(size_t i, char *buf)
{
	if (i % 3 == 1) {
		memcpy(buf, "no\xc3", 3);
		return 3;
	}
	return pump_make_word(i, buf);
}

static void expect_refused(struct client *c, size_t i)
{
	char want[PUMP_LINE + 1];
	size_t n = pump_want_word(i, want);
	struct reply r;

	if (i % 3 == 1) {
		client_expect_nak(c, "invalid-text", NULL);
		return;
	}
	client_recv_line(c, &r);
	ck_assert_uint_ge(r.n, n);
	ck_assert_mem_eq(r.data, want, n);
}

START_TEST(errors_keep_their_place)
{
	struct scene s;
	char line[PUMP_LINE + 1];

	scene_open(&s, _i, "");
	for (size_t i = 0; i < 9; i++) { /* as many as a queue holds */
		size_t n = make_refused(i, line);

		line[n] = '\n';
		client_send(&s.client, line, n + 1);
	}
	for (size_t i = 0; i < 9; i++) {
		expect_refused(&s.client, i);
	}
	scene_close(&s);
}
END_TEST

static TCase *on_all(void)
{
	TCase *t = stage_tcase("all");

	tcase_add_loop_test(t, round_trip, 0, TRANSPORTS);
	tcase_add_loop_test(t, terminator_is_kept, 0, TRANSPORTS);
	tcase_add_loop_test(t, nul_bytes, 0, TRANSPORTS);
	tcase_add_loop_test(t, limit_and_one_more, 0, TRANSPORTS);
	tcase_add_loop_test(t, invalid_text, 0, TRANSPORTS);
	tcase_add_loop_test(t, errors_keep_their_place, 0, TRANSPORTS);
	tcase_add_loop_test(t, twenty_thousand, 0, TRANSPORTS);
	tcase_add_loop_test(t, twenty_thousand_by_four_workers, 0, TRANSPORTS);
	return t;
}

static TCase *on_some(void)
{
	TCase *t = stage_tcase("some");

	for (size_t i = 0; i < 2; i++) {
		static const int messages[] = {SEQPACKET, MQUEUE}, bytes[] = {STREAM, FIFO};

		tcase_add_loop_test(t, messages_need_no_terminator, messages[i], messages[i] + 1);
		tcase_add_loop_test(t, empty_message, messages[i], messages[i] + 1);
		tcase_add_loop_test(t, byte_by_byte, bytes[i], bytes[i] + 1);
		tcase_add_loop_test(t, over_long_lines_on_streams, bytes[i], bytes[i] + 1);
	}
	tcase_add_loop_test(t, half_close_alone, STREAM, SEQPACKET + 1);
	tcase_add_test(t, last_line_without_lf);
	tcase_add_test(t, over_long_last_line);
	return t;
}

int main(void)
{
	Suite *s = suite_create("lines");

	suite_add_tcase(s, on_all());
	suite_add_tcase(s, on_some());
	return stage_run(s);
}
