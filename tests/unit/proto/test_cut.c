/* Cutting: what is cut, and that it does not matter how the bytes arrive. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/runner.h"
#include "proto/cut_shared.h"
#include "proto/status.h"

#define LIMIT 64u

/* Everything that was cut, as text, so that two ways can be compared. */
struct log {
	char text[1 << 16];
	size_t n;
};

static void note(struct log *log, const struct cut_piece *p)
{
	static const char *const names[] = {
		"more", "line", "frame", "long", "large", "bad", "torn"};
	int k = snprintf(log->text + log->n, sizeof(log->text) - log->n, "[%s", names[p->kind]);

	log->n += (size_t)k;
	if (p->kind == CUT_LINE || p->kind == CUT_FRAME) {
		k = snprintf(log->text + log->n, sizeof(log->text) - log->n, " %u '%.*s'",
			p->kind == CUT_LINE ? p->term : p->frame.code, (int)p->len,
			(const char *)p->data);
	} else if (p->kind == CUT_LONG_LINE) {
		k = snprintf(log->text + log->n, sizeof(log->text) - log->n, " %llu %u",
			(unsigned long long)p->total, p->term);
	} else if (p->kind == CUT_LARGE_FRAME || p->kind == CUT_BAD) {
		k = snprintf(log->text + log->n, sizeof(log->text) - log->n, " %llu",
			(unsigned long long)p->frame.id);
	} else {
		k = 0;
	}
	log->n += (size_t)k;
	log->text[log->n++] = ']';
	log->text[log->n] = '\0';
}

/* Feeds n bytes in chunks of `chunk`, as the core does: the rest is kept. */
static void feed(
	struct log *log, const uint8_t *data, size_t n, size_t chunk, bool shared, bool end)
{
	struct cutter s = {0};
	struct cut_piece p;
	uint8_t *buf = malloc(n + 1);
	size_t have = 0;

	for (size_t at = 0; at < n; at += chunk) {
		size_t k = at + chunk > n ? n - at : chunk, off = 0;
		bool whole = at + k == n;

		memcpy(buf + have, data + at, k);
		have += k;
		do {
			off += shared ? cut_next_shared(&s, buf + off, have - off, LIMIT, whole, &p)
				      : cut_next(&s, buf + off, have - off, LIMIT, &p);
			if (p.kind != CUT_MORE) {
				note(log, &p);
			}
		} while (p.kind != CUT_MORE && p.kind != CUT_BAD);
		memmove(buf, buf + off, have - off);
		have -= off;
		if (p.kind == CUT_BAD) {
			break;
		}
	}
	if (end && cut_end(&s, buf, have, LIMIT, &p)) {
		note(log, &p);
	}
	free(buf);
}

static size_t put_frame(uint8_t *p, uint8_t code, uint8_t flags, uint64_t id, const char *token,
	const void *payload, size_t n)
{
	size_t t = token ? strlen(token) + 1 : 0;
	const struct rv_frame f = {.version = 1,
		.code = code,
		.id = id,
		.flags = (uint8_t)(flags | (token ? RV_FRAME_REPLY_TO : 0)),
		.length = (uint32_t)(t + n)};

	rv_frame_store(p, &f);
	if (token) {
		p[16] = (uint8_t)(t - 1);
		memcpy(p + 17, token, t - 1);
	}
	if (n > 0) {
		memcpy(p + 16 + t, payload, n);
	}
	return 16 + t + n;
}

static void expect(const void *data, size_t n, bool shared, const char *want)
{
	for (size_t chunk = 1; chunk <= n; chunk += chunk < 40 ? 1 : 37) {
		struct log log = {.n = 0};

		feed(&log, data, n, chunk, shared, true);
		ck_assert_msg(strcmp(log.text, want) == 0, "chunks of %zu: %s instead of %s", chunk,
			log.text, want);
	}
}

START_TEST(lines)
{
	static const char text[] = "hola\nuno\r\n\n\r\nab\rc\nlast";

	expect(text, sizeof(text) - 1, false,
		"[line 1 'hola'][line 2 'uno'][line 1 ''][line 2 ''][line 1 'ab\rc'][line 0 "
		"'last']");
}
END_TEST

