#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "common/runner.h"
#include "fake.h"
#include "loopback/hub.h"

extern const struct rv_backend_ops loopback_backend;

static struct loopback_config cfg;
static struct rv_instance *f;
static struct loopback *c;

static void setup(void)
{
	cfg = (struct loopback_config){
		.name = "test", .type = LOOPBACK_STREAM, .max_message = 64, .capacity = 256};
	c = NULL;
	f = fake_new(&loopback_backend);
}

static void teardown(void)
{
	loopback_close(c);
	fake_free(f);
}

static struct fake_peer *start(enum loopback_type type)
{
	cfg.type = (int)type;
	fake_start(f, &cfg, NULL, 0);
	ck_assert_int_eq(loopback_connect("test", &c), 0);
	FAKE_UNTIL(f, f->n_peers == 1);
	return f->peers;
}

static void assert_recv(const char *text, uint32_t tag)
{
	char buf[256];
	uint32_t got = 0;
	ssize_t n = loopback_recv(c, buf, sizeof(buf), &got);

	ck_assert_int_eq(n, (ssize_t)strlen(text));
	ck_assert_int_eq(memcmp(buf, text, (size_t)n), 0);
	ck_assert_uint_eq(got, tag);
}

START_TEST(test_stream)
{
	struct fake_peer *p = start(LOOPBACK_STREAM);

	ck_assert_uint_eq(p->info.flags, RV_PEER_STREAM);
	ck_assert_int_eq(loopback_recv(c, &(char){0}, 1, NULL), -EAGAIN);
	ck_assert_int_eq(loopback_send(c, "ho", 2, 0), 2);
	ck_assert_int_eq(loopback_send(c, "la", 2, 0), 2);
	FAKE_UNTIL(f, p->n_in == 4);
	ck_assert_str_eq(p->in, "hola");
	ck_assert_int_eq(fake_send(f, p, "aloh", 4, 0), 0);
	assert_recv("aloh", 0);
}
END_TEST

START_TEST(test_messages)
{
	struct fake_peer *p = start(LOOPBACK_MESSAGE);
	char small[3];

	ck_assert_uint_eq(p->info.flags, 0);
	ck_assert_uint_eq(p->info.max_message, 64);
	ck_assert_int_eq(loopback_send(c, "one", 3, 7), 3);
	ck_assert_int_eq(loopback_send(c, "", 0, 8), 0);
	FAKE_UNTIL(f, f->n_messages == 2);
	ck_assert_uint_eq(f->messages[0].len, 3);
	ck_assert_uint_eq(f->messages[0].tag, 7);
	ck_assert_uint_eq(f->messages[1].len, 0);
	ck_assert_int_eq(fake_send(f, p, "eno!", 4, 7), 0);
	ck_assert_int_eq(loopback_recv(c, small, sizeof(small), NULL), -EMSGSIZE);
	assert_recv("eno!", 7);
}
END_TEST

START_TEST(test_sizes_of_messages)
{
	char big[65] = "";

	start(LOOPBACK_MESSAGE);
	ck_assert_int_eq(loopback_send(c, big, 65, 0), -EMSGSIZE);
	for (int i = 0; i < 3; i++) { /* 72 bytes each, of 256 */
		ck_assert_int_eq(loopback_send(c, big, 64, 0), 64);
	}
	ck_assert_int_eq(loopback_send(c, big, 64, 0), -EAGAIN);
	ck_assert_int_eq(loopback_wait(c, true, 0), -ETIMEDOUT);
	FAKE_UNTIL(f, f->n_messages == 3);
	ck_assert_int_eq(loopback_wait(c, true, 0), 0);
}
END_TEST

START_TEST(test_full_output)
{
	struct fake_peer *p = start((enum loopback_type)_i);
	char text[60], buf[256];
	int n = 0;

	memset(text, 'x', sizeof(text));
	while (fake_send(f, p, text, sizeof(text), 0) == 0) {
		ck_assert_int_lt(++n, 100);
	}
	ck_assert_uint_eq(p->n_blocked, 1);
	fake_settle(f);
	ck_assert_uint_eq(p->n_writable, 0);
	ck_assert_int_gt(loopback_recv(c, buf, sizeof(buf), NULL), 0);
	FAKE_UNTIL(f, p->n_writable == 1);
	ck_assert_int_eq(fake_send(f, p, "y", 1, 0), 0);
}
END_TEST

