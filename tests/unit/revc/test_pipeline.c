/* Many requests, one order: whatever the daemon does in between. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "revc/pipeline.h"
#include "revc/signals.h"
#include "common/runner.h"
#include "unit/librevc/fake.h"
#include "util/clock.h"
#include "util/macro.h"

struct rig {
	struct fake fake;
	struct pipeline p;
	uint64_t delivered;
	unsigned refused, transient;
	int stop_at; /* deliver() ends it all there; 0: never */
};

/* Text i is the number i; every tenth is refused by the habit of the fake. */
static int text_of(uint64_t i, char *buf, size_t size)
{
	return snprintf(buf, size, i % 10 == 3 ? "bad %llu" : "text %llu", (unsigned long long)i);
}

static int deliver(void *ctx, const struct pipeline_result *result)
{
	struct rig *r = ctx;
	char text[64];
	size_t n = (size_t)text_of(result->tag, text, sizeof(text));

	ck_assert_uint_eq(result->tag, r->delivered);
	ck_assert_uint_eq(result->request_len, n);
	ck_assert_mem_eq(result->request, text, n);
	r->delivered++;
	r->refused += result->status == RV_STATUS_INVALID_TEXT;
	r->transient += result->status == RV_STATUS_BUSY;
	if (result->status == RV_STATUS_OK) {
		ck_assert_uint_eq(result->len, n);
		for (size_t i = 0; i < n; i++) {
			ck_assert_uint_eq(result->data[i], (uint8_t)text[n - 1 - i]);
		}
	}
	return r->stop_at && r->delivered == (uint64_t)r->stop_at ? -ECANCELED : 0;
}

static void rig_init(struct rig *r, const struct fake_habits *habits, uint64_t timeout_us)
{
	struct revc_options o = {.timeout_us = timeout_us};
	struct revc_err err;

	*r = (struct rig){0};
	fake_start(&r->fake, habits);
	ck_assert_msg(pipeline_init(&r->p, fake_uri(&r->fake), &o, deliver, r, &err) == 0, "%s",
		err.text);
}

static void rig_finish(struct rig *r)
{
	pipeline_finish(&r->p);
	fake_stop(&r->fake);
}

static int push_all(struct rig *r, uint64_t n)
{
	int k = 0;

	for (uint64_t i = 0; i < n && k == 0; i++) {
		char text[64];

		k = pipeline_push(
			&r->p, RV_OP_CALL, i, text, (size_t)text_of(i, text, sizeof(text)));
	}
	return k < 0 ? k : pipeline_drain(&r->p);
}

static const struct fake_habits habits[] = {
	{0},
	{.backwards = true},
	{.fragment = 3},
	{.backwards = true, .fragment = 1},
	{.die_after = 100, .deaths = 3},
	{.die_after = 1, .deaths = 5},
	{.die_after = 777, .deaths = 2, .backwards = true},
	{.busy = 1},
	{.busy = 50},
};

START_TEST(keeps_the_order)
{
	struct rig r;

	rig_init(&r, &habits[_i], 0);
	ck_assert_msg(push_all(&r, 5000) == 0, "%s", r.p.err.text);
	ck_assert_uint_eq(r.delivered, 5000);
	ck_assert_uint_eq(r.refused, 500);
	ck_assert_uint_eq(r.transient, 0);
	ck_assert_uint_eq(atomic_load(&r.fake.connections), habits[_i].deaths + 1);
	rig_finish(&r);
}
END_TEST

/* Large texts and many small ones, over a window that holds a part of them. */
START_TEST(keeps_a_window)
{
	struct revc_limits limits;
	struct rig r;

	rig_init(&r, &habits[1], 0);
	revc_limits(r.p.s, &limits);
	for (uint64_t i = 0; i < 20000; i++) {
		char text[64];
		size_t n = (size_t)text_of(i, text, sizeof(text));

		ck_assert_int_eq(pipeline_push(&r.p, RV_OP_CALL, i, text, n), 0);
		ck_assert_uint_le(r.p.text.len, limits.inflight_bytes);
		ck_assert_uint_le(r.p.tail - r.p.head, limits.inflight_max);
	}
	ck_assert_int_eq(pipeline_drain(&r.p), 0);
	ck_assert_uint_eq(r.delivered, 20000);
	rig_finish(&r);
}
END_TEST

static const struct {
	struct fake_habits habits;
	int result, exit_code;
	const char *sentence;
} ends[] = {
	{{.silent = true}, -ETIMEDOUT, 75, "no reply in time"},
	{{.die_after = 1, .deaths = 1000000, .silent = true}, -ECONNRESET, 75, "closed"},
	{{.refuse = "\x15"
		    "busy: full\n"},
		-EBUSY, 75, "busy: full"},
	{{.refuse = "\x15"
		    "denied: not you\n"},
		-EACCES, 77, "denied: not you"},
	{{.refuse = "220 mail.example ESMTP\r\n"}, -EPROTO, 69, "does not speak"},
};

