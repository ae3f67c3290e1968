/*
 * An endpoint whose input can't be read any more: what people read about it names the
 * error, which only is so if backend and host agree about its sign.
 */
#include <errno.h>
#include <event2/event.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/stage.h"
#include "common/wait.h"
#include "host.h"
#include "util/log.h"

static bool is_armed;

/* The linker gives the real one this name. */
ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n)
{
	struct stat st;

	if (is_armed && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
		errno = EIO;
		return -1;
	}
	return __real_read(fd, p, n);
}

ssize_t __real_mq_receive(mqd_t q, char *p, size_t n, unsigned *prio);
ssize_t __wrap_mq_receive(mqd_t q, char *p, size_t n, unsigned *prio);
ssize_t __wrap_mq_receive(mqd_t q, char *p, size_t n, unsigned *prio)
{
	if (is_armed) {
		errno = EIO;
		return -1;
	}
	return __real_mq_receive(q, p, n, prio);
}

/* Standard error goes to memory. */
static int catch_log(void)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	fflush(stderr);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	log_set_level(LOG_ERR);
	return fd;
}

/* Turns the loop until the log has an answer. */
static void wait_for_log(const struct host *h, int log)
{
	uint64_t until = wait_until(WAIT_MS);
	struct stat st = {0};

	while (st.st_size == 0) {
		const struct timeval tv = {.tv_usec = 100000};

		ck_assert_msg(wait_left(until) > 0, "nothing is logged");
		event_base_loopexit(h->base, &tv);
		event_base_loop(h->base, EVLOOP_ONCE);
		ck_assert_int_eq(fstat(log, &st), 0);
	}
}

START_TEST(names_the_error)
{
	struct client c;
	struct host h;
	char said[1024] = "";
	int log;

	host_start(&h, (enum kind)_i, NULL);
	host_connect(&h, &c);
	client_expect_call(&c, 1, "grow 3", "ggg");
	log = catch_log();
	is_armed = true;
	client_send(&c, "grow 3\n", 7);
	wait_for_log(&h, log);
	is_armed = false;
	ck_assert_int_gt(pread(log, said, sizeof said - 1, 0), 0);
	ck_assert_msg(strstr(said, ": cannot read: Input/output error\n"), "%s", said);
	ck_assert_msg(strstr(said, " can't be served any more: Input/output error\n"), "%s", said);
	close(log);
	client_close(&c);
	host_finish(&h);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("failed");
	TCase *t = stage_tcase("failed");

	tcase_add_loop_test(t, names_the_error, KIND_FIFO, KIND_MQUEUE + 1);
	suite_add_tcase(s, t);
	return stage_run(s);
}