START_TEST(line_limits)
{
	char text[400], want[200];
	size_t n = 0;

	memset(text, 'x', sizeof(text));
	n = LIMIT;
	text[n++] = '\n'; /* at the limit */
	n += LIMIT;
	text[n++] = '\r'; /* at the limit, CR LF */
	text[n++] = '\n';
	n += LIMIT + 1;
	text[n++] = '\n'; /* one over */
	n += LIMIT + 1;
	text[n++] = '\r';
	text[n++] = '\n';
	text[n++] = 'y';
	text[n++] = '\n';
	snprintf(want, sizeof(want),
		"[line 1 '%.64s'][line 2 '%.64s'][long 65 1][long 65 2][line 1 'y']", text, text);
	expect(text, n, false, want);
}
END_TEST

/* A reload makes the limit smaller than what was looked at already. */
START_TEST(limit_shrinks)
{
	struct cutter s = {0};
	struct cut_piece p;
	uint8_t *data = malloc(501); /* of just that size, for the sanitizer */

	memset(data, 'x', 501);
	ck_assert_uint_eq(cut_next(&s, data, 500, 1000, &p), 0);
	ck_assert_int_eq(p.kind, CUT_MORE);
	data[500] = '\n';
	ck_assert_uint_eq(cut_next(&s, data, 501, 10, &p), 501);
	ck_assert(p.kind == CUT_LONG_LINE && p.total == 500);
	free(data);
}
END_TEST

START_TEST(long_line_at_end)
{
	char text[200];

	memset(text, 'x', sizeof(text));
	expect(text, 200, false, "[long 200 0]");
}
END_TEST

START_TEST(frames_and_lines_mixed)
{
	uint8_t data[500];
	size_t n = put_frame(data, RV_OP_CALL, 0, 7, NULL, "uno", 3);

	memcpy(data + n, "dos\n", 4);
	n += 4;
	n += put_frame(data + n, RV_OP_PING, 0, 8, NULL, "\n\n", 2);
	n += put_frame(data + n, RV_OP_STATS, 0, 9, NULL, "", 0);
	expect(data, n, false, "[frame 0 'uno'][line 1 'dos'][frame 1 '\n\n'][frame 3 '']");
}
END_TEST

START_TEST(large_frames_are_skipped)
{
	uint8_t data[1000];
	char body[300] = {0};
	size_t n = put_frame(data, RV_OP_CALL, 0, 1, NULL, body, LIMIT + 1);

	n += put_frame(data + n, RV_OP_CALL, 0, 2, NULL, body, sizeof(body));
	n += put_frame(data + n, RV_OP_CALL, 0, 3, NULL, "fin", 3);
	expect(data, n, false, "[large 1][large 2][frame 0 'fin']");
}
END_TEST

/* Lengths that lie: 0 is honest, the others are skipped for ever. */
START_TEST(lying_lengths)
{
	static const uint32_t lengths[] = {0x80000000u, 0xFFFFFFFFu};

	for (size_t i = 0; i < 2; i++) {
		uint8_t data[64];
		size_t n = put_frame(data, RV_OP_CALL, 0, 5, NULL, "tail", 4);

		rv_store_le32(data + 4, lengths[i]);
		expect(data, n, false, "[large 5]");
	}
}
END_TEST

START_TEST(malformed_headers)
{
	uint8_t data[64];
	size_t n = put_frame(data, RV_OP_CALL, 0, 77, NULL, "abc", 3);

	for (unsigned i = 0; i < 4; i++) {
		struct log log = {.n = 0};
		uint8_t bad[64];

		memcpy(bad, data, n);
		if (i == 0) {
			bad[1] = 2;
		} else {
			bad[3] = (uint8_t[]){0, RV_FRAME_REPLY, 4, 0x40}[i];
		}
		feed(&log, bad, n, n, false, false);
		ck_assert_str_eq(log.text, "[bad 77]");
	}
}
END_TEST

START_TEST(half_a_header_at_end)
{
	uint8_t data[64];

	put_frame(data, RV_OP_CALL, 0, 5, NULL, "abc", 3);
	expect(data, 1, false, "[bad 0]");
	expect(data, 9, false, "[bad 0]");
	expect(data, 18, false, "[bad 5]");
}
END_TEST

