/* Every load over every transport against the bare servers, and against bad ones. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench/generator.h"
#include "bench/rounds.h"
#include "common/runner.h"
#include "util/fd.h"

#define SLICE_NS 20000000u

static char dir[] = "/tmp/revbench-test-XXXXXX";
static volatile sig_atomic_t stop;

static void set_up(void)
{
	signal(SIGPIPE, SIG_IGN);
	stop = 0;
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(generator_init(), 0);
}

static void tear_down(void)
{
	ck_assert_int_eq(rmdir(dir), 0);
}

/* Runs a group as a plan of its own. */
static int run(struct bench_group *g, unsigned n, struct rv_err *err)
{
	static struct testbed bed;
	struct plan plan = {.groups = {g}, .n = 1};
	struct rounds rounds = {
		.rounds = n, .slice_ns = SLICE_NS, .bed = &bed, .quiet = true, .stop = &stop};

	memset(&bed, 0, sizeof(bed));
	snprintf(bed.dir, sizeof(bed.dir), "%s", dir);
	return rounds_run(&rounds, &plan, err);
}

static const struct bench_load loads[] = {
	{.size = 64, .clients = 1, .window = 1},
	{.size = 64, .clients = 1, .window = 64},
	{.size = 64, .clients = 1, .window = 4096},
	{.size = 64, .clients = 10, .window = 1},
	{.size = 64, .clients = 5, .window = 16},
	{.size = 16384, .clients = 1, .window = 1},
	{.size = 16384, .clients = 1, .window = 64},
	{.size = 16384, .clients = 10, .window = 1},
	{.size = 1000, .clients = 3, .window = 40},
	{.size = 64, .clients = 1, .window = 1, .rate = 2000},
	{.size = 1024 * 1024, .clients = 1, .window = 1},
	{.size = 100000, .clients = 2, .window = 2},
};

START_TEST(floors_answer_every_load)
{
	struct bench_group g = {.purpose = "test", .load = loads[_i], .regime = BENCH_FREE};
	struct rv_err err = {""};

	for (int t = 0; t < BENCH_TRANSPORTS; t++) {
		plan_contender(&g, BENCH_FLOOR, (enum bench_transport)t, BENCH_BLOCK);
	}
	ck_assert_msg(run(&g, 2, &err) == 0, "%s", err.msg);
	for (size_t i = 0; i < g.n; i++) {
		const struct bench_contender *c = &g.contenders[i];

		if ((c->transport == BENCH_MQUEUE || c->transport == BENCH_NATS) && c->note[0]) {
			continue; /* no budget for so many queues on this machine; no broker here */
		}
		ck_assert_uint_eq(c->n, 2);
		ck_assert_uint_gt(c->samples[0].answered, 0);
		ck_assert_uint_ge(c->samples[0].answered, c->samples[0].requests);
		ck_assert_uint_eq(
			c->latency.count, c->samples[0].requests + c->samples[1].requests);
		ck_assert_uint_gt(c->samples[0].server_cpu_ns + c->samples[1].server_cpu_ns, 0);
	}
}
END_TEST

START_TEST(references_answer)
{
	struct bench_group g = {.purpose = "test", .regime = BENCH_FREE};
	struct rv_err err = {""};

	g.load = loads[_i];
	plan_contender(&g, BENCH_EPOLL, BENCH_STREAM, BENCH_BLOCK);
	plan_contender(&g, BENCH_LIBEVENT, BENCH_STREAM, BENCH_BLOCK);
	ck_assert_msg(run(&g, 1, &err) == 0, "%s", err.msg);
	ck_assert_uint_gt(g.contenders[0].samples[0].answered, 0);
	ck_assert_uint_gt(g.contenders[1].samples[0].answered, 0);
}
END_TEST

START_TEST(a_connection_per_request)
{
	struct bench_group g = {.purpose = "test",
		.regime = BENCH_FREE,
		.load = {.size = 64, .clients = 1, .window = 1, .connect = true}};
	struct rv_err err = {""};

	plan_contender(&g, BENCH_FLOOR, BENCH_STREAM, BENCH_BLOCK);
	plan_contender(&g, BENCH_FLOOR, BENCH_SEQPACKET, BENCH_BLOCK);
	ck_assert_msg(run(&g, 1, &err) == 0, "%s", err.msg);
	ck_assert_uint_gt(g.contenders[0].samples[0].answered, 0);
	ck_assert_uint_gt(g.contenders[1].samples[0].answered, 0);
}
END_TEST

