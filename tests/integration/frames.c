/* Frames, on every transport: operations, statuses, limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/json.h"
#include "common/pump.h"
#include "common/scene.h"
#include "common/stage.h"
#include "common/texts.h"
#include "util/macro.h"

static void expect_status(struct client *c, uint8_t op, uint64_t id, const void *p, size_t n,
	uint8_t status, const char *says)
{
	CLEANUP_FREE char *sentence = NULL;
	size_t m;

	client_send_large(c, op, id, p, n);
	sentence = (char *)client_recv_joined(c, id, status, &m);
	ck_assert_ptr_nonnull(sentence);
	ck_assert_msg(strstr(sentence, says) != NULL, "'%s' does not say '%s'", sentence, says);
}

static void expect_same(
	struct client *c, uint8_t op, uint64_t id, const void *p, const void *want, size_t n)
{
	CLEANUP_FREE uint8_t *got = NULL;
	size_t m;

	client_send_large(c, op, id, p, n);
	got = client_recv_joined(c, id, RV_STATUS_OK, &m);
	ck_assert_uint_eq(m, n);
	ck_assert_msg(memcmp(got, want, n) == 0, "the reply of %zu bytes is wrong", n);
}

START_TEST(round_trip)
{
	struct scene s;

	scene_open(&s, _i, "");
	for (size_t i = 0; i < TEXTS; i++) {
		client_expect_call(&s.client, i, texts[i].text, texts[i].reversed);
	}
	client_expect_call(&s.client, UINT64_MAX, "", "");
	client_expect_call(&s.client, 0, "hola\n", "\naloh");
	client_expect_call(&s.client, UINT64_C(1) << 63, "a\r\nb", "b\r\na");
	scene_close(&s);
}
END_TEST

START_TEST(nul_bytes)
{
	struct scene s;

	scene_open(&s, _i, "");
	expect_same(&s.client, RV_OP_CALL, 7, "a\0b\0\0", "\0\0b\0a", 5);
	scene_close(&s);
}
END_TEST

START_TEST(ping_returns_anything_untouched)
{
	struct scene s;
	uint8_t bytes[1024];

	scene_open(&s, _i, "");
	for (size_t i = 0; i < sizeof bytes; i++) {
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	}
	for (size_t n = 0; n <= sizeof bytes; n = n * 2 + 1) {
		expect_same(&s.client, RV_OP_PING, n, bytes, bytes, n);
	}
	scene_close(&s);
}
END_TEST

static void expect_field(const char *json, const char *path, const char *want)
{
	size_t n;
	const char *v = json_find(json, path, &n);

	ck_assert_msg(v != NULL, "no %s in %s", path, json);
	ck_assert_msg(!want || (n == strlen(want) && memcmp(v, want, n) == 0), "%s is %.*s, not %s",
		path, (int)n, v, want);
}

START_TEST(info)
{
	static const char *const names[] = {"uds", "uds", "fifo", "mqueue"};
	CLEANUP_FREE char *json = NULL;
	struct scene s;
	char want[64];
	size_t n;

	scene_open(&s, _i, "max_request = 123K");
	client_send_frame(&s.client, RV_OP_INFO, 0, 5, "", 0);
	json = (char *)client_recv_joined(&s.client, 5, RV_STATUS_OK, &n);
	ck_assert_msg(json_valid(json, n), "no JSON: %s", json);
	expect_field(json, "program", "\"revd\"");
	expect_field(json, "version", NULL);
	snprintf(want, sizeof want, "%d", (int)s.rig.pid);
	expect_field(json, "pid", want);
	expect_field(json, "uptime", NULL);
	snprintf(want, sizeof want, "\"%s\"", client_endpoints[_i]);
	expect_field(json, "endpoint", want);
	snprintf(want, sizeof want, "\"%s\"", names[_i]);
	expect_field(json, "transport", want);
	expect_field(json, "service", "\"reverse\"");
	expect_field(json, "limits", NULL);
	expect_field(json, "limits.max_request", "125952");
	scene_close(&s);
}
END_TEST

START_TEST(unknown_operations)
{
	static const uint8_t ops[] = {RV_OP_COUNT, 42, 255};
	struct scene s;

	scene_open(&s, _i, "");
	for (size_t i = 0; i < sizeof ops; i++) {
		expect_status(&s.client, ops[i], i, "x", 1, RV_STATUS_UNSUPPORTED, "");
	}
	client_expect_call(&s.client, 9, "uno", "onu");
	scene_close(&s);
}
END_TEST

START_TEST(invalid_text)
{
	struct scene s;

	scene_open(&s, _i, "");
	expect_status(&s.client, RV_OP_CALL, 1, "abc\xff", 4, RV_STATUS_INVALID_TEXT, "3");
	expect_status(&s.client, RV_OP_CALL, 2, "\xed\xa0\x80", 3, RV_STATUS_INVALID_TEXT, "0");
	client_expect_call(&s.client, 3, "uno", "onu");
	scene_close(&s);
}
END_TEST

START_TEST(limit_and_one_more)
{
	CLEANUP_FREE char *text = malloc(70013);
	struct scene s;

	scene_open(&s, _i, "max_request = 64K");
	memset(text, 'x', 70013);
	expect_same(&s.client, RV_OP_CALL, 1, text, text, 65535);
	expect_same(&s.client, RV_OP_CALL, 2, text, text, 65536);
	expect_status(&s.client, RV_OP_CALL, 3, text, 65537, RV_STATUS_TOO_LARGE, "65536");
	expect_same(&s.client, RV_OP_CALL, 4, text, text, 65536);
	expect_status(&s.client, RV_OP_PING, 5, text, 70012, RV_STATUS_TOO_LARGE, "65536");
	client_barrier(&s.client);
	scene_close(&s);
}
END_TEST

/* In one frame the whole size is known, and is in the sentence. */
START_TEST(one_large_frame)
{
	CLEANUP_FREE char *text = malloc(70012);
	struct reply r;
	struct scene s;

	scene_open(&s, _i, "max_request = 64K");
	memset(text, 'x', 70012);
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, text, 70012);
	client_recv_frame(&s.client, &r, 1, RV_STATUS_TOO_LARGE);
	ck_assert_ptr_nonnull(memmem(r.data, r.n, "70012", 5));
	ck_assert_ptr_nonnull(memmem(r.data, r.n, "65536", 5));
	client_expect_call(&s.client, 2, "uno", "onu");
	client_send_frame(&s.client, RV_OP_CALL, 0, 3, text, 65536);
	free(client_recv_joined(&s.client, 3, RV_STATUS_OK, &(size_t){0}));
	scene_close(&s);
}
END_TEST