START_TEST(test_half_close)
{
	struct fake_peer *p = start(LOOPBACK_STREAM);

	ck_assert_int_eq(loopback_send(c, "last", 4, 0), 4);
	loopback_shutdown(c);
	ck_assert_int_eq(loopback_send(c, "x", 1, 0), -EPIPE);
	FAKE_UNTIL(f, p->n_eof == 1);
	ck_assert_str_eq(p->in, "last");
	ck_assert_int_eq(fake_send(f, p, "tsal", 4, 0), 0);
	f->ops->peer_close(f->block, p->block, RV_CLOSE_FLUSH);
	fake_settle(f);
	ck_assert_uint_eq(f->n_gone, 1);
	assert_recv("tsal", 0);
	ck_assert_int_eq(loopback_recv(c, &(char){0}, 1, NULL), -ENOTCONN);
}
END_TEST

START_TEST(test_a_client_that_leaves)
{
	struct fake_peer *p = start((enum loopback_type)_i);

	ck_assert_int_eq(loopback_send(c, "x", 1, 0), 1);
	loopback_close(c);
	c = NULL;
	FAKE_UNTIL(f, p->n_eof == 1);
	ck_assert_uint_eq(p->n_in, 1);
	fake_send(f, p, "x", 1, 0);
	ck_assert_uint_eq(f->n_gone, 1);
	ck_assert_uint_eq(f->drops[RV_DROP_PEER_GONE], 1);
}
END_TEST

START_TEST(test_stop_and_resume)
{
	struct fake_peer *p = start((enum loopback_type)_i);

	f->next = RV_READ_STOP;
	ck_assert_int_eq(loopback_send(c, "1", 1, 0), 1);
	FAKE_UNTIL(f, p->n_in == 1);
	ck_assert_int_eq(loopback_send(c, "2", 1, 0), 1);
	loopback_shutdown(c);
	fake_settle(f);
	ck_assert_uint_eq(p->n_in, 1);
	ck_assert_uint_eq(p->n_eof, 0);
	f->next = RV_READ_ON;
	f->ops->resume(f->block, p->block);
	FAKE_UNTIL(f, p->n_eof == 1);
	ck_assert_str_eq(p->in, "12");
}
END_TEST

START_TEST(test_drain)
{
	struct fake_peer *p = start(LOOPBACK_STREAM);
	struct loopback *late, *queued;
	struct rv_instance *second;

	ck_assert_int_eq(loopback_connect("test", &queued), 0);
	ck_assert_int_eq(loopback_send(queued, "q", 1, 0), 1);
	ck_assert_int_eq(loopback_send(c, "before", 6, 0), 6);
	f->ops->drain(f->block);
	ck_assert_int_eq(loopback_connect("test", &late), -ECONNREFUSED);
	ck_assert_int_eq(loopback_send(c, "after", 5, 0), -EPIPE);
	FAKE_UNTIL(f, f->n_drained == 1);
	ck_assert_str_eq(p->in, "before");
	ck_assert_uint_eq(p->n_eof, 1);
	ck_assert_uint_eq(f->peers->n_in + f->peers->next->n_in, 7);
	loopback_close(queued);

	second = fake_new(&loopback_backend); /* the address has changed hands */
	fake_start(second, &cfg, NULL, 0);
	fake_stop(f);
	ck_assert_int_eq(loopback_connect("test", &late), 0);
	loopback_close(late);
	fake_free(second);
}
END_TEST

START_TEST(test_detach_with_clients)
{
	struct loopback *queued;

	start(LOOPBACK_STREAM);
	ck_assert_int_eq(loopback_connect("test", &queued), 0);
	fake_stop(f);
	ck_assert_int_eq(loopback_recv(c, &(char){0}, 1, NULL), -ENOTCONN);
	ck_assert_int_eq(loopback_send(queued, "x", 1, 0), -EPIPE);
	loopback_close(queued);
	ck_assert_int_eq(loopback_connect("test", &queued), -ECONNREFUSED);
}
END_TEST

START_TEST(test_a_full_host)
{
	struct loopback *second;

	start(LOOPBACK_STREAM);
	f->max_peers = 1;
	ck_assert_int_eq(loopback_connect("test", &second), 0);
	FAKE_UNTIL(f, f->drops[RV_DROP_ACCEPT] == 1);
	ck_assert_int_eq(loopback_recv(second, &(char){0}, 1, NULL), -ENOTCONN);
	loopback_close(second);
}
END_TEST

