/* A callback may end any peer: the one that is served, or another, in the nth call of
 * any method. Nothing is used after it, and who stays is served as ever. */
#include <stdio.h>
#include "common/runner.h"
#include "fake.h"

static struct fake f;
static struct fake_peer *p, *other;
static enum fake_call where;
static size_t countdown;
static bool ends_other;

static void end_one(struct fake *fake, struct fake_peer *who)
{
	struct fake_peer *victim = ends_other ? other : p;

	(void)who;
	if (countdown-- > 0) {
		return;
	}
	fake->on[where] = NULL;
	if (victim->block) {
		fake_leave(fake, victim);
	}
}

static void open_it(uint32_t caps, bool with_lines, int i)
{
	fake_open(&f, caps, with_lines);
	where = (enum fake_call)(i % FAKE_CALLS);
	ends_other = i / FAKE_CALLS % 2;
	countdown = (size_t)i / FAKE_CALLS / 2;
}

enum { NTH = 12, CASES = FAKE_CALLS * 2 * NTH };

static void say(const char *text)
{
	if (p->block && !p->closed) {
		fake_say(&f, p, text);
	}
}

static void send_frame(uint64_t id, const char *to, uint8_t op, uint8_t flags, const char *text)
{
	if (p->block && !p->closed) {
		fake_ask(&f, p, op, flags, id, to, text);
	}
}

static void message(const char *text, struct fake_peer *to)
{
	if (p->block && !p->closed && (!to || to->block)) {
		fake_message(&f, p, text, strlen(text), 0, to);
	}
}

static void unblock(struct fake_peer *who)
{
	if (who->block) {
		fake_unblock(&f, who);
	}
}

static void answer_all(void)
{
	for (size_t i = 0; i < f.service.n_tickets; i++) {
		fake_answer(&f, f.service.n_tickets - 1 - i, "late");
	}
}

/* Who is left, and who comes, is served. */
static void finish(uint32_t flags)
{
	struct fake_peer *next;

	f.on[where] = NULL;
	fake_turn(&f);
	next = fake_connect(&f, flags);
	if (flags & RV_PEER_STREAM) {
		fake_say(&f, next, "a\n");
	} else {
		fake_message(&f, next, "a\n", 2, 0, NULL);
	}
	fake_expect(next, "a\n");
	fake_pass(&f, 60000 * MS);
	ck_assert_uint_eq(f.in.n_tickets, 0);
	ck_assert_uint_eq(f.worker.deferred, 0);
	fake_close(&f);
}

/* A connection with lines and frames, late ones, a full output, a pause. */
static void on_a_connection(bool with_lines, int i)
{
	open_it(0, with_lines, i);
	p = fake_connect(&f, RV_PEER_STREAM);
	other = fake_connect(&f, RV_PEER_STREAM);
	fake_say(&f, other, "d\nwaits\n");
	f.on[where] = end_one;
	say("uno\nuno\n");
	send_frame(1, NULL, RV_OP_CALL, 0, "hola");
	say("eh\nd\nbehind it\ng900\n");
	send_frame(2, NULL, RV_OP_CALL, RV_FRAME_MORE, "to ");
	send_frame(2, NULL, RV_OP_CALL, 0, "be joined");
	if (p->block) {
		p->blocked = true;
	}
	answer_all();
	say("while it is full\n");
	unblock(p);
	say("p\nheld\nheld, too\nunc");
	fake_resume(&f);
	if (p->block && !p->closed) {
		fake_eof(&f, p);
	}
	if (p->block && !p->closed) {
		fake_turn(&f);
	}
	finish(RV_PEER_STREAM);
}

START_TEST(connection)
{
	on_a_connection(false, _i);
}
END_TEST

START_TEST(connection_with_runs)
{
	on_a_connection(true, _i);
}
END_TEST

/* A shared input and a reply name. */
static void on_a_shared_one(uint32_t flags, int i)
{
	open_it(RV_CAP_REPLY_TO, false, i);
	p = fake_connect(&f, flags | RV_PEER_SHARED);
	other = fake_connect(&f, flags | RV_PEER_REPLY_ONLY);
	other->token = "t";
	f.on[where] = end_one;
	for (uint64_t id = 0; id < 3; id++) {
		send_frame(id, "t", RV_OP_CALL, 0, "hola");
		flags ? say("line\n") : message("line\n", NULL);
		send_frame(id, "t", RV_OP_CALL, 0, "d");
	}
	other->blocked = true;
	answer_all();
	send_frame(3, "t", RV_OP_PING, 0, "kept");
	flags ? say("p\nx\n") : message("p\n", NULL);
	send_frame(4, "t", RV_OP_CALL, 0, "waits");
	if (!flags) {
		message("for other\n", other);
	}
	unblock(other);
	fake_resume(&f);
	send_frame(5, "t", RV_OP_CALL, 0, "hola");
	finish(flags);
}

START_TEST(shared_stream)
{
	on_a_shared_one(RV_PEER_STREAM, _i);
}
END_TEST

START_TEST(shared_messages)
{
	on_a_shared_one(0, _i);
}
END_TEST

/* A connection of messages, that name whom to answer. */
START_TEST(messages)
{
	open_it(0, false, _i);
	p = fake_connect(&f, 0);
	other = fake_connect(&f, 0);
	f.on[where] = end_one;
	for (int i = 0; i < 3; i++) {
		message("own\n", NULL);
		message("other's\n", other);
		message("d\n", other);
		message("d\n", NULL);
	}
	other->blocked = true;
	answer_all();
	message("p\n", other);
	message("held\n", other);
	message("held, own\n", NULL);
	unblock(other);
	fake_resume(&f);
	finish(0);
}
END_TEST

/* A peer whose end was asked for and has not come is not touched but to end. */
START_TEST(an_end_that_takes_time)
{
	open_it(0, true, 0);
	p = fake_connect(&f, RV_PEER_STREAM);
	other = p;
	p->lingers = true;
	say("d\na\n");
	fake_eof(&f, p);
	ck_assert(!p->closed);
	answer_all();
	fake_expect(p, "late\na\n");
	ck_assert(p->closed && p->how == RV_CLOSE_FLUSH);
	fake_pass(&f, 60000 * MS);
	fake_unblock(&f, p);
	fake_leave(&f, p);
	finish(RV_PEER_STREAM);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("endings");
	Suite *s = suite_create("endings");

	tcase_add_loop_test(tc, connection, 0, CASES);
	tcase_add_loop_test(tc, connection_with_runs, 0, CASES);
	tcase_add_loop_test(tc, shared_stream, 0, CASES);
	tcase_add_loop_test(tc, shared_messages, 0, CASES);
	tcase_add_loop_test(tc, messages, 0, CASES);
	tcase_add_test(tc, an_end_that_takes_time);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