/* When nothing is answered it ends after the timeout, and not before where a retry
 * may help. */
START_TEST(gives_up)
{
	/* Long enough for one answer on a busy machine; what is final comes at once. */
	uint64_t timeout_us = ends[_i].exit_code == 75 ? 1000000 : 30000000;
	uint64_t start = clock_now();
	struct rig r;

	rig_init(&r, &ends[_i].habits, timeout_us);
	ck_assert_int_eq(push_all(&r, 10), ends[_i].result);
	ck_assert_msg(strstr(r.p.err.text, ends[_i].sentence), "%s", r.p.err.text);
	ck_assert_int_eq(r.p.err.exit_code, ends[_i].exit_code);
	if (ends[_i].exit_code == 75) {
		ck_assert_uint_ge(clock_now() - start, timeout_us * 1000);
	}
	rig_finish(&r);
}
END_TEST

/* `busy` for ever is handed on in the end, and the next request still served. */
START_TEST(hands_busy_on)
{
	struct rig r;

	rig_init(&r, &(struct fake_habits){.busy = 10000000}, 100000);
	ck_assert_int_eq(push_all(&r, 1), 0);
	ck_assert_uint_eq(r.transient, 1);
	rig_finish(&r);
}
END_TEST

/* Behind a FIFO: one daemon dies when half of a reply is written, another one goes on
 * at the same name. `torn` is played in a thread. */
struct torn {
	struct place place;
	int fd;
};

static void take_frame(struct torn *t, struct rv_frame *f, char *token)
{
	uint8_t body[256];

	place_read(t->fd, body, RV_FRAME_HEADER);
	rv_frame_load(body, f);
	place_read(t->fd, body, f->length);
	memcpy(token, body + 1, body[0]);
	token[body[0]] = '\0';
}

static void put_reply(struct torn *t, const char *token, uint8_t flags, uint64_t id,
	const char *text)
{
	char name[RV_TOKEN_MAX + 8];
	uint8_t buf[128];
	size_t n = place_frame(buf, RV_STATUS_OK, flags | RV_FRAME_REPLY, id, text);
	int fd;

	(void)snprintf(name, sizeof(name), "f.d/%s", token);
	fd = open(place_path(&t->place, name), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, buf, n), (ssize_t)n);
	close(fd);
}

static void *play_torn(void *arg)
{
	struct torn *t = arg;
	char token[RV_TOKEN_MAX + 1];
	struct rv_frame f;

	take_frame(t, &f, token);
	put_reply(t, token, RV_FRAME_MORE, f.id, "3 t");
	/* the next one knows nothing of it, and is young */
	take_frame(t, &f, token);
	while (f.code == RV_OP_INFO) {
		put_reply(t, token, 0, f.id, "{\"uptime\":0.0}");
		take_frame(t, &f, token);
	}
	put_reply(t, token, 0, f.id, "0 txet");
	return NULL;
}

START_TEST(joins_nothing_of_a_dead_daemon)
{
	struct revc_options o = {.timeout_us = 20000000};
	struct rig r = {0};
	struct torn t;
	struct revc_err err;
	pthread_t thread;

	place_make(&t.place);
	ck_assert_int_eq(mkfifo(place_path(&t.place, "f"), 0600), 0);
	ck_assert_int_eq(mkdir(place_path(&t.place, "f.d"), 0700), 0);
	t.fd = open(place_path(&t.place, "f"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_eq(pthread_create(&thread, NULL, play_torn, &t), 0);
	ck_assert_int_eq(pipeline_init(
		&r.p, place_uri(&t.place, "fifo", "f"), &o, deliver, &r, &err), 0);
	ck_assert_int_eq(push_all(&r, 1), 0);
	ck_assert_uint_eq(r.delivered, 1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pipeline_finish(&r.p);
	close(t.fd);
	place_remove(&t.place);
}
END_TEST

START_TEST(ends_when_told)
{
	struct rig r;

	rig_init(&r, &habits[0], 0);
	r.stop_at = 7;
	ck_assert_int_eq(push_all(&r, 100), -ECANCELED);
	ck_assert_uint_eq(r.delivered, 7);
	rig_finish(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client/pipeline");
	TCase *t = tcase_create("pipeline");

	signals_install();
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, keeps_the_order, 0, (int)ARRAY_SIZE(habits));
	tcase_add_test(t, keeps_a_window);
	tcase_add_loop_test(t, gives_up, 0, (int)ARRAY_SIZE(ends));
	tcase_add_test(t, hands_busy_on);
	tcase_add_test(t, joins_nothing_of_a_dead_daemon);
	tcase_add_test(t, ends_when_told);
	suite_add_tcase(s, t);
	return runner_run(s);
}
