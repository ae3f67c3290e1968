/* There is no memory, once or from then on: what can't be remembered is told or counted,
 * nobody is left waiting for ever, and with memory all goes on. */
#include <stdlib.h>
#include "common/runner.h"
#include "fake.h"

static struct fake f;
static size_t countdown = SIZE_MAX; /* allocations that succeed before */
static bool only_once;

/* All of the room's own structures come from calloc(). */
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	if (countdown == 0) {
		countdown = only_once ? SIZE_MAX : 0;
		return NULL;
	}
	countdown -= countdown < SIZE_MAX;
	return __real_calloc(n, size);
}

enum { NTH = 16 };

static void without_memory(int i)
{
	only_once = i / NTH;
	countdown = (size_t)i % NTH;
}

static void with_memory(void)
{
	countdown = SIZE_MAX;
}

static void send_frame(struct fake_peer *p, uint64_t id, const char *to, uint8_t flags)
{
	if (p->block) {
		fake_ask(&f, p, RV_OP_CALL, flags, id, to, "d");
	}
}

static void say(struct fake_peer *p, const char *text)
{
	if (p->block) {
		fake_say(&f, p, text);
	}
}

/* Each request has been answered, or its loss is counted; a newcomer is served. */
static void finish(void)
{
	struct fake_peer *next;
	const struct counters *n = &f.in.n;
	uint64_t lost = 0;

	with_memory();
	fake_resume(&f);
	fake_pass(&f, 60000 * MS);
	for (size_t i = 0; i < RV_DROP_COUNT; i++) {
		lost += n->drops[i];
	}
	ck_assert_uint_le(n->requests, n->replies + n->late + lost);
	ck_assert_uint_eq(f.in.n_tickets, 0);
	ck_assert(TAILQ_EMPTY(&f.in.held));
	next = fake_connect(&f, RV_PEER_STREAM);
	fake_say(&f, next, "a\n");
	fake_expect(next, "a\n");
	fake_close(&f);
}

START_TEST(a_connection)
{
	struct fake_peer *p;

	fake_open(&f, 0, false);
	p = fake_connect(&f, RV_PEER_STREAM);
	without_memory(_i);
	say(p, "uno\nd\nd\nbehind it\nun");
	send_frame(p, 1, NULL, 0);
	send_frame(p, 2, NULL, RV_FRAME_MORE);
	say(p, "p\nheld\nunc");
	if (p->block) {
		p->blocked = true;
	}
	for (size_t i = 0; i < f.service.n_tickets; i++) {
		fake_answer(&f, i, "late");
	}
	if (p->block) {
		fake_full(&f, p);
		fake_unblock(&f, p);
	}
	finish();
}
END_TEST

/* One writer's lack of memory must not take the input from the others. */
START_TEST(a_shared_input)
{
	struct fake_peer *p, *to;
	uint32_t flags = _i / NTH / 2 ? RV_PEER_STREAM : 0;

	fake_open(&f, flags ? RV_CAP_REPLY_TO : 0, false);
	p = fake_connect(&f, flags | RV_PEER_SHARED);
	to = fake_connect(&f, flags | RV_PEER_REPLY_ONLY);
	to->token = "t";
	f.service.host->pause(f.service.handle);
	without_memory(_i % (2 * NTH));
	for (uint64_t i = 0; i < 3; i++) {
		send_frame(p, i, flags ? "t" : NULL, 0);
		flags ? say(p, "line\n") : (void)fake_message(&f, p, "line\n", 5, 0, to);
	}
	with_memory();
	fake_resume(&f);
	ck_assert(!p->stopped);
	p->out.len = p->n_flushed = 0;
	flags ? say(p, "line\n") : (void)fake_message(&f, p, "line\n", 5, 0, NULL);
	fake_expect(p, "line\n");
	for (size_t i = 0; i < f.service.n_tickets; i++) {
		fake_answer(&f, i, "late");
	}
	finish();
}
END_TEST

START_TEST(peers)
{
	struct fake_peer *p;

	fake_open(&f, 0, false);
	without_memory(0);
	ck_assert_ptr_null(fake_connect_as(&f, &(struct rv_peer_info){.flags = RV_PEER_STREAM}));
	f.admit = -1; /* who is refused needs memory to be told so */
	ck_assert_ptr_null(fake_connect_as(&f, &(struct rv_peer_info){.flags = RV_PEER_STREAM}));
	f.admit = 0;
	with_memory();
	p = fake_connect(&f, RV_PEER_STREAM);
	fake_say(&f, p, "a\n");
	fake_expect(p, "a\n");
	ck_assert_uint_eq(f.in.n.peers, 1);
	finish();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("no_memory");
	Suite *s = suite_create("no_memory");

	tcase_add_loop_test(tc, a_connection, 0, 2 * NTH);
	tcase_add_loop_test(tc, a_shared_input, 0, 4 * NTH);
	tcase_add_test(tc, peers);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
