/* A bag: what is put in comes out on the other side, after its maker is gone. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/runner.h"
#include "util/bag.h"

struct both {
	struct bag bag;
	struct bag_marks *at;
	int ends[BAG_ENDS];
};

static void make(struct both *b, uint64_t generation)
{
	*b = (struct both){.at = bag_reserve_marks()};
	ck_assert_ptr_nonnull(b->at);
	ck_assert_int_eq(bag_create(&b->bag, generation, b->ends), 0);
	ck_assert_int_eq(bag_move_marks(&b->bag, b->at), 0);
}

static void leave(struct both *b)
{
	bag_finish(&b->bag);
	bag_release_marks(b->at);
}

static bool is_same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

START_TEST(comes_out)
{
	const int swapped = _i;
	uint8_t *buf = malloc(BAG_MESSAGE);
	struct passed_fds got;
	struct bag_in in;
	struct both b;
	int fds[PASS_FDS], one = memfd_create("one", MFD_CLOEXEC);

	make(&b, 7);
	for (size_t i = 0; i < PASS_FDS; i++) {
		fds[i] = one;
	}
	ck_assert_int_eq(bag_put(&b.bag, "much", 4, fds, PASS_FDS), 0);
	ck_assert_int_eq(bag_put(&b.bag, "none", 4, NULL, 0), 0);
	b.at->clean[3] = true;
	b.at->serving = &in;
	leave(&b);
	ck_assert_int_eq(bag_open(&in, (int[]){b.ends[swapped], b.ends[1 - swapped]}), 0);
	ck_assert_uint_eq(in.marks->generation, 7);
	ck_assert(in.marks->clean[3] && !in.marks->clean[2]);
	ck_assert_ptr_eq(in.marks->serving, &in);
	ck_assert_uint_eq(bag_next(&in, buf, &got), 4);
	ck_assert_int_eq(memcmp(buf, "much", 4), 0);
	ck_assert_uint_eq(got.n, PASS_FDS);
	for (size_t i = 0; i < got.n; i++) {
		ck_assert(is_same_file(got.fds[i], one));
		close(got.fds[i]);
	}
	ck_assert_uint_eq(bag_next(&in, buf, &got), 4);
	ck_assert_uint_eq(got.n, 0);
	ck_assert_uint_eq(bag_next(&in, buf, &got), 0);
	bag_in_finish(&in);
	close(one);
	free(buf);
}
END_TEST

/* Marks stay where they are while one bag follows the other. */
START_TEST(marks_of_the_next_one)
{
	struct bag next;
	struct both b;
	int ends[BAG_ENDS];

	make(&b, 1);
	b.at->clean[0] = true;
	ck_assert_int_eq(bag_create(&next, 2, ends), 0);
	ck_assert_int_eq(bag_move_marks(&next, b.at), 0);
	ck_assert_uint_eq(b.at->generation, 2);
	ck_assert(!b.at->clean[0]);
	bag_finish(&next);
	for (size_t i = 0; i < BAG_ENDS; i++) {
		close(ends[i]);
		close(b.ends[i]);
	}
	leave(&b);
}
END_TEST

START_TEST(full)
{
	uint8_t *message = calloc(1, BAG_MESSAGE);
	struct bag_in in;
	struct passed_fds got;
	struct both b;
	size_t n = 0, k = 0;
	int r;

	make(&b, 1);
	while ((r = bag_put(&b.bag, message, BAG_MESSAGE, NULL, 0)) == 0) {
		n++;
	}
	ck_assert_int_eq(r, -EAGAIN);
	ck_assert_uint_gt(n, 2);
	leave(&b);
	ck_assert_int_eq(bag_open(&in, b.ends), 0);
	while (bag_next(&in, message, &got) > 0) {
		k++;
	}
	ck_assert_uint_eq(k, n);
	bag_in_finish(&in);
	free(message);
}
END_TEST

START_TEST(nobody_keeps_it)
{
	struct both b;

	make(&b, 1);
	close(b.ends[BAG_SOCKET]);
	close(b.ends[BAG_MARKS]);
	ck_assert_int_eq(bag_put(&b.bag, "x", 1, NULL, 0), -EPIPE);
	leave(&b);
}
END_TEST

/* What somebody else has stored under the name; both descriptors are closed. */
START_TEST(no_bag)
{
	struct bag_in in;
	int ends[BAG_ENDS] = {open("/dev/null", O_RDWR | O_CLOEXEC),
		memfd_create("no", MFD_CLOEXEC | MFD_ALLOW_SEALING)};

	if (_i) {
		ck_assert_int_eq(ftruncate(ends[1], sizeof(struct bag_marks)), 0);
		ck_assert_int_eq(
			fcntl(ends[1], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	}
	ck_assert_int_eq(bag_open(&in, ends), -EBADMSG);
	ck_assert_int_eq(fcntl(ends[0], F_GETFD), -1);
	ck_assert_int_eq(fcntl(ends[1], F_GETFD), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bag");
	TCase *t = tcase_create("bag");

	tcase_add_loop_test(t, comes_out, 0, 2);
	tcase_add_test(t, marks_of_the_next_one);
	tcase_add_test(t, full);
	tcase_add_test(t, nobody_keeps_it);
	tcase_add_loop_test(t, no_bag, 0, 2);
	suite_add_tcase(s, t);
	return runner_run(s);
}
