/* Peers go on in another instance where they were: the same replies, in order, each once. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "common/runner.h"
#include "fake.h"
#include "traffic/handover.h"

static struct fake f, g; /* the one that ends and the one that goes on */

/* What f has, as the bytes and descriptors that g gets. */
static void pack(struct parcel_in *ret)
{
	struct parcel p = {.n_fds = 0};
	int ends[PARCEL_ENDS];
	char why[PARCEL_WHY];
	size_t lost;

	handover_pack(&f.in, &p);
	ck_assert_int_eq(parcel_seal(&p, ends, &lost), 0);
	ck_assert_uint_eq(lost, 0);
	parcel_finish(&p);
	ck_assert_int_eq(parcel_open(ret, ends, PARCEL_ENDS, why), 0);
}

/* Returns how many were lost, -1: not even the first was found. */
static ssize_t unpack(struct parcel_in *parcel, struct rv_unpack data)
{
	struct takeover_peers t = {.parcel = parcel, .shares = 1};
	int r = takeover_peers_add(&t, &data);

	if (r == 0) {
		takeover_unpack(&g.in, &t);
	}
	takeover_peers_finish(&t);
	return r < 0 ? -1 : (ssize_t)t.lost;
}

/* f ends, g goes on with all that it had. */
static void hand_over(uint32_t caps, bool lines)
{
	struct parcel_in in;
	size_t n = f.n_peers;

	pack(&in);
	fake_open(&g, caps, lines);
	ck_assert_int_eq(unpack(&in, in.data), 0);
	ck_assert_uint_eq(g.n_peers, n);
	parcel_in_finish(&in);
	fake_close(&f);
}

static struct fake_peer *begin(uint32_t flags)
{
	if (flags & RV_PEER_SHARED) {
		fake_connect(&f, RV_PEER_STREAM | RV_PEER_REPLY_ONLY)->token = "t";
	}
	return fake_connect(&f, flags);
}

/* What all peers were sent, the one after the other. */
static void keep(const struct fake *from, struct bytes *ret)
{
	for (uint32_t kind = 0; kind <= RV_PEER_REPLY_ONLY; kind += RV_PEER_REPLY_ONLY) {
		for (size_t i = 0; i < from->n_peers; i++) {
			const struct fake_peer *p = &from->peers[i];

			if ((p->info.flags & RV_PEER_REPLY_ONLY) == kind) {
				ck_assert_int_eq(
					bytes_put(ret, bytes_head(&p->out), p->out.len), 0);
			}
		}
	}
}

static struct fake_peer *reader(struct fake *of)
{
	for (size_t i = 0; i < of->n_peers; i++) {
		if (!(of->peers[i].info.flags & RV_PEER_REPLY_ONLY)) {
			return &of->peers[i];
		}
	}
	ck_abort_msg("nobody has come over");
	return NULL;
}

/* The hand-over at every byte of the input. */
static void at_every_byte(uint32_t caps, uint32_t flags, bool lines)
{
	uint8_t script[8192];
	size_t n = fake_script(script, flags & RV_PEER_SHARED ? "t" : NULL);
	struct bytes want = {0};

	fake_open(&f, caps, lines);
	fake_bytes(&f, begin(flags), script, n);
	keep(&f, &want);
	ck_assert_uint_gt(want.len, 900);
	fake_close(&f);
	for (size_t cut = 0; cut <= n; cut++) {
		struct bytes is = {0};
		struct fake_peer *p;

		fake_open(&f, caps, lines);
		p = begin(flags);
		p->more = true;
		fake_bytes(&f, p, script, cut);
		hand_over(caps, lines);
		p = reader(&g);
		ck_assert_msg(!p->stopped, "cut at %zu: it is not read from", cut);
		fake_bytes(&g, p, script + cut, n - cut);
		keep(&g, &is);
		ck_assert_msg(is.len == want.len &&
				      memcmp(bytes_head(&is), bytes_head(&want), want.len) == 0,
			"cut at %zu: %zu bytes, not %zu", cut, is.len, want.len);
		ck_assert_ptr_null(peer_of(p->block)->backlog);
		bytes_free(&is);
		fake_close(&g);
	}
	bytes_free(&want);
}

START_TEST(connection)
{
	at_every_byte(0, RV_PEER_STREAM, _i);
}
END_TEST

START_TEST(shared_stream)
{
	at_every_byte(RV_CAP_REPLY_TO, RV_PEER_STREAM | RV_PEER_SHARED, true);
}
END_TEST

/* Replies that nobody has read, and lines behind them. */
START_TEST(unsent)
{
	struct fake_peer *p;

	fake_open(&f, 0, true);
	p = fake_connect(&f, RV_PEER_STREAM);
	fake_say(&f, p, "uno\n");
	fake_full(&f, p);
	fake_say(&f, p, "nove\ntres\n");
	ck_assert(p->stopped);
	hand_over(0, true);
	p = reader(&g);
	ck_assert(p->stopped);
	fake_unblock(&g, p);
	ck_assert(!p->stopped);
	fake_say(&g, p, "cuatro\n");
	fake_expect(p, "uno\nnove\ntres\ncuatro\n");
	fake_close(&g);
}
END_TEST

