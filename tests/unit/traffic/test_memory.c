/* What a client can make wait, driven to its limit: what is counted is about what it
 * takes, whatever the size of a text, it keeps to the limits, and it is given back. */
#include <malloc.h>
#include <stdio.h>
#include "common/runner.h"
#include "fake.h"
#include "traffic/queue.h"

#define LIMIT (size_t)200000
#define SLACK (size_t)24576 /* tables that stay, and what was begun and not counted yet */
#define PEER (size_t)1024   /* what each peer may take beside */

static const size_t sizes[] = {0, 1, 10, 999};

static struct fake f;
static char text[1001];
static size_t before;

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void open_with(uint32_t caps, size_t n)
{
	memset(text, 'a', sizeof(text));
	text[MAX(n, 1u)] = '\0';
	text[0] = n > 0 ? 'a' : '\0';
	fake_open(&f, caps, false);
	f.in.limits.max_inflight = LIMIT;
}

static void begin(void)
{
	before = in_use();
}

/* What is counted of all peers. */
static size_t counted(void)
{
	size_t n = 0;

	for (size_t i = 0; i < f.n_peers; i++) {
		struct peer *p = f.peers[i].block ? peer_of(f.peers[i].block) : NULL;
		const struct backlog *b = p ? p->backlog : NULL;

		n += p ? p->inflight : 0;
		n += b ? queue_cost(b) + b->joining.cost + b->order.cost + b->unsent.cost : 0;
	}
	return n;
}

/* It takes no more than three times what is counted, which is at most so much. */
static void look(size_t most)
{
	size_t n = counted(), used = in_use();

	ck_assert_uint_le(n, most);
	ck_assert_msg(used <= before + 3 * n + SLACK + f.n_peers * PEER,
		"%zu bytes in use for %zu that are counted", used - before, n);
}

/* The same at its limit; and with all of it done nothing of that is left. */
static void finish(size_t least, size_t most)
{
	size_t used;

	look(most);
	ck_assert_uint_ge(counted(), least);
	for (size_t i = 0; i < f.n_peers; i++) {
		if (f.peers[i].block) {
			fake_leave(&f, &f.peers[i]);
		}
		bytes_free(&f.peers[i].out);
	}
	fake_turn(&f);
	fake_pass(&f, 100 * MS);
	used = in_use();
	ck_assert_msg(
		used <= before + SLACK + f.n_peers * 136, "%zu bytes stay in use", used - before);
	fake_close(&f);
}

static size_t largest(void)
{
	return f.in.limits.max_request + 320;
}

/* A connection: all that comes out of the service finds the output full. */
START_TEST(replies_not_sent)
{
	struct fake_peer *p;

	open_with(0, sizes[_i]);
	p = fake_connect(&f, RV_PEER_STREAM);
	begin();
	for (uint64_t i = 0; !p->stopped; i++) {
		fake_ask(&f, p, RV_OP_CALL, 0, i, NULL, "d");
	}
	p->blocked = true;
	for (size_t i = 0; i < f.service.n_tickets && !p->closed; i++) {
		fake_answer(&f, i, text);
	}
	finish(LIMIT, 2 * LIMIT + 16 * largest());
}
END_TEST

/* A reply name that nobody reads. */
START_TEST(replies_of_a_name)
{
	struct fake_peer *p, *to;

	open_with(RV_CAP_REPLY_TO, sizes[_i]);
	p = fake_connect(&f, RV_PEER_SHARED);
	to = fake_connect(&f, RV_PEER_REPLY_ONLY);
	to->token = "t";
	to->blocked = true;
	begin();
	for (uint64_t i = 0; i < 20000; i++) {
		fake_ask(&f, p, RV_OP_CALL, 0, i, "t", text);
	}
	finish(LIMIT, 2 * (LIMIT + 2 * largest()));
}
END_TEST

/* Lines in the service, whose replies wait for the first one. */
START_TEST(replies_that_keep_their_order)
{
	struct fake_peer *p;

	open_with(0, sizes[_i]);
	p = fake_connect(&f, RV_PEER_STREAM);
	begin();
	while (!p->stopped) {
		fake_say(&f, p, "d\n");
	}
	for (size_t i = f.service.n_tickets; i-- > 1;) {
		fake_answer(&f, i, text);
	}
	finish(LIMIT, 2 * LIMIT + 16 * largest());
}
END_TEST

