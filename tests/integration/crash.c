/*
 * A daemon that is killed: connections go on in the next one if they had nothing unfinished, and
 * end if they had. Never is there a wrong answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "common/client.h"
#include "common/manager.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/macro.h"
#include "util/num.h"

struct crash {
	struct rig rig;
	struct manager manager;
};

#define CONF(global)                                                            \
	global "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n" \
	       "[endpoint.seqpacket]\ntransport = uds\ntype = seqpacket\n"      \
	       "path = @DIR@/seqpacket.sock\n"

static const char rig_fifo[] = "[endpoint.fifo]\ntransport = fifo\npath = @DIR@/fifo\n";

static void begin(struct crash *c, const char *conf)
{
	rig_init(&c->rig);
	rig_write(&c->rig, "revd.conf", conf);
	manager_init(&c->manager, &c->rig);
	manager_launch(&c->manager, &c->rig);
}

static void restart(struct crash *c, int sig)
{
	manager_kill(&c->manager, &c->rig, sig);
	manager_launch(&c->manager, &c->rig);
}

static void end(struct crash *c)
{
	rig_stop(&c->rig);
	manager_read(&c->manager);
	ck_assert_msg(c->manager.n == 0, "%s is left with the manager", c->manager.kept[0].name);
	manager_finish(&c->manager);
	rig_finish(&c->rig);
}

static const char *const workers[] = {CONF(""), CONF("[revd]\nworkers = 3\n")};

START_TEST(idle_ones_go_on)
{
	static const int signals[] = {SIGKILL, SIGSEGV, SIGKILL};
	struct client clients[12];
	struct crash c;

	begin(&c, workers[_i]);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		client_open(&clients[i], &c.rig, i % 2 ? SEQPACKET : STREAM);
		client_expect_call(&clients[i], i, "uno", "onu");
	}
	for (size_t k = 0; k < ARRAY_SIZE(signals); k++) {
		manager_wait_settled(&c.manager, &c.rig, ARRAY_SIZE(clients));
		restart(&c, signals[k]);
		for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
			client_expect_call(&clients[i], 100 + i, "dos", "sod");
			client_expect_text(&clients[i], "tres", "sert");
		}
	}
	ck_assert(rig_log_has(&c.rig, "12 of its connections go on, 0 end"));
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		client_close(&clients[i]);
	}
	end(&c);
}
END_TEST

/* What was read of it is lost with the process: it must not go on in the middle of a line. */
START_TEST(half_a_line_ends)
{
	struct client half, idle;
	struct crash c;

	begin(&c, CONF(""));
	client_open(&idle, &c.rig, STREAM);
	client_open(&half, &c.rig, STREAM);
	client_expect_text(&idle, "uno", "onu");
	client_expect_text(&half, "uno", "onu");
	manager_wait_settled(&c.manager, &c.rig, 2);
	client_send(&half, "abc", 3);
	manager_wait_settled(&c.manager, &c.rig, 1);
	restart(&c, SIGKILL);
	client_expect_eof(&half);
	client_expect_text(&idle, "dos", "sod");
	client_close(&half);
	client_close(&idle);
	end(&c);
}
END_TEST

/* Once the line is whole and answered nothing is unfinished. */
START_TEST(whole_line_after_half_of_it)
{
	struct client client;
	struct crash c;

	begin(&c, CONF(""));
	client_open(&client, &c.rig, STREAM);
	client_expect_text(&client, "uno", "onu");
	manager_wait_settled(&c.manager, &c.rig, 1);
	client_send(&client, "abc", 3);
	manager_wait_settled(&c.manager, &c.rig, 0);
	client_expect_text(&client, "def", "fedcba");
	manager_wait_settled(&c.manager, &c.rig, 1);
	restart(&c, SIGKILL);
	client_expect_text(&client, "dos", "sod");
	client_close(&client);
	end(&c);
}
END_TEST

