/*
 * Shared memory from outside: clients that write into it whatever they like, stop, or
 * die, and others who must not notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/run.h"
#include "common/scene.h"
#include "common/shm_link.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/macro.h"

#define MIB ((size_t)1 << 20)

static const char config[] = "[endpoint.shm]\ntransport = shm\npath = @DIR@/shm\nring_size = 64K\n"
			     "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n";

static struct rig rig;

static void setup(void)
{
	rig_start(&rig, config);
}

static void teardown(void)
{
	rig_finish(&rig);
}

static struct shm_link *link_open(void)
{
	char path[RIG_PATH];

	return shm_link_open(rig_path(&rig, "shm", path));
}

static void client_open_shm(struct client *c)
{
	client_open_link(c, &link_open()->link, 0);
}

/* Somebody else is served, and rightly. */
static void check_others(void)
{
	struct client c;

	client_open_shm(&c);
	client_expect_text(&c, "hola", "aloh");
	client_close(&c);
}

static void wake(const struct shm_link *l)
{
	fd_event_signal(l->map.wake);
}

/* The daemon closes the connection. */
static void expect_end(struct shm_link *l)
{
	struct pollfd p = {.fd = l->sock, .events = POLLIN};
	char bytes[64];
	ssize_t n;

	do {
		ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
		n = recv(l->sock, bytes, sizeof(bytes), 0);
	} while (n > 0);
	ck_assert(n == 0 || errno == ECONNRESET);
}

static void wait_nobody(void)
{
	uint64_t until = wait_until(WAIT_MS);

	while (client_stat(&rig, "endpoints.shm.peers") != 0) {
		ck_assert_msg(wait_left(until) > 0, "a client stays");
	}
}

START_TEST(revc_speaks_it)
{
	struct run r;

	RUN(&r, &rig, "revc", "-e", "shm:@DIR@/shm", "hola", "mundo", "");
	ck_assert_int_eq(r.status, 0);
	ck_assert_str_eq(r.out, "aloh\nodnum\n\n");
	run_free(&r);
	RUN(&r, &rig, "revc", "-e", "shm:@DIR@/shm", "--info");
	ck_assert_int_eq(r.status, 0);
	ck_assert_ptr_nonnull(strstr(r.out, "shm"));
	run_free(&r);
	RUN(&r, &rig, "revc", "-e", "shm:@DIR@/nobody", "hola");
	ck_assert_int_eq(r.status, 69);
	ck_assert_ptr_nonnull(strstr(r.err, "the socket does not exist (is revd running?)"));
	run_free(&r);
}
END_TEST

/* More than fits the rings, both ways, and one text that is larger than both. */
START_TEST(revc_sends_much)
{
	size_t lines = 200000, n = 0;
	char *text = malloc(8 * MIB);
	struct run r;

	for (size_t i = 0; i < lines; i++) {
		n += (size_t)snprintf(text + n, 8 * MIB - n, "%06zu\n", i);
	}
	memset(text + n, 'x', 900000);
	n += 900000;
	text[n++] = '\n';
	RUN_INPUT(&r, &rig, text, n, "revc", "-e", "shm:@DIR@/shm");
	ck_assert_int_eq(r.status, 0);
	ck_assert_uint_eq(r.out_n, n);
	for (size_t i = 0; i < lines; i += 999) {
		char want[8];

		for (int k = 0; k < 6; k++) {
			want[k] = text[7 * i + 5 - (size_t)k];
		}
		ck_assert_mem_eq(r.out + 7 * i, want, 6);
	}
	run_free(&r);
	free(text);
}
END_TEST

/* Whoever takes the socket for another kind, or another kind for this one, is told. */
START_TEST(wrong_kinds_of_socket)
{
	struct run r;

	RUN(&r, &rig, "revc", "-e", "uds:@DIR@/shm", "hola");
	ck_assert_int_ne(r.status, 0);
	ck_assert_ptr_nonnull(strstr(r.err, "this endpoint is shared memory"));
	run_free(&r);
	RUN(&r, &rig, "revc", "--timeout", "200ms", "-e", "shm:@DIR@/stream.sock", "hola");
	ck_assert_int_eq(r.status, 69);
	ck_assert_ptr_nonnull(strstr(r.err, "no shared memory comes from there"));
	run_free(&r);
}
END_TEST