static void fill_words(char *to, char *reversed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		to[i] = (char)('!' + (i * i + i / 93) % 93);
		reversed[n - 1 - i] = to[i];
	}
}

START_TEST(three_hundred_kilobytes)
{
	enum { N = 300 << 10 };
	CLEANUP_FREE char *text = malloc(N), *reversed = malloc(N);
	struct scene s;

	fill_words(text, reversed, N);
	scene_open(&s, _i, "");
	expect_same(&s.client, RV_OP_CALL, 77, text, reversed, N);
	expect_same(&s.client, RV_OP_PING, 77, text, text, N);
	expect_same(&s.client, RV_OP_CALL, 78, text, reversed + 1, N - 1);
	scene_close(&s);
}
END_TEST

START_TEST(one_mebibyte)
{
	enum { N = 1 << 20 };
	CLEANUP_FREE char *text = malloc(N), *reversed = malloc(N);
	struct scene s;

	fill_words(text, reversed, N);
	scene_open(&s, _i, "");
	expect_same(&s.client, RV_OP_CALL, 1, text, reversed, N);
	expect_status(&s.client, RV_OP_CALL, 2, "", 0, RV_STATUS_OK, "");
	scene_close(&s);
}
END_TEST

static void send_piece(struct client *c, uint64_t id, const char *text, bool more)
{
	client_send_frame(c, RV_OP_CALL, more ? RV_FRAME_MORE : 0, id, text, strlen(text));
}

static void expect_reply(struct client *c, uint64_t id, const char *want)
{
	struct reply r;

	client_recv_frame(c, &r, id, RV_STATUS_OK);
	ck_assert_msg(r.n == strlen(want) && memcmp(r.data, want, r.n) == 0, "'%.*s' not '%s'",
		(int)r.n, (const char *)r.data, want);
}

START_TEST(fragments_of_many_ids_interleave)
{
	struct scene s;

	scene_open(&s, _i, "");
	send_piece(&s.client, 1, "uno-", true);
	send_piece(&s.client, 2, "dos-", true);
	send_piece(&s.client, 3, "", true);
	send_piece(&s.client, 9, "junto", false);
	expect_reply(&s.client, 9, "otnuj");
	send_piece(&s.client, 2, "\xc3", true); /* cut inside a character */
	send_piece(&s.client, 1, "fin", false);
	expect_reply(&s.client, 1, "nif-onu");
	send_piece(&s.client, 2, "\xb1", false);
	expect_reply(&s.client, 2, "ñ-sod");
	send_piece(&s.client, 3, "", false);
	expect_reply(&s.client, 3, "");
	send_piece(&s.client, 1, "otra", false); /* an id may be used again */
	expect_reply(&s.client, 1, "arto");
	scene_close(&s);
}
END_TEST

