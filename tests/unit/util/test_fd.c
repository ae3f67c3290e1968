/* Descriptors: owned, prepared, written to and read from in pieces. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "common/runner.h"
#include "util/fd.h"

#define MUCH (1024 * 1024) /* more than a pipe holds */

START_TEST(close_keeps_errno)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	errno = EILSEQ;
	ck_assert_int_eq(fd_close(fd), -1);
	ck_assert_int_eq(errno, EILSEQ);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	errno = EILSEQ;
	ck_assert_int_eq(fd_close(fd), -1); /* again, and close() says EBADF */
	ck_assert_int_eq(errno, EILSEQ);
	ck_assert_int_eq(fd_close(-1), -1);
	ck_assert_int_eq(errno, EILSEQ);
}
END_TEST

static int leave_scope(void)
{
	CLEANUP_FD int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd;
}

static int hand_over(void)
{
	CLEANUP_FD int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return TAKE_FD(fd);
}

START_TEST(owning_locals)
{
	int kept = hand_over();

	ck_assert_int_ne(fcntl(kept, F_GETFD), -1);
	ck_assert_int_eq(fcntl(leave_scope(), F_GETFD), -1);
	fd_close(kept);
}
END_TEST

struct sink {
	int fd;
	size_t n;
	unsigned char sum;
};

static void *drain(void *arg)
{
	struct sink *s = arg;
	unsigned char buf[5000];
	ssize_t k;

	while ((k = read(s->fd, buf, sizeof(buf))) > 0) {
		s->n += (size_t)k;
		for (ssize_t i = 0; i < k; i++) {
			s->sum = (unsigned char)(s->sum * 31 + buf[i]);
		}
	}
	return NULL;
}

/* A full non-blocking pipe is waited for; nothing is lost or doubled. */
START_TEST(write_all_waits)
{
	static unsigned char data[MUCH];
	struct sink sink = {0};
	unsigned char sum = 0;
	pthread_t thread;
	int fds[2];

	for (size_t i = 0; i < MUCH; i++) {
		data[i] = (unsigned char)(i * 7 + i / 251);
		sum = (unsigned char)(sum * 31 + data[i]);
	}
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	sink.fd = fds[0];
	ck_assert_int_eq(pthread_create(&thread, NULL, drain, &sink), 0);
	ck_assert_int_eq(fd_write_all(fds[1], data, MUCH), 0);
	close(fds[1]);
	pthread_join(thread, NULL);
	close(fds[0]);
	ck_assert_uint_eq(sink.n, MUCH);
	ck_assert_uint_eq(sink.sum, sum);
}
END_TEST

START_TEST(write_all_reports)
{
	CLEANUP_FD int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(full, 0);
	ck_assert_int_eq(fd_write_all(full, "x", 1), -ENOSPC);
	ck_assert_int_eq(fd_write_all(full, "", 0), 0);
	ck_assert_int_eq(fd_write_all(-1, "x", 1), -EBADF);
}
END_TEST

static const size_t sizes[] = {0, 1, 4094, 4095, 4096, 4097, 8192, 100000};

START_TEST(read_file)
{
	char path[] = "/tmp/revd-test-XXXXXX";
	CLEANUP_FD int fd = mkstemp(path);
	CLEANUP_FREE char *text = NULL, *data = malloc(sizes[_i] + 1);
	char *untouched = data;
	size_t n = 0;

	memset(data, 'a' + _i, sizes[_i]);
	data[sizes[_i]] = '\0';
	ck_assert_int_eq(fd_write_all(fd, data, sizes[_i]), 0);
	ck_assert_int_eq(fd_read_file(path, sizes[_i], &text, &n), 0);
	ck_assert_uint_eq(n, sizes[_i]);
	ck_assert_str_eq(text, data);
	if (sizes[_i] > 0) {
		ck_assert_int_eq(fd_read_file(path, sizes[_i] - 1, &untouched, &n), -EFBIG);
		ck_assert_ptr_eq(untouched, data);
	}
	unlink(path);
}
END_TEST

START_TEST(read_file_reports)
{
	char *text = NULL;
	size_t n;

	ck_assert_int_eq(fd_read_file("/nonexistent", 10, &text, &n), -ENOENT);
	ck_assert_int_eq(fd_read_file("/", 10, &text, &n), -EISDIR);
	ck_assert_int_eq(fd_read_file("/dev/zero", 100000, &text, &n), -EFBIG);
	ck_assert_ptr_null(text);
}
END_TEST

START_TEST(raise_limit)
{
	struct rlimit rl;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &rl), 0);
	ck_assert_uint_gt(rl.rlim_max, 64);
	rl.rlim_cur = 64; /* not the hard one: under valgrind that can't be changed */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &rl), 0);
	ck_assert_uint_eq(fd_raise_limit(), rl.rlim_max);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &rl), 0);
	ck_assert_uint_eq(rl.rlim_cur, rl.rlim_max);
	ck_assert_uint_eq(fd_raise_limit(), rl.rlim_max);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fd");
	TCase *t = tcase_create("fd");

	tcase_add_test(t, close_keeps_errno);
	tcase_add_test(t, owning_locals);
	tcase_add_test(t, write_all_waits);
	tcase_add_test(t, write_all_reports);
	tcase_add_loop_test(t, read_file, 0, ARRAY_SIZE(sizes));
	tcase_add_test(t, read_file_reports);
	tcase_add_test(t, raise_limit);
	suite_add_tcase(s, t);
	return runner_run(s);
}