/* Who is about to end: it does, once all is sent. */
START_TEST(at_its_end)
{
	struct fake_peer *p;

	fake_open(&f, 0, true);
	p = fake_connect(&f, RV_PEER_STREAM);
	fake_full(&f, p);
	fake_say(&f, p, "uno\nnove\nlast");
	fake_eof(&f, p);
	ck_assert(!p->closed);
	hand_over(0, true);
	p = reader(&g);
	ck_assert(!p->closed);
	fake_unblock(&g, p);
	fake_expect(p, "uno\nnove\nlast");
	ck_assert(p->closed && p->how == RV_CLOSE_FLUSH);
	fake_close(&g);
}
END_TEST

START_TEST(closing)
{
	struct fake_peer *p;

	fake_open(&f, 0, true);
	p = fake_connect(&f, RV_PEER_STREAM);
	p->lingers = true;
	fake_say(&f, p, "uno\n");
	fake_eof(&f, p);
	ck_assert(p->closed && p->block);
	hand_over(0, true);
	p = reader(&g);
	ck_assert(p->block && p->stopped);
	fake_expect(p, "uno\n");
	fake_leave(&g, p);
	fake_close(&g);
}
END_TEST

/* A peer with something of each kind unfinished, and others. */
static void much_unfinished(struct parcel_in *ret)
{
	uint8_t frame[64];
	struct fake_peer *p;

	fake_open(&f, RV_CAP_REPLY_TO, true);
	p = begin(RV_PEER_STREAM | RV_PEER_SHARED);
	fake_bytes(&f, p, frame, fake_frame(frame, RV_OP_CALL, 0, 4, "t", "a", 1) - 1);
	p = fake_connect(&f, RV_PEER_STREAM);
	fake_ask(&f, p, RV_OP_CALL, RV_FRAME_MORE, 2, NULL, "half");
	fake_full(&f, p);
	fake_say(&f, p, "uno\ndos\ntres\ncuat");
	fake_say(&f, fake_connect(&f, RV_PEER_STREAM), "uno\ndo");
	pack(ret);
	fake_close(&f);
}

/* Nothing that is not whole crashes, leaks or hangs; who can be served is served. */
static void go_on_with(const uint8_t *data, size_t n)
{
	struct parcel_in in = {.fds = calloc(16, sizeof(int)), .n_fds = 16};
	size_t n_peers;

	ck_assert_ptr_nonnull(in.fds);
	for (size_t i = 0; i < in.n_fds; i++) {
		in.fds[i] = dup(STDIN_FILENO);
	}
	fake_open(&g, RV_CAP_REPLY_TO, true);
	(void)unpack(&in, (struct rv_unpack){data, n, false});
	parcel_in_finish(&in);
	n_peers = g.n_peers;
	for (size_t i = 0; i < n_peers; i++) {
		struct fake_peer *p = &g.peers[i];

		if (p->block && !p->closed && p->blocked) {
			fake_unblock(&g, p);
		}
		if (p->block && !p->closed && !p->stopped && p->info.flags & RV_PEER_STREAM) {
			fake_say(&g, p, "\nx\n");
		}
	}
	fake_pass(&g, 2000 * MS);
	fake_close(&g);
}

static uint8_t *copy_of(const struct rv_unpack *u, size_t n)
{
	uint8_t *copy = malloc(MAX(n, 1u)); /* tools see what is read too far */

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, u->data, n);
	return copy;
}

START_TEST(truncated)
{
	struct parcel_in in;

	much_unfinished(&in);
	for (size_t n = 0; n <= in.data.left; n++) {
		uint8_t *copy = copy_of(&in.data, n);

		go_on_with(copy, n);
		free(copy);
	}
	parcel_in_finish(&in);
}
END_TEST

START_TEST(damaged)
{
	static const uint8_t flips[] = {0x01, 0x40, 0x80, 0xff};
	struct parcel_in in;

	much_unfinished(&in);
	for (size_t at = 0; at < in.data.left; at++) {
		uint8_t *copy = copy_of(&in.data, in.data.left);

		copy[at] ^= flips[_i];
		go_on_with(copy, in.data.left);
		free(copy);
	}
	parcel_in_finish(&in);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("handover");
	TCase *t = tcase_create("handover");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, connection, 0, 2);
	tcase_add_test(t, shared_stream);
	tcase_add_test(t, unsent);
	tcase_add_test(t, at_its_end);
	tcase_add_test(t, closing);
	tcase_add_test(t, truncated);
	tcase_add_loop_test(t, damaged, 0, 4);
	suite_add_tcase(s, t);
	return runner_run(s);
}