/* The same ids by two peers are different messages. */
START_TEST(fragments_of_two_peers_interleave)
{
	struct client other;
	struct scene s;

	scene_open(&s, _i, "");
	client_open(&other, &s.rig, (enum transport)_i);
	send_piece(&s.client, 1, "uno-", true);
	send_piece(&other, 1, "dos-", true);
	send_piece(&s.client, 1, "fin", false);
	send_piece(&other, 1, "end", false);
	expect_reply(&s.client, 1, "nif-onu");
	expect_reply(&other, 1, "dne-sod");
	client_close(&other);
	scene_close(&s);
}
END_TEST

/* The grapheme that a fragment's border cuts is whole again. */
START_TEST(fragments_cut_a_grapheme)
{
	static const char text[] = "a🇪🇸👨‍👩‍👧‍👦";
	struct scene s;

	scene_open(&s, _i, "");
	for (size_t i = 0; i < sizeof text - 1; i++) {
		client_send_frame(&s.client, RV_OP_CALL, i < sizeof text - 2 ? RV_FRAME_MORE : 0, 4,
			text + i, 1);
		if (s.client.transport == MQUEUE && i % 8 == 7) {
			client_barrier(&s.client); /* no more than the queue holds */
		}
	}
	expect_reply(&s.client, 4, "👨‍👩‍👧‍👦🇪🇸a");
	scene_close(&s);
}
END_TEST

START_TEST(rest_of_a_refused_message_is_discarded)
{
	static char piece[900];
	struct scene s;
	struct reply r;

	scene_open(&s, _i, "max_request = 4K");
	memset(piece, 'x', sizeof piece);
	for (int i = 0; i < 8; i++) {
		client_send_frame(
			&s.client, RV_OP_CALL, i < 7 ? RV_FRAME_MORE : 0, 6, piece, sizeof piece);
	}
	client_recv_frame(&s.client, &r, 6, RV_STATUS_TOO_LARGE);
	client_barrier(&s.client);
	client_expect_call(&s.client, 6, "uno", "onu");
	client_send_frame(&s.client, 99, RV_FRAME_MORE, 7, "x", 1);
	client_send_frame(&s.client, 99, RV_FRAME_MORE, 7, "x", 1);
	client_send_frame(&s.client, 99, 0, 7, "x", 1);
	client_recv_frame(&s.client, &r, 7, RV_STATUS_UNSUPPORTED);
	client_barrier(&s.client);
	client_expect_call(&s.client, 7, "dos", "sod");
	scene_close(&s);
}
END_TEST

START_TEST(fragment_timeout_drops_and_counts)
{
	struct scene s;
	struct reply r;
	char path[64];

	snprintf(path, sizeof path, "endpoints.%s.fragments_lost", client_endpoints[_i]);
	scene_open(&s, _i, "fragment_timeout = 100ms");
	ck_assert_int_eq(client_stat(&s.rig, path), 0);
	send_piece(&s.client, 1, "lost-", true);
	client_wait_stat(&s.rig, path, 1);
	/* the rest must not be taken for a message of its own */
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "uno", 3);
	client_recv_frame(&s.client, &r, 1, RV_STATUS_TIMEOUT);
	client_expect_call(&s.client, 1, "dos", "sod");
	scene_close(&s);
}
END_TEST

START_TEST(lines_and_frames_mixed)
{
	struct scene s;
	struct reply r;

	scene_open(&s, _i, "");
	for (uint64_t i = 0; i < 50; i++) {
		client_expect_text(&s.client, "línea", "aeníl");
		client_expect_call(&s.client, i, "trama", "amart");
		client_send_frame(&s.client, RV_OP_CALL, RV_FRAME_MORE, 1000, "a", 1);
		client_expect_text(&s.client, "entre", "ertne");
		client_send_frame(&s.client, RV_OP_CALL, 0, 1000, "b", 1);
		expect_reply(&s.client, 1000, "ba");
	}
	client_send_frame(&s.client, RV_OP_CALL, 0, 5, "tres", 4);
	client_send_text(&s.client, "cuatro");
	client_send_frame(&s.client, RV_OP_CALL, 0, 6, "cinco", 5);
	if (s.client.line_name[0]) {
		client_recv_line(&s.client, &r);
		ck_assert_mem_eq(r.data, "ortauc", 6);
		expect_reply(&s.client, 5, "sert");
		expect_reply(&s.client, 6, "ocnic");
	} else {
		expect_reply(&s.client, 5, "sert");
		client_recv_line(&s.client, &r);
		ck_assert_mem_eq(r.data, "ortauc", 6);
		expect_reply(&s.client, 6, "ocnic");
	}
	scene_close(&s);
}
END_TEST