/* What is in the service. */
START_TEST(tickets)
{
	struct fake_peer *p;

	open_with(0, sizes[_i]);
	p = fake_connect(&f, RV_PEER_STREAM);
	text[0] = 'd'; /* is the shortest that is not answered at once */
	begin();
	for (uint64_t i = 0; !p->stopped; i++) {
		fake_ask(&f, p, RV_OP_CALL, 0, i, NULL, text);
	}
	finish(LIMIT, LIMIT + largest());
}
END_TEST

/* Messages on a shared input wait for the service: lines, and those of reply names. */
START_TEST(messages)
{
	struct fake_peer *p, *to;
	char line[1002];

	open_with(RV_CAP_REPLY_TO, sizes[_i]);
	p = fake_connect(&f, RV_PEER_SHARED);
	to = fake_connect(&f, RV_PEER_REPLY_ONLY);
	to->token = "t";
	snprintf(line, sizeof(line), "%s\n", text);
	f.service.host->pause(f.service.handle);
	begin();
	for (uint64_t i = 0; i < 20000 && counted() <= LIMIT; i++) {
		fake_message(&f, p, line, strlen(line), 0, NULL);
		ck_assert(p->stopped);
		fake_ask(&f, p, RV_OP_CALL, 0, i, "t", text);
	}
	finish(LIMIT, LIMIT + 2 * largest());
}
END_TEST

/* Lines on a shared stream wait for `.out`. */
START_TEST(lines)
{
	struct fake_peer *p;
	char line[1002];

	open_with(RV_CAP_REPLY_TO, sizes[_i]);
	p = fake_connect(&f, RV_PEER_SHARED | RV_PEER_STREAM);
	p->blocked = true;
	snprintf(line, sizeof(line), "%s\n", text);
	begin();
	while (!p->stopped) {
		fake_say(&f, p, line);
	}
	finish(LIMIT, LIMIT + 3 * largest());
}
END_TEST

/* Messages that are never completed. */
START_TEST(fragments)
{
	struct fake_peer *p;
	size_t most = 0;

	open_with(0, sizes[_i]);
	p = fake_connect(&f, RV_PEER_STREAM);
	begin();
	f.in.limits.max_request = 10000;
	for (uint64_t i = 0; i < 2000; i++) {
		fake_ask(&f, p, RV_OP_CALL, RV_FRAME_MORE, i % 100, NULL, text);
		p->out.len = p->n_flushed = p->n_commits = 0;
		look(LIMIT + largest());
		most = MAX(most, counted());
	}
	ck_assert_uint_ge(most, MIN(LIMIT, 64 * sizes[_i]) + 64);
	finish(0, LIMIT + largest());
}
END_TEST

/* What is remembered of refused messages. */
START_TEST(markers)
{
	struct fake_peer *p;

	open_with(0, sizes[_i]);
	p = fake_connect(&f, RV_PEER_STREAM);
	begin();
	for (uint64_t i = 0; i < 20000; i++) {
		fake_ask(&f, p, 99, RV_FRAME_MORE, i, NULL, text);
		p->out.len = p->n_flushed = p->n_commits = 0;
	}
	ck_assert_uint_gt(counted(), 0);
	finish(1, 8 * counted());
}
END_TEST

/* Each of many has a little of all of it. */
START_TEST(peers)
{
	open_with(0, sizes[_i]);
	begin();
	for (size_t i = 0; i < FAKE_PEERS; i++) {
		struct fake_peer *p = fake_connect(&f, RV_PEER_STREAM);

		fake_ask(&f, p, RV_OP_CALL, RV_FRAME_MORE, 1, NULL, text);
		fake_say(&f, p, "d\nx\nuncut");
	}
	finish(1, 8 * counted());
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("memory");
	const TTest *const tests[] = {replies_not_sent, replies_of_a_name,
		replies_that_keep_their_order, tickets, messages, lines, fragments, markers, peers};
	Suite *s = suite_create("memory");

	tcase_set_timeout(tc, 60);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		tcase_add_loop_test(tc, tests[i], 0, ARRAY_SIZE(sizes));
	}
	suite_add_tcase(s, tc);
	return runner_run(s);
}