START_TEST(the_memory_is_sealed)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fds[RV_SHM_FDS], sock = socket(AF_UNIX, SOCK_STREAM, 0);
	char path[RIG_PATH], line[128];
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(fds))];
	} control;
	struct iovec iov = {line, sizeof(line)};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf)};
	struct stat st;

	strcpy(sa.sun_path, rig_path(&rig, "shm", path));
	ck_assert_int_eq(connect(sock, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(recvmsg(sock, &m, 0), (ssize_t)strlen(RV_SHM_GREETING));
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fds));
	ck_assert_int_eq(fstat(fds[RV_SHM_MEMORY], &st), 0);
	ck_assert_int_eq(st.st_size, (off_t)rv_shm_bytes(64 << 10));
	ck_assert_int_lt(ftruncate(fds[RV_SHM_MEMORY], 0), 0);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_lt(ftruncate(fds[RV_SHM_MEMORY], 2 * st.st_size), 0);
	ck_assert_int_lt(fcntl(fds[RV_SHM_MEMORY], F_ADD_SEALS, F_SEAL_WRITE), 0);
	/* to take the pages out is allowed, and harms nobody */
	ck_assert_int_eq(fallocate(fds[RV_SHM_MEMORY], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 0, st.st_size),
		0);
	check_others();
	close(fds[RV_SHM_MEMORY]);
	close(fds[RV_SHM_WAKE]);
	close(sock);
}
END_TEST

static void back(struct shm_link *l)
{
	rv_ring_put(&l->map.requests, "hola\n", 5);
	wake(l);
	ck_assert(l->link.wait(l->link.ctx, false, WAIT_MS));
	l->map.requests.shared->written -= 1;
}

static void too_far(struct shm_link *l)
{
	l->map.requests.shared->written = l->map.size + 1;
}

static void read_too_far(struct shm_link *l)
{
	l->map.replies.shared->read = 1;
	rv_ring_put(&l->map.requests, "hola\n", 5);
}

static void over_the_socket(struct shm_link *l)
{
	ck_assert_int_eq(send(l->sock, "hola\n", 5, MSG_NOSIGNAL), 5);
}

static void (*const mischiefs[])(struct shm_link *) = {
	back, too_far, read_too_far, over_the_socket};

START_TEST(mischief_ends_its_own_connection)
{
	struct shm_link *l = link_open();

	mischiefs[_i](l);
	wake(l);
	expect_end(l);
	check_others();
	l->link.close(l->link.ctx);
}
END_TEST

/* How long random_bytes() goes on: two seconds, or what REVD_TEST_SCRIBBLE says. */
static unsigned scribble_seconds(void)
{
	const char *s = getenv("REVD_TEST_SCRIBBLE");

	return s ? (unsigned)strtoul(s, NULL, 10) : 2;
}

/* Random bytes over all of it, while others are served. */
START_TEST(random_bytes)
{
	uint64_t end = clock_now() + scribble_seconds() * UINT64_C(1000000000);
	unsigned seed = 1;
	struct client other;

	client_open_shm(&other);
	while (clock_now() < end) {
		struct shm_link *l = link_open();
		uint32_t *words = l->map.memory;
		size_t n = rv_shm_bytes(l->map.size) / sizeof(*words);

		for (int i = 0; i < 3000; i++) {
			/* the positions more often than the rest */
			size_t at = rand_r(&seed) % 2 ? (size_t)rand_r(&seed) % 160
						      : (size_t)rand_r(&seed) % n;

			__atomic_store_n(&words[at],
				rand_r(&seed) % 2 ? (uint32_t)rand_r(&seed)
						  : (uint32_t)rand_r(&seed) % 70000,
				__ATOMIC_RELAXED);
			if (i % 50 == 0) {
				wake(l);
			}
		}
		client_expect_text(&other, "roma", "amor");
		l->link.close(l->link.ctx);
	}
	client_close(&other);
}
END_TEST

/* A request that is changed while it is served: what was taken out is what counts, and
 * the daemon sees each byte once. Its own reply may be anything that is valid. */
START_TEST(requests_that_change)
{
	struct shm_link *l = link_open();
	pid_t pid = fork();
	struct client c;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		for (uint8_t *p = l->map.requests.data;;
			p = p == l->map.requests.data + 60000 ? l->map.requests.data : p + 1) {
			*(volatile uint8_t *)p = 0xff;
			*(volatile uint8_t *)p = 'a';
			*(volatile uint8_t *)p = '\n';
		}
	}
	for (int i = 0; i < 2000; i++) {
		char buf[4096];

		memset(buf, 'a', sizeof(buf));
		if (rv_ring_free(&l->map.requests) < (ssize_t)sizeof(buf)) {
			break; /* what it reads is an endless frame */
		}
		rv_ring_put(&l->map.requests, buf, sizeof(buf));
		wake(l);
		while (l->link.recv(l->link.ctx, buf, sizeof(buf)) > 0) {
		}
	}
	client_open_shm(&c);
	client_expect_text(&c, "hola", "aloh");
	client_close(&c);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	l->link.close(l->link.ctx);
}
END_TEST