/* One that had something unfinished when the bag was made gets into it later. */
START_TEST(kept_once_it_is_settled)
{
	struct client half, idle;
	struct crash c;

	begin(&c, CONF(""));
	client_open(&half, &c.rig, STREAM);
	client_send(&half, "abc", 3);
	client_open(&idle, &c.rig, STREAM);
	client_expect_text(&idle, "uno", "onu");
	manager_wait_settled(&c.manager, &c.rig, 1);
	client_expect_text(&half, "def", "fedcba");
	manager_wait_settled(&c.manager, &c.rig, 2);
	restart(&c, SIGKILL);
	client_expect_text(&half, "dos", "sod");
	client_close(&half);
	client_close(&idle);
	end(&c);
}
END_TEST

/* What the daemon has not read waits in the socket. */
START_TEST(unread_request_is_answered)
{
	struct client client;
	struct crash c;

	begin(&c, CONF(""));
	client_open(&client, &c.rig, STREAM);
	client_expect_text(&client, "uno", "onu");
	manager_wait_settled(&c.manager, &c.rig, 1);
	manager_kill(&c.manager, &c.rig, SIGKILL);
	client_send(&client, "dos\ntr", 6);
	manager_launch(&c.manager, &c.rig);
	client_send(&client, "es\n", 3);
	client_expect_line(&client, "", 0, "sod\n", 4);
	client_expect_line(&client, "", 0, "sert\n", 5);
	client_close(&client);
	end(&c);
}
END_TEST

/* A copy of its descriptor is kept, but its client sees the end at once. */
START_TEST(end_is_seen_while_it_is_kept)
{
	struct client client;
	struct crash c;

	begin(&c, CONF(""));
	client_open(&client, &c.rig, STREAM);
	client_expect_text(&client, "uno", "onu");
	manager_wait_settled(&c.manager, &c.rig, 1);
	client_half_close(&client);
	client_expect_eof(&client);
	manager_wait_settled(&c.manager, &c.rig, 0);
	client_close(&client);
	restart(&c, SIGKILL);
	end(&c);
}
END_TEST

START_TEST(bag_of_ended_ones_is_replaced)
{
	struct client first, clients[100];
	struct crash c;
	char name[96];

	begin(&c, CONF(""));
	client_open(&first, &c.rig, STREAM);
	client_expect_text(&first, "uno", "onu");
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		client_open(&clients[i], &c.rig, STREAM);
		client_expect_text(&clients[i], "uno", "onu");
	}
	manager_wait_settled(&c.manager, &c.rig, 101);
	snprintf(name, sizeof name, "%s", c.manager.kept[0].name);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		client_close(&clients[i]);
	}
	for (uint64_t until = wait_until(WAIT_MS);
		c.manager.n == 0 || strcmp(c.manager.kept[0].name, name) == 0;) {
		ck_assert(wait_fd(c.manager.sock, POLLIN, until));
		manager_read(&c.manager);
	}
	manager_wait_settled(&c.manager, &c.rig, 1);
	ck_assert_uint_eq(c.manager.n, 2);
	restart(&c, SIGKILL);
	client_expect_text(&first, "dos", "sod");
	client_close(&first);
	end(&c);
}
END_TEST