START_TEST(stop_ends_between_slices)
{
	struct bench_group g = {.purpose = "test", .load = loads[0], .regime = BENCH_FREE};
	struct rv_err err = {""};

	plan_contender(&g, BENCH_FLOOR, BENCH_STREAM, BENCH_BLOCK);
	stop = 1;
	ck_assert_int_eq(run(&g, 2, &err), -EINTR);
	ck_assert_uint_eq(g.contenders[0].n, 0);
}
END_TEST

/* Requests at fixed times: the rate is kept, and no more is sent than was meant. */
START_TEST(the_rate_is_kept)
{
	struct bench_group g = {.purpose = "test",
		.regime = BENCH_FREE,
		.load = {.size = 64, .clients = 1, .window = 1, .rate = 1000}};
	struct rv_err err = {""};

	plan_contender(&g, BENCH_FLOOR, BENCH_STREAM, BENCH_BLOCK);
	ck_assert_msg(run(&g, 1, &err) == 0, "%s", err.msg);
	ck_assert_uint_le(g.contenders[0].samples[0].answered, 20);
	ck_assert_uint_ge(g.contenders[0].samples[0].answered, 19);
}
END_TEST

enum how { BAD_BYTE, BAD_EOF, BAD_SILENT, BAD_TWICE };

struct bad {
	int fd;
	enum how how;
};

/* Answers 10 requests well, then badly. */
static void bad_server(void *arg)
{
	const struct bad *b = arg;
	char buf[65536];

	for (int i = 0;; i++) {
		ssize_t n = read(b->fd, buf, sizeof(buf));

		if (n <= 0 || (i >= 10 && b->how == BAD_EOF)) {
			return;
		}
		if (i >= 10 && b->how == BAD_SILENT) {
			for (;;) {
				pause();
			}
		}
		if (i >= 10 && b->how == BAD_BYTE) {
			buf[n / 2] ^= 1;
		}
		for (int k = 0; k < (i >= 10 && b->how == BAD_TWICE ? 2 : 1); k++) {
			if (fd_write_all(b->fd, buf, (size_t)n) < 0) {
				return;
			}
		}
	}
}

/* Runs one slice against a bad server; returns what generator_run() does. */
static int run_bad(enum how how, const struct bench_load *load, struct rv_err *err)
{
	struct script_shape shape = {.form = SCRIPT_LINE, .size = 64, .in_flight = load->window};
	struct rig s = {0};
	struct slice slice = {.load = load, .target = &s.target};
	struct bad bad = {.how = how};
	int fd[2], r;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	bad.fd = fd[1];
	ck_assert_int_eq(rig_links(&s, load, BENCH_STREAM, 64, err), 0);
	s.target.links[0].rx = s.target.links[0].tx = fd[0];
	ck_assert_int_eq(script_init(&s.target.links[0].script, &shape), 0);
	ck_assert_int_eq(link_set_blocking(&s.target.links[0], load->window == 1), 0);
	ck_assert_int_eq(proc_fork(&s.server, bad_server, &bad), 0);
	fd_close(fd[1]);
	r = generator_run(&slice, 10 * SLICE_NS, err);
	ck_assert_uint_le(slice.requests, slice.answered);
	rig_close(&s);
	return r;
}

START_TEST(bad_servers_end_the_run)
{
	static const struct {
		enum how how;
		int err;
		const char *text;
	} cases[] = {
		{BAD_BYTE, -EBADMSG, "wrong reply to request 10"},
		{BAD_EOF, -ECONNRESET, "the server closed the connection"},
		{BAD_SILENT, -ETIMEDOUT, "no reply any more"},
		{BAD_TWICE, -EBADMSG, ""},
	};
	struct rv_err err = {""};
	int i = _i % 4;

	/* One in flight blocks in read(), many wait in poll(). */
	ck_assert_int_eq(run_bad(cases[i].how, &loads[_i / 4 ? 1 : 0], &err), cases[i].err);
	if (_i < 4) {
		ck_assert_msg(strstr(err.msg, cases[i].text), "%s", err.msg);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench/generator");
	TCase *t = tcase_create("generator");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, floors_answer_every_load, 0, (int)ARRAY_SIZE(loads));
	tcase_add_loop_test(t, references_answer, 0, 5);
	tcase_add_test(t, a_connection_per_request);
	tcase_add_test(t, stop_ends_between_slices);
	tcase_add_test(t, the_rate_is_kept);
	tcase_add_loop_test(t, bad_servers_end_the_run, 0, 8);
	suite_add_tcase(s, t);
	return runner_run(s);
}