START_TEST(twenty_thousand)
{
	static const struct pump pump = {20000, pump_make_word, pump_want_word};
	struct scene s;

	scene_open(&s, _i, "workers = 2");
	pump_frames(&s.client, &pump);
	scene_close(&s);
}
END_TEST

START_TEST(forty_two_clients)
{
	enum { N = 42 };
	static struct client clients[N];
	struct scene s;
	char text[40];

	scene_open(&s, STREAM, "workers = 2");
	for (int i = 0; i < N; i++) {
		client_open(&clients[i], &s.rig, (enum transport)(i % TRANSPORTS));
	}
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < N; i++) {
			int n = snprintf(text, sizeof text, "%02d<%d", i, round);

			client_send_frame(
				&clients[i], RV_OP_CALL, 0, (uint64_t)round, text, (size_t)n);
		}
		for (int i = 0; i < N; i++) {
			snprintf(text, sizeof text, "%d<%d%d", round, i % 10, i / 10);
			expect_reply(&clients[i], (uint64_t)round, text);
		}
	}
	for (int i = 0; i < N; i++) {
		client_close(&clients[i]);
	}
	scene_close(&s);
}
END_TEST

/* What was answered is what STATS says. */
START_TEST(stats_add_up)
{
	struct scene s;
	char path[64];
	static const struct {
		const char *key;
		int64_t want;
	} figures[] = {{"requests", 6}, {"replies", 6}, {"lines", 2}, {"errors.invalid-text", 1},
		{"errors.unsupported", 1}};

	scene_open(&s, SEQPACKET, "");
	client_expect_call(&s.client, 1, "uno", "onu");
	client_expect_text(&s.client, "dos", "sod");
	client_expect_text(&s.client, "tres", "sert");
	expect_status(&s.client, RV_OP_CALL, 2, "\xc3", 1, RV_STATUS_INVALID_TEXT, "");
	expect_status(&s.client, 77, 3, "", 0, RV_STATUS_UNSUPPORTED, "");
	client_barrier(&s.client);
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		snprintf(path, sizeof path, "endpoints.seqpacket.%s", figures[i].key);
		ck_assert_msg(client_stat(&s.rig, path) == figures[i].want, "%s is %d", path,
			(int)client_stat(&s.rig, path));
	}
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.fifo.requests"), 0);
	scene_close(&s);
}
END_TEST

static TCase *on_all(void)
{
	TCase *t = stage_tcase("all");

	tcase_add_loop_test(t, round_trip, 0, TRANSPORTS);
	tcase_add_loop_test(t, nul_bytes, 0, TRANSPORTS);
	tcase_add_loop_test(t, ping_returns_anything_untouched, 0, TRANSPORTS);
	tcase_add_loop_test(t, info, 0, TRANSPORTS);
	tcase_add_loop_test(t, unknown_operations, 0, TRANSPORTS);
	tcase_add_loop_test(t, invalid_text, 0, TRANSPORTS);
	tcase_add_loop_test(t, limit_and_one_more, 0, TRANSPORTS);
	tcase_add_loop_test(t, lines_and_frames_mixed, 0, TRANSPORTS);
	tcase_add_loop_test(t, twenty_thousand, 0, TRANSPORTS);
	return t;
}

static TCase *fragments(void)
{
	TCase *t = stage_tcase("fragments");

	tcase_add_loop_test(t, three_hundred_kilobytes, 0, TRANSPORTS);
	tcase_add_loop_test(t, one_mebibyte, 0, TRANSPORTS);
	tcase_add_loop_test(t, fragments_of_many_ids_interleave, 0, TRANSPORTS);
	tcase_add_loop_test(t, fragments_of_two_peers_interleave, 0, TRANSPORTS);
	tcase_add_loop_test(t, fragments_cut_a_grapheme, 0, TRANSPORTS);
	tcase_add_loop_test(t, rest_of_a_refused_message_is_discarded, 0, TRANSPORTS);
	tcase_add_loop_test(t, fragment_timeout_drops_and_counts, 0, TRANSPORTS);
	return t;
}

int main(void)
{
	Suite *s = suite_create("frames");
	TCase *t = stage_tcase("some");

	tcase_add_loop_test(t, one_large_frame, STREAM, SEQPACKET + 1);
	tcase_add_test(t, forty_two_clients);
	tcase_add_test(t, stats_add_up);
	suite_add_tcase(s, on_all());
	suite_add_tcase(s, fragments());
	suite_add_tcase(s, t);
	return stage_run(s);
}