/* The counter of the eventfd is at its end, and to write to it waits: that is the client's
 * own misfortune. */
START_TEST(the_wake_up_is_spoilt)
{
	const uint64_t most = UINT64_MAX - 1;
	struct shm_link *l = link_open();

	ck_assert_int_eq(write(l->map.wake, &most, sizeof(most)), sizeof(most));
	ck_assert_int_eq(fcntl(l->map.wake, F_SETFL, 0), 0);
	rv_ring_put(&l->map.requests, "hola\n", 5);
	check_others();
	l->link.close(l->link.ctx);
}
END_TEST

/* Sends until the daemon takes no more. */
static size_t flood(struct shm_link *l, const char *piece)
{
	size_t sent = 0, n = strlen(piece);

	for (;;) {
		while (rv_ring_free(&l->map.requests) >= (ssize_t)n) {
			rv_ring_put(&l->map.requests, piece, n);
			sent += n;
		}
		if (rv_ring_wake_reader(&l->map.requests) != RV_RING_AWAKE) {
			wake(l);
		}
		if (!l->link.wait(l->link.ctx, true, 300)) {
			return sent;
		}
	}
}

START_TEST(replies_that_are_not_read)
{
	static const char *const pieces[] = {"\n", "a\n", "hola, que tal, mundo\n"};
	size_t before = rig_memory(&rig);
	struct shm_link *l = link_open();

	ck_assert_uint_lt(flood(l, pieces[_i]), 4 * MIB);
#ifndef __SANITIZE_ADDRESS__
	ck_assert_uint_lt(rig_memory(&rig), before + 6 * MIB);
#else
	(void)before;
#endif
	check_others();
	l->link.close(l->link.ctx);
}
END_TEST

/* What was sent before it left is served, or not: nothing of it stays. */
START_TEST(clients_that_die)
{
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			struct shm_link *l = link_open();

			for (int k = 0; k < i; k++) {
				rv_ring_put(&l->map.requests, "hola\n", 5);
			}
			wake(l);
			raise(SIGKILL);
		}
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	}
	check_others();
	wait_nobody();
}
END_TEST

START_TEST(ten_thousand_connections)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t fds = rig_fd_count(&rig);
	uint64_t until = wait_until(2 * WAIT_MS);
	char path[RIG_PATH];

	strcpy(sa.sun_path, rig_path(&rig, "shm", path));
	for (int i = 0; i < 10000; i++) {
		int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		ck_assert_int_eq(connect(sock, (struct sockaddr *)&sa, sizeof(sa)), 0);
		close(sock);
	}
	check_others();
	wait_nobody();
	while (rig_fd_count(&rig) > fds) {
		ck_assert_msg(wait_left(until) > 0, "descriptors stay");
	}
}
END_TEST

/* Whoever waits, in either way, learns of the end at once or soon. */
START_TEST(the_daemon_dies)
{
	struct shm_link *l = link_open();
	struct run r;

	rig_signal(&rig, SIGKILL);
	expect_end(l);
	l->link.close(l->link.ctx);
	(void)rig_wait_exit(&rig);
	rig_launch(&rig, NULL);
	RUN(&r, &rig, "revc", "-e", "shm:@DIR@/shm", "hola");
	ck_assert_int_eq(r.status, 0);
	run_free(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shm");
	TCase *tc = stage_tcase("shm"), *random = stage_tcase("random");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, revc_speaks_it);
	tcase_add_test(tc, revc_sends_much);
	tcase_add_test(tc, wrong_kinds_of_socket);
	tcase_add_test(tc, the_memory_is_sealed);
	tcase_add_loop_test(tc, mischief_ends_its_own_connection, 0, (int)ARRAY_SIZE(mischiefs));
	tcase_add_test(tc, requests_that_change);
	tcase_add_test(tc, the_wake_up_is_spoilt);
	tcase_add_loop_test(tc, replies_that_are_not_read, 0, 3);
	tcase_add_test(tc, clients_that_die);
	tcase_add_test(tc, ten_thousand_connections);
	tcase_add_test(tc, the_daemon_dies);
	suite_add_tcase(suite, tc);
	tcase_set_timeout(random, 60 + 2 * scribble_seconds());
	tcase_add_checked_fixture(random, setup, teardown);
	tcase_add_test(random, random_bytes);
	suite_add_tcase(suite, random);
	return stage_run(suite);
}