/* What is left of a line is not taken for one, and nobody but its writer misses an answer. */
START_TEST(line_of_a_fifo)
{
	struct client client;
	struct reply reply;
	char path[RIG_PATH];
	struct crash c;
	int held; /* as the service manager does */

	begin(&c, rig_fifo);
	held = open(rig_path(&c.rig, "fifo", path), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(held, 0);
	client_open(&client, &c.rig, FIFO);
	client_expect_text(&client, "uno", "onu");
	manager_wait_settled(&c.manager, &c.rig, 1);
	if (_i) {
		client_send(&client, "abc", 3);
		manager_wait_settled(&c.manager, &c.rig, 0);
	}
	manager_kill(&c.manager, &c.rig, SIGKILL);
	client_send(&client, _i ? "def\ndos\n" : "dos\n", _i ? 8 : 4);
	manager_launch(&c.manager, &c.rig);
	client_recv_line(&client, &reply);
	ck_assert_uint_eq(reply.n, 4);
	ck_assert_int_eq(memcmp(reply.data, "sod\n", 4), 0);
	close(held);
	client_close(&client);
	end(&c);
}
END_TEST

/* Whoever hands over himself keeps nothing in bags. */
START_TEST(handover_is_no_crash)
{
	struct client client;
	struct crash c;

	begin(&c, CONF(""));
	client_open(&client, &c.rig, STREAM);
	client_expect_text(&client, "uno", "onu");
	manager_wait_settled(&c.manager, &c.rig, 1);
	client_send(&client, "abc", 3);
	manager_wait_settled(&c.manager, &c.rig, 0);
	rig_signal(&c.rig, SIGQUIT);
	for (uint64_t until = wait_until(WAIT_MS);
		c.manager.n != 2 || strcmp(c.manager.kept[0].name, "revd-state") != 0;) {
		ck_assert(wait_fd(c.manager.sock, POLLIN, until));
		manager_read(&c.manager);
	}
	ck_assert_int_eq(rig_wait_exit(&c.rig), 0);
	manager_launch(&c.manager, &c.rig);
	client_expect_text(&client, "def", "fedcba");
	client_close(&client);
	end(&c);
}
END_TEST

START_TEST(manager_that_keeps_nothing)
{
	struct client first, second;
	struct crash c;

	begin(&c, CONF(""));
	c.manager.refuses = true;
	client_open(&first, &c.rig, STREAM);
	client_expect_text(&first, "uno", "onu");
	for (uint64_t until = wait_until(WAIT_MS);
		!rig_log_has(&c.rig, "connections are not kept for the case of a crash");) {
		ck_assert_int_gt(wait_left(until), 0);
		client_open(&second, &c.rig, STREAM);
		client_expect_text(&second, "uno", "onu");
		(void)wait_fd(c.manager.sock, POLLIN, wait_until(50));
		manager_read(&c.manager);
		client_expect_text(&first, "uno", "onu");
		client_close(&second);
		client_open(&second, &c.rig, STREAM);
		client_expect_text(&second, "uno", "onu");
		(void)wait_fd(c.manager.sock, POLLIN, wait_until(300));
		client_close(&second);
	}
	client_close(&first);
	end(&c);
}
END_TEST

/* At random moments. */

#define LINES 8      /* clients */
#define DEPTH 6      /* requests on their way */
#define PADDING 4000 /* in front of each number, to be served a while */
#define TEXT_SIZE (PADDING + 32)

struct line_client {
	int fd;
	unsigned sent, got; /* requests and replies, which are numbers */
	char buf[PADDING * 2];
	size_t n;
};

static void line_connect(struct line_client *l, const struct rig *rig)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	*l = (struct line_client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s/stream.sock", rig->dir);
	ck_assert_int_eq(connect(l->fd, (struct sockaddr *)&sa, sizeof sa), 0);
}

/* A request: what stands in front, and a number. */
static size_t line_text(char buf[TEXT_SIZE], unsigned number)
{
	memset(buf, 'x', PADDING);
	return PADDING +
	       (size_t)snprintf(buf + PADDING, TEXT_SIZE - PADDING, "%u", 1000000u + number);
}

/* In two pieces now and then, so that a line may be half read. False: it has ended. */
static bool line_send(struct line_client *l, unsigned *seed)
{
	char text[TEXT_SIZE];
	size_t n = line_text(text, l->sent);
	size_t k;

	text[n++] = '\n';
	k = rand_r(seed) % 3 == 0 ? 1 + (size_t)rand_r(seed) % (n - 1) : n;
	if (send(l->fd, text, k, MSG_NOSIGNAL) == (ssize_t)k &&
		(k == n || send(l->fd, text + k, n - k, MSG_NOSIGNAL) == (ssize_t)(n - k))) {
		l->sent++;
		return true;
	}
	return false;
}

/* The replies in the buffer: each is the next one's. */
static void line_check(struct line_client *l)
{
	char *lf;

	while ((lf = memchr(l->buf, '\n', l->n))) {
		char want[TEXT_SIZE], reversed[TEXT_SIZE];
		size_t k = line_text(want, l->got);

		for (size_t i = 0; i < k; i++) {
			reversed[i] = want[k - 1 - i];
		}
		reversed[k] = '\0';
		*lf = '\0';
		ck_assert_str_eq(l->buf, reversed);
		ck_assert_uint_lt(l->got, l->sent + 1);
		l->got++;
		l->n -= (size_t)(lf + 1 - l->buf);
		memmove(l->buf, lf + 1, l->n);
	}
}

/* All replies, or the end: true if it has ended. */
static bool line_finish(struct line_client *l)
{
	uint64_t until = wait_until(WAIT_MS);

	while (l->got < l->sent) {
		ssize_t k;

		ck_assert_msg(wait_fd(l->fd, POLLIN, until), "neither an answer nor the end");
		k = recv(l->fd, l->buf + l->n, sizeof l->buf - l->n, 0);
		if (k <= 0) {
			ck_assert(k == 0 || errno == ECONNRESET);
			return true;
		}
		l->n += (size_t)k;
		line_check(l);
	}
	return false;
}

static void burn(unsigned us)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000000 + (now.tv_nsec - begin.tv_nsec) / 1000 <
		 (long)us);
}

