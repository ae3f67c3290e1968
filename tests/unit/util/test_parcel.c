/* Parcels: what was put in comes out; what is not whole is refused and leaves nothing open. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/runner.h"
#include "util/fd.h"
#include "util/parcel.h"

#define TEXT "what is in it"
#define HEAD (5 * sizeof(uint64_t)) /* magic, version, bytes, fds, sum */
#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static char why[PARCEL_WHY];

static size_t count_fds(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 4096; fd++) {
		n += fcntl(fd, F_GETFD) >= 0;
	}
	return n;
}

static void room_for_fds(rlim_t n)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* One with TEXT and the same descriptor n times. */
static void seal(size_t n, int fd, int ends[PARCEL_ENDS])
{
	struct parcel p = {.n_fds = 0};
	size_t lost;

	rv_pack_string(&p.data, TEXT);
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(parcel_add_fd(&p, fd), i);
	}
	ck_assert_int_eq(parcel_seal(&p, ends, &lost), 0);
	ck_assert_uint_eq(lost, 0);
	parcel_finish(&p);
}

/* Its first n bytes anew, with the one at `flip` changed (SIZE_MAX: none). */
static int forge(int from, size_t n, size_t flip, int seals)
{
	uint8_t bytes[256];
	int fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_uint_le(n, sizeof(bytes));
	ck_assert_int_eq(pread(from, bytes, n, 0), (ssize_t)n);
	if (flip < n) {
		bytes[flip] ^= 0x40;
	}
	ck_assert_int_eq(fd_write_all(fd, bytes, n), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static size_t size_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (size_t)st.st_size;
}

/* Refused with these words; the ends are closed. */
static void refuse(const int *ends, size_t n, int r, const char *words)
{
	struct parcel_in in;

	why[0] = '\0';
	ck_assert_int_eq(parcel_open(&in, ends, n, why), r);
	ck_assert_msg(strstr(why, words) != NULL, "'%s', not '%s'", why, words);
	ck_assert_ptr_null(in.map);
	ck_assert_ptr_null(in.fds);
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

static const size_t counts[] = {0, 1, 249, 250, 251, 1000};

/* All that is in it, and nothing is left open. */
static void expect_whole(const int *ends, size_t n, int file)
{
	struct parcel_in in;

	ck_assert_int_eq(parcel_open(&in, ends, PARCEL_ENDS, why), 0);
	ck_assert_str_eq(rv_unpack_string(&in.data), TEXT);
	ck_assert(rv_unpack_ok(&in.data) && in.data.left == 0);
	ck_assert_uint_eq(in.n_fds, n);
	ck_assert_uint_eq(in.missing, 0);
	for (size_t i = 0; i < n; i++) {
		ck_assert(same_file(in.fds[i], file));
		ck_assert_int_eq(fcntl(in.fds[i], F_GETFD), FD_CLOEXEC);
	}
	ck_assert_int_eq(parcel_take_fd(&in, n), -1);
	if (n > 0) {
		ck_assert_int_eq(close(parcel_take_fd(&in, n - 1)), 0);
		ck_assert_int_eq(parcel_take_fd(&in, n - 1), -1);
	}
	parcel_in_finish(&in);
}

START_TEST(whole)
{
	CLEANUP_FD int file = memfd_create("it", MFD_CLOEXEC);
	size_t n = counts[_i], before = count_fds();
	int ends[PARCEL_ENDS];

	room_for_fds(2048);
	seal(n, file, ends);
	expect_whole(ends, n, file);
	seal(n, file, ends);
	expect_whole((int[]){ends[1], ends[0]}, n, file); /* in any order */
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

START_TEST(truncated)
{
	size_t before = count_fds(), n;
	int ends[PARCEL_ENDS];

	seal(2, STDIN_FILENO, ends);
	n = size_of(ends[PARCEL_BYTES]);
	for (size_t k = 0; k < n; k++) {
		int forged[] = {forge(ends[PARCEL_BYTES], k, SIZE_MAX, SEALS)};

		refuse(forged, 1, -EBADMSG, "truncated");
	}
	close(ends[PARCEL_BYTES]);
	close(ends[PARCEL_FDS]);
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

/* What the byte at a place belongs to, and what is said where it is another. */
static const char *words_at(size_t at)
{
	static const char *const heads[] = {
		"none of a revd's", "version", "truncated", "", "checksum"};

	return at < HEAD ? heads[at / sizeof(uint64_t)] : "checksum";
}

START_TEST(damaged)
{
	size_t before = count_fds(), n;
	int ends[PARCEL_ENDS];

	seal(2, STDIN_FILENO, ends);
	n = size_of(ends[PARCEL_BYTES]);
	for (size_t k = 0; k < n; k++) {
		int forged[] = {forge(ends[PARCEL_BYTES], n, k, SEALS)};

		if (words_at(k)[0]) {
			refuse(forged, 1, -EBADMSG, words_at(k));
		} else {
			close(forged[0]); /* the number of descriptors: below */
		}
	}
	close(ends[PARCEL_BYTES]);
	close(ends[PARCEL_FDS]);
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

/* Whoever could still write into it is no one to trust. */
START_TEST(not_sealed)
{
	static const int each[] = {F_SEAL_WRITE, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL};
	size_t before = count_fds();
	int ends[PARCEL_ENDS];

	for (size_t i = 0; i < ARRAY_SIZE(each); i++) {
		seal(2, STDIN_FILENO, ends);
		refuse((int[]){forge(ends[PARCEL_BYTES], size_of(ends[PARCEL_BYTES]), SIZE_MAX,
				       SEALS & ~each[i]),
			       ends[PARCEL_FDS]},
			2, -EBADMSG, "not a sealed memfd");
		close(ends[PARCEL_BYTES]);
	}
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

START_TEST(of_something_else)
{
	size_t before = count_fds();
	int ends[PARCEL_ENDS], fds[2];

	seal(2, STDIN_FILENO, ends);
	refuse(&ends[PARCEL_FDS], 1, -EBADF, "no memfd");
	refuse((int[]){open("/etc/passwd", O_RDONLY | O_CLOEXEC)}, 1, -EBADMSG, "sealed memfd");
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	refuse(fds, 2, -EBADMSG, "sealed memfd");
	refuse(NULL, 0, -EBADF, "no memfd");
	close(ends[PARCEL_BYTES]);
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

START_TEST(of_another_user)
{
	size_t before = count_fds();
	int ends[PARCEL_ENDS];

	if (geteuid() != 0) {
		return; /* nobody else may be had */
	}
	ck_assert_int_eq(seteuid(1), 0);
	seal(2, STDIN_FILENO, ends);
	ck_assert_int_eq(seteuid(0), 0);
	refuse(ends, 2, -EPERM, "made by uid 1");
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

/* More or fewer arrive than it says; those of it are where they belong. */
static void announce(size_t sent, size_t announced)
{
	size_t before = count_fds();
	uint64_t head[HEAD / sizeof(uint64_t)];
	uint8_t body[256];
	int ends[PARCEL_ENDS], fd;
	struct parcel_in in;
	size_t n;

	seal(sent, STDIN_FILENO, ends);
	n = size_of(ends[PARCEL_BYTES]) - HEAD;
	ck_assert_int_eq(pread(ends[PARCEL_BYTES], head, HEAD, 0), (ssize_t)HEAD);
	ck_assert_int_eq(pread(ends[PARCEL_BYTES], body, n, HEAD), (ssize_t)n);
	head[3] = announced;
	fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(fd_write_all(fd, head, HEAD), 0);
	ck_assert_int_eq(fd_write_all(fd, body, n), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, SEALS), 0);
	close(ends[PARCEL_BYTES]);
	ck_assert_int_eq(parcel_open(&in, (int[]){fd, ends[PARCEL_FDS]}, 2, why), 0);
	ck_assert_uint_eq(in.n_fds, announced);
	ck_assert_uint_eq(in.missing, announced - MIN(sent, announced));
	for (size_t i = 0; i < announced; i++) {
		ck_assert_int_eq(in.fds[i] >= 0, i < sent);
	}
	parcel_in_finish(&in);
	ck_assert_uint_eq(count_fds(), before);
}

START_TEST(other_numbers)
{
	announce(5, 3);
	announce(3, 5);
	announce(300, 20);
	announce(300, 260);
	announce(0, 7);
	announce(7, 0);
}
END_TEST

START_TEST(descriptors_gone)
{
	size_t before = count_fds();
	int ends[PARCEL_ENDS];
	struct parcel_in in;

	seal(7, STDIN_FILENO, ends);
	close(ends[PARCEL_FDS]);
	ck_assert_int_eq(parcel_open(&in, ends, 1, why), 0);
	ck_assert_uint_eq(in.missing, 7);
	ck_assert_int_eq(parcel_take_fd(&in, 0), -1);
	parcel_in_finish(&in);
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

/* Where the process may have no more, those that are there keep their numbers. */
START_TEST(no_room)
{
	size_t before = count_fds(), n = 0;
	int ends[PARCEL_ENDS];
	struct parcel_in in;

	room_for_fds(2048);
	seal(600, STDIN_FILENO, ends);
	room_for_fds(300);
	ck_assert_int_eq(parcel_open(&in, ends, PARCEL_ENDS, why), 0);
	while (n < in.n_fds && in.fds[n] >= 0) {
		n++;
	}
	ck_assert_uint_gt(n, 200);
	ck_assert_uint_lt(n, 300);
	ck_assert_uint_eq(in.missing, 600 - n);
	for (; n < in.n_fds; n++) {
		ck_assert_int_eq(in.fds[n], -1);
	}
	parcel_in_finish(&in);
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("parcel");
	TCase *t = tcase_create("parcel");

	tcase_add_loop_test(t, whole, 0, ARRAY_SIZE(counts));
	tcase_add_test(t, truncated);
	tcase_add_test(t, damaged);
	tcase_add_test(t, not_sealed);
	tcase_add_test(t, of_something_else);
	tcase_add_test(t, of_another_user);
	tcase_add_test(t, other_numbers);
	tcase_add_test(t, descriptors_gone);
	tcase_add_test(t, no_room);
	suite_add_tcase(s, t);
	return runner_run(s);
}
