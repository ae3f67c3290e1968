/* Input, however it is cut: the same replies, in order, each once. */
#include <stdio.h>
#include <stdlib.h>
#include "common/runner.h"
#include "fake.h"

static struct fake f;

static struct fake_peer *begin(uint32_t flags, struct fake_peer **ret_to)
{
	struct fake_peer *p = fake_connect(&f, flags);

	*ret_to = p;
	if (flags & RV_PEER_SHARED) {
		*ret_to = fake_connect(&f, RV_PEER_STREAM | RV_PEER_REPLY_ONLY);
		(*ret_to)->token = "t";
	}
	return p;
}

static void keep(const struct fake_peer *p, struct bytes *ret)
{
	*ret = (struct bytes){0};
	ck_assert_int_eq(bytes_put(ret, bytes_head(&p->out), p->out.len), 0);
}

static void expect_same(const struct fake_peer *p, const struct bytes *want, size_t cut)
{
	ck_assert_msg(p->out.len == want->len &&
			      memcmp(bytes_head(&p->out), bytes_head(want), want->len) == 0,
		"cut at %zu: %zu bytes, not %zu", cut, p->out.len, want->len);
	ck_assert_uint_eq(p->n_flushed, p->out.len);
}

/* With two cuts so far from each other; 0: at every byte. */
static void cut_everywhere(uint32_t caps, uint32_t flags, bool lines, size_t apart)
{
	struct fake_peer *p, *to;
	struct bytes want, want_to;
	uint8_t script[8192];
	size_t n = fake_script(script, flags & RV_PEER_SHARED ? "t" : NULL);

	fake_open(&f, caps, lines);
	p = begin(flags, &to);
	fake_bytes(&f, p, script, n);
	keep(p, &want);
	keep(to, &want_to);
	ck_assert_uint_gt(want.len, 900);
	fake_close(&f);
	for (size_t cut = 1; cut < n; cut += apart ? 1 : n) {
		fake_open(&f, caps, lines);
		p = begin(flags, &to);
		for (size_t at = 0, k; at < n; at += k) {
			k = MIN(n - at, !apart ? 1 : at == 0 ? cut : at == cut ? apart : n);
			p->more = at + k < n;
			fake_bytes(&f, p, script + at, k);
		}
		expect_same(p, &want, cut);
		expect_same(to, &want_to, cut);
		ck_assert_uint_eq(f.in.n.rx_bytes, n);
		ck_assert_uint_eq(f.in.n.requests, 15);
		ck_assert_uint_eq(f.in.n.requests, f.in.n.replies);
		ck_assert_ptr_null(peer_of(p->block)->backlog);
		fake_close(&f);
	}
	bytes_free(&want);
	bytes_free(&want_to);
}

START_TEST(connection_without_runs)
{
	cut_everywhere(0, RV_PEER_STREAM, false, (size_t)_i);
}
END_TEST

START_TEST(connection_with_runs)
{
	cut_everywhere(0, RV_PEER_STREAM, true, (size_t)_i);
}
END_TEST

START_TEST(shared_stream)
{
	cut_everywhere(RV_CAP_REPLY_TO, RV_PEER_STREAM | RV_PEER_SHARED, true, (size_t)_i);
}
END_TEST

/* Output of any size, any number of turns: nothing is lost or doubled. */
START_TEST(blocked_at_any_time)
{
	struct fake_peer *p;
	char want[4096] = "", *end = want;

	fake_open(&f, 0, true);
	p = fake_connect(&f, RV_PEER_STREAM);
	for (int i = 0; i < 300; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%s%d\n", i % 5 ? "" : "e", i);
		end += sprintf(end, i % 5 ? "%d\n" : "\x15internal: e%d\n", i);
		if (i % 7 == 3) {
			p->blocked = true;
		}
		fake_say(&f, p, text);
		ck_assert(!p->blocked || p->stopped);
		if (i % 11 == 8) {
			fake_unblock(&f, p);
		}
	}
	fake_unblock(&f, p);
	ck_assert(!p->stopped);
	fake_expect(p, want);
	fake_close(&f);
}
END_TEST

/* The last line needs no end; a frame that is cut is malformed. */
START_TEST(the_end)
{
	struct fake_peer *p;
	uint8_t frame[64];

	fake_open(&f, 0, true);
	p = fake_connect(&f, RV_PEER_STREAM);
	fake_say(&f, p, "a\nlast");
	fake_eof(&f, p);
	fake_expect(p, "a\nlast");
	ck_assert(p->closed && p->how == RV_CLOSE_FLUSH);
	p = fake_connect(&f, RV_PEER_STREAM);
	fake_bytes(&f, p, frame, fake_frame(frame, RV_OP_CALL, 0, 7, NULL, "hola", 4) - 1);
	fake_eof(&f, p);
	fake_expect_frame(p, 7, RV_STATUS_MALFORMED, "malformed frame header");
	ck_assert(p->closed);
	p = fake_connect(&f, RV_PEER_STREAM);
	fake_eof(&f, p);
	fake_expect(p, "");
	ck_assert(p->closed);
	fake_close(&f);
}
END_TEST

/* Of a line that is too long only its length is known; that it was is still said, though
 * the output was full when the input ended. */
START_TEST(the_end_of_a_long_line)
{
	struct fake_peer *p;
	char text[1501];

	memset(text, 'x', 1500);
	text[1500] = '\0';
	for (int full = 0; full < 2; full++) {
		fake_open(&f, 0, true);
		p = fake_connect(&f, RV_PEER_STREAM);
		fake_say(&f, p, text);
		p->blocked = full;
		if (full) {
			fake_full(&f, p);
		}
		fake_eof(&f, p);
		if (full) {
			ck_assert(!p->closed);
			fake_unblock(&f, p);
		}
		fake_expect(p, "\x15too-large: 1500 bytes, the limit is 1000");
		ck_assert(p->closed);
		fake_close(&f);
	}
}
END_TEST

START_TEST(a_malformed_header_ends_a_connection)
{
	struct fake_peer *p;

	fake_open(&f, 0, true);
	p = fake_connect(&f, RV_PEER_STREAM);
	fake_say(&f, p,
		"d\na\n\xff\x07"
		"more\n");
	ck_assert(!p->closed);
	fake_say(&f, p, "ignored\n");
	fake_answer(&f, 0, "d");
	fake_expect_frame(p, 0, RV_STATUS_MALFORMED, "malformed frame header");
	fake_expect(p, "d\na\n");
	ck_assert(p->closed && p->how == RV_CLOSE_FLUSH);
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cut"), *end = tcase_create("end");
	Suite *s = suite_create("input");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, connection_without_runs, 0, 4);
	tcase_add_loop_test(tc, connection_with_runs, 0, 4);
	tcase_add_loop_test(tc, shared_stream, 0, 4);
	tcase_add_test(end, blocked_at_any_time);
	tcase_add_test(end, the_end);
	tcase_add_test(end, the_end_of_a_long_line);
	tcase_add_test(end, a_malformed_header_ends_a_connection);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, end);
	return runner_run(s);
}