START_TEST(messages)
{
	struct cut_piece p;
	uint8_t data[400];
	size_t n;

	cut_message((const uint8_t *)"", 0, LIMIT, &p);
	ck_assert(p.kind == CUT_LINE && p.len == 0 && p.term == 0);
	cut_message((const uint8_t *)"a\nb\r\n", 5, LIMIT, &p);
	ck_assert(p.kind == CUT_LINE && p.len == 3 && p.term == 2);
	memset(data, 'x', sizeof(data));
	cut_message(data, LIMIT + 1, LIMIT, &p);
	ck_assert(p.kind == CUT_LONG_LINE && p.total == LIMIT + 1);
	n = put_frame(data, RV_OP_PING, 0, 3, NULL, "abc", 3);
	cut_message(data, n, LIMIT, &p);
	ck_assert(p.kind == CUT_FRAME && p.len == 3);
	cut_message(data, n - 1, LIMIT, &p);
	ck_assert(p.kind == CUT_BAD && p.frame.id == 3);
	cut_message(data, 5, LIMIT, &p);
	ck_assert(p.kind == CUT_BAD && p.frame.id == 0);
}
END_TEST

START_TEST(tokens)
{
	static const struct {
		const char *body;
		size_t n;
		bool ok;
	} rows[] = {
		{"\1aX", 3, true},
		{"\3a-_X", 5, true},
		{"\0X", 2, false},
		{"\2.x", 3, false},
		{"\2/x", 3, false},
		{"\3abc", 4, true},
		{"\4abc", 4, false},
		{"", 0, false},
		{"\3a\0b", 4, false},
		{"\101", 1, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cut_piece p = {.data = (const uint8_t *)rows[i].body, .len = rows[i].n};
		const uint8_t *token;
		size_t n;

		ck_assert_msg(cut_token(&p, &token, &n) == rows[i].ok, "row %zu", i);
		if (rows[i].ok) {
			ck_assert_uint_eq(p.len, rows[i].n - 1 - n);
		}
	}
}
END_TEST

/* Half a frame and then good ones: only the half is lost. */
START_TEST(shared_half_a_frame)
{
	for (size_t cut = 1; cut < 40; cut++) {
		uint8_t data[2000], half[64];
		struct log log = {.n = 0};
		size_t n, good = 0;

		n = put_frame(half, RV_OP_CALL, 0, 1, "tok", "0123456789012345678", 20);
		ck_assert_uint_eq(n, 40);
		memcpy(data, half, cut);
		n = cut;
		for (uint64_t i = 0; i < 20; i++) {
			n += put_frame(data + n, RV_OP_CALL, 0, 100 + i, "tok", "abc", 3);
		}
		feed(&log, data, n, n, true, false);
		for (const char *at = log.text; (at = strstr(at, "abc")); at++) {
			good++;
		}
		ck_assert_msg(good == 20, "cut %zu: %s", cut, log.text);
	}
}
END_TEST

START_TEST(shared_torn_pieces)
{
	uint8_t data[2000];
	size_t n = 0;

	memcpy(data, "half a line", 11);
	n = 11 + put_frame(data + 11, RV_OP_CALL, 0, 1, "t", "one", 3);
	memcpy(data + n, "\xff\x07junk\nline\n", 12);
	n += 12;
	n += put_frame(data + n, RV_OP_CALL, 0, 2, "t", "two", 3);
	expect(data, n, true, "[torn][frame 0 '\1tone'][torn][line 1 'line'][frame 0 '\1ttwo']");
}
END_TEST

/* A length that reaches over the frame behind it, and what fills it up to there. */
START_TEST(shared_swallowing_frame)
{
	uint8_t inner[64], data[400];
	size_t k = put_frame(inner, RV_OP_CALL, 0, 9, "other", "x", 1), n;

	inner[k++] = '.';
	n = put_frame(data, RV_OP_PING, 0, 1, "t", inner, k);
	n += put_frame(data + n, RV_OP_CALL, 0, 2, "t", "two", 3);
	expect(data, n, true, "[torn][frame 0 '\5otherx'][torn][frame 0 '\1ttwo']");
}
END_TEST

/* What is missing when the pipe is empty does not come. */
START_TEST(shared_unfinished_frame)
{
	uint8_t data[64];
	size_t n = put_frame(data, RV_OP_CALL, 0, 9, "t", "four", 4);

	for (size_t cut = 1; cut < n; cut++) {
		expect(data, cut, true, "[torn]");
	}
}
END_TEST

START_TEST(markers)
{
	static const struct {
		const char *bytes;
		size_t n, at;
	} rows[] = {
		{"a\xff\x01\x00\x02", 5, 1},
		{"a\xff\x01\xff\x03", 5, 1},
		{"a\xff\x01\n\x02", 5, 5},
		{"a\xff\x01\x00\x01", 5, 5},
		{"a\xff\x01\x00\x82", 5, 5},
		{"a\xff\x02\x00\x02", 5, 5},
		{"a\xff\x01\x00", 4, 1},
		{"a\xff\x01", 3, 1},
		{"a\xff", 2, 1},
		{"a\xff\xff\x01", 4, 2},
		{"", 0, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(
			cut_marker((const uint8_t *)rows[i].bytes, 0, rows[i].n) == rows[i].at,
			"row %zu", i);
	}
}
END_TEST

/* The length of a frame reaches n bytes into the next one: that is served all the same.
 * _i: n */
START_TEST(shared_overreaching_frame)
{
	uint8_t data[400];
	size_t n = put_frame(data, RV_OP_CALL, 0, 1, "thief", "take ", 5), honest = n;

	rv_store_le32(data + 4, (uint32_t)(n - RV_FRAME_HEADER + (size_t)_i));
	n += put_frame(data + n, RV_OP_CALL, 0, 2, "t", "two", 3);
	ck_assert_uint_lt((size_t)_i, n - honest);
	expect(data, n, true, "[torn][frame 0 '\1ttwo']");
}
END_TEST

/* A line of which a header is the end may not be cut in that header. */
START_TEST(shared_line_before_a_header_with_lf)
{
	uint8_t data[200];
	size_t n = 3;

	memcpy(data, "abc", 3);
	n += put_frame(data + n, RV_OP_CALL, 0, 2, "token", "1234", 4); /* its length is LF */
	ck_assert_uint_eq(data[3 + 4], '\n');
	expect(data, n, true, "[torn][frame 0 '\5token1234']");
}
END_TEST

START_TEST(shared_lines)
{
	static const char text[] = "\n\nhola\n\r\n\xff.\n\n";

	expect(text, sizeof(text) - 1, true,
		"[line 1 ''][line 1 ''][line 1 'hola'][line 2 ''][torn][line 1 '']");
}
END_TEST

/* Arbitrary bytes: never more is taken than there is, and it always ends. */
START_TEST(random_bytes)
{
	unsigned seed = 1;

	for (int round = 0; round < 2000; round++) {
		uint8_t data[300];
		struct log a = {.n = 0}, b = {.n = 0};

		for (size_t i = 0; i < sizeof(data); i++) {
			static const uint8_t often[] = {0xFF, 1, 0, '\n', '\r', 'a', 2, 0x80};

			seed = seed * 1103515245u + 12345u;
			data[i] = seed >> 28 ? often[seed >> 16 & 7] : (uint8_t)(seed >> 16);
		}
		feed(&a, data, sizeof(data), sizeof(data), true, true);
		feed(&b, data, sizeof(data), sizeof(data), false, true);
	}
}
END_TEST

START_TEST(status_names)
{
	for (unsigned i = 0; i < RV_STATUS_COUNT; i++) {
		const char *name = status_name(i);

		ck_assert_int_eq(status_parse(name, strlen(name)), (int)i);
	}
	ck_assert_str_eq(status_name(RV_STATUS_COUNT), "unknown-status");
	ck_assert_int_eq(status_parse("too", 3), -1);
	ck_assert_int_eq(status_parse("too-larges", 10), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cut");
	TCase *c = tcase_create("cut");

	tcase_add_test(c, lines);
	tcase_add_test(c, line_limits);
	tcase_add_test(c, limit_shrinks);
	tcase_add_test(c, long_line_at_end);
	tcase_add_test(c, frames_and_lines_mixed);
	tcase_add_test(c, large_frames_are_skipped);
	tcase_add_test(c, lying_lengths);
	tcase_add_test(c, malformed_headers);
	tcase_add_test(c, half_a_header_at_end);
	tcase_add_test(c, messages);
	tcase_add_test(c, tokens);
	tcase_add_test(c, shared_half_a_frame);
	tcase_add_test(c, shared_torn_pieces);
	tcase_add_test(c, shared_swallowing_frame);
	tcase_add_loop_test(c, shared_overreaching_frame, 1, 21);
	tcase_add_test(c, shared_line_before_a_header_with_lf);
	tcase_add_test(c, shared_lines);
	tcase_add_test(c, shared_unfinished_frame);
	tcase_add_test(c, markers);
	tcase_add_test(c, random_bytes);
	tcase_add_test(c, status_names);
	suite_add_tcase(s, c);
	return runner_run(s);
}