static unsigned n_rounds(void)
{
	const char *s = getenv("REVD_TEST_CRASHES");
	uint64_t n = 15;

	ck_assert_msg(!s || num_parse_uint(s, &n) == 0, "REVD_TEST_CRASHES=%s is no number", s);
	return (unsigned)n;
}

START_TEST(random_moments)
{
	struct line_client lines[LINES];
	unsigned seed = 12345u + (unsigned)_i, ended = 0;
	struct crash c;

	begin(&c, workers[_i]);
	for (size_t i = 0; i < LINES; i++) {
		line_connect(&lines[i], &c.rig);
	}
	for (unsigned round = 0; round < n_rounds(); round++) {
		unsigned stop = 1 + (unsigned)rand_r(&seed) % (LINES * DEPTH);

		manager_wait_settled(&c.manager, &c.rig, LINES);
		for (unsigned k = 0; k < stop; k++) {
			struct line_client *l = &lines[(unsigned)rand_r(&seed) % LINES];

			if (l->sent - l->got < DEPTH) {
				ck_assert(line_send(l, &seed));
			}
		}
		burn((unsigned)rand_r(&seed) % 30);
		restart(&c, SIGKILL);
		for (size_t i = 0; i < LINES; i++) {
			struct line_client *l = &lines[i];

			/* it may have ended with all of its replies sent */
			if (line_finish(l) || !line_send(l, &seed) || line_finish(l)) {
				ended++;
				close(l->fd);
				line_connect(l, &c.rig);
				ck_assert(line_send(l, &seed));
				ck_assert(!line_finish(l));
			}
		}
	}
	ck_assert_msg(ended < n_rounds() * LINES / 2, "%u connections ended", ended);
	for (size_t i = 0; i < LINES; i++) {
		close(lines[i].fd);
	}
	end(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("crash");
	TCase *t = stage_tcase("crash"), *moments = stage_tcase("moments");

	tcase_add_loop_test(t, idle_ones_go_on, 0, (int)ARRAY_SIZE(workers));
	tcase_add_test(t, half_a_line_ends);
	tcase_add_test(t, whole_line_after_half_of_it);
	tcase_add_test(t, kept_once_it_is_settled);
	tcase_add_test(t, unread_request_is_answered);
	tcase_add_test(t, end_is_seen_while_it_is_kept);
	tcase_add_test(t, bag_of_ended_ones_is_replaced);
	tcase_add_loop_test(t, line_of_a_fifo, 0, 2);
	tcase_add_test(t, handover_is_no_crash);
	tcase_add_test(t, manager_that_keeps_nothing);
	tcase_add_loop_test(moments, random_moments, 0, (int)ARRAY_SIZE(workers));
	suite_add_tcase(s, t);
	suite_add_tcase(s, moments);
	return stage_run(s);
}