START_TEST(test_names)
{
	struct rv_instance *second = fake_new(&loopback_backend);
	struct rv_endpoint_info info = fake_info();
	char buf[32];

	ck_assert_int_eq(loopback_connect("test", &c), -ECONNREFUSED);
	start(LOOPBACK_STREAM);
	ck_assert_int_eq(fake_open(second, &info, &cfg, NULL, 0), -EADDRINUSE);
	fake_free(second);
	loopback_backend.address(&cfg, buf, sizeof(buf));
	ck_assert_str_eq(buf, "loopback:test");
	cfg.name = "";
	ck_assert_int_lt(loopback_backend.check(&cfg, &f->err), 0);
	cfg.name = "x";
	cfg.type = LOOPBACK_MESSAGE;
	cfg.capacity = 71;
	ck_assert_int_lt(loopback_backend.check(&cfg, &f->err), 0);
	cfg.capacity = 72;
	ck_assert_int_eq(loopback_backend.check(&cfg, &f->err), 0);
}
END_TEST

#define MESSAGES 20000

/* Sends numbers and checks that they come back. */
static const char *converse(struct loopback *mine)
{
	uint32_t asked = 0, answered = 0, back;

	while (answered < MESSAGES) {
		if (asked < MESSAGES && loopback_send(mine, &asked, sizeof(asked), asked) > 0) {
			asked++;
			continue;
		}
		if (loopback_wait(mine, false, (int)WAIT_MS) < 0) {
			return "no reply in time";
		}
		if (loopback_recv(mine, &back, sizeof(back), NULL) != sizeof(back) ||
			back != answered) {
			return "a wrong reply";
		}
		answered++;
	}
	return NULL;
}

static void *client_thread(void *arg)
{
	struct loopback *mine;

	*(const char **)arg = "cannot connect";
	if (loopback_connect("test", &mine) == 0) {
		*(const char **)arg = converse(mine);
		loopback_close(mine);
	}
	return NULL;
}

/* Echoes all that came in; what does not fit waits for the next turn. */
static size_t echo(struct fake_peer *p, size_t done)
{
	while (p->n_in - done >= sizeof(uint32_t) &&
		fake_send(f, p, p->in + done, sizeof(uint32_t), 0) == 0) {
		done += sizeof(uint32_t);
	}
	return done;
}

START_TEST(test_another_thread)
{
	struct fake_peer *p;
	pthread_t thread;
	size_t done = 0;
	const char *why = NULL;

	fake_start(f, &cfg, NULL, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, client_thread, &why), 0);
	FAKE_UNTIL(f, f->n_peers == 1);
	p = f->peers;
	FAKE_UNTIL(f, (done = echo(p, done), p->n_eof > 0)); /* it has all and left */
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_msg(!why, "%s", why);
}
END_TEST

#define REPLY 300 /* bytes: more than the buffer holds */
#define REPLIES 2000

/* Reads as fast as it can, to make room at every moment there is. */
static void *reader_thread(void *arg)
{
	struct loopback *mine;
	size_t *got = arg;
	char buf[64];

	if (loopback_connect("test", &mine) < 0) {
		return NULL;
	}
	while (*got < REPLIES * REPLY && loopback_wait(mine, false, (int)WAIT_MS) == 0) {
		ssize_t n = loopback_recv(mine, buf, sizeof(buf), NULL);

		*got += n > 0 ? (size_t)n : 0;
	}
	loopback_close(mine);
	return NULL;
}

START_TEST(test_room_made_at_any_moment)
{
	const char text[REPLY] = "";
	size_t got = 0;
	pthread_t thread;
	struct fake_peer *p;

	fake_start(f, &cfg, NULL, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, reader_thread, &got), 0);
	FAKE_UNTIL(f, f->n_peers == 1);
	p = f->peers;
	for (int i = 0; i < REPLIES; i++) {
		unsigned n = p->n_writable;

		ck_assert_int_eq(fake_send(f, p, text, REPLY, 0), 0);
		FAKE_UNTIL(f, p->n_writable > n); /* it never fits at once */
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(got, REPLIES * REPLY);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backends/loopback");
	TCase *tc = tcase_create("loopback");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_stream);
	tcase_add_test(tc, test_messages);
	tcase_add_test(tc, test_sizes_of_messages);
	tcase_add_loop_test(tc, test_full_output, 0, 2);
	tcase_add_test(tc, test_half_close);
	tcase_add_loop_test(tc, test_a_client_that_leaves, 0, 2);
	tcase_add_loop_test(tc, test_stop_and_resume, 0, 2);
	tcase_add_test(tc, test_drain);
	tcase_add_test(tc, test_detach_with_clients);
	tcase_add_test(tc, test_a_full_host);
	tcase_add_test(tc, test_names);
	tcase_add_test(tc, test_another_thread);
	tcase_add_test(tc, test_room_made_at_any_moment);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
