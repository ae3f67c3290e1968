/* Reply queues of clients that have died go, and nobody else's. */
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/runner.h"
#include "librevc/orphans.h"
#include "util/fd.h"

static char dir[] = "/tmp/revd-orphans-XXXXXX", path[64], name[3][64];

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/list", dir);
	for (int i = 0; i < 3; i++) {
		snprintf(name[i], sizeof(name[i]), "/revd-orphans-%d-%d", (int)getpid(), i);
	}
}

static void teardown(void)
{
	for (int i = 0; i < 3; i++) {
		mq_unlink(name[i]);
	}
	unlink(path);
	rmdir(dir);
}

static bool is_there(const char *queue)
{
	CLEANUP_FD int q = mq_open(queue, O_RDONLY);

	return q >= 0;
}

/* As a client does it. */
static int begin(const char *queue)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 64};
	CLEANUP_FD int list = orphans_open(path);
	int q;

	ck_assert_int_ge(list, 0);
	orphans_remove(list);
	orphans_note(list, queue);
	q = mq_open(queue, O_RDONLY | O_CREAT | O_EXCL, 0622, &attr);
	ck_assert_int_ge(q, 0);
	ck_assert(orphans_lock(q));
	return q;
}

static void clean(void)
{
	CLEANUP_FD int list = orphans_open(path);

	orphans_remove(list);
}

static void note(const char *queue)
{
	CLEANUP_FD int list = orphans_open(path);

	orphans_note(list, queue);
}

static size_t list_size(void)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return (size_t)st.st_size;
}

START_TEST(the_dead_go_and_the_living_stay)
{
	int dead = begin(name[0]), living = begin(name[1]), next;

	close(dead); /* as the kernel does it */
	ck_assert(is_there(name[0]));
	next = begin(name[2]);
	ck_assert(!is_there(name[0]) && is_there(name[1]) && is_there(name[2]));
	close(living);
	close(next);
	clean();
	ck_assert(!is_there(name[1]) && !is_there(name[2]));
	ck_assert_uint_eq(list_size(), 0);
}
END_TEST

/* Those that were unlinked, or noted and never made, leave the list. */
START_TEST(the_list_does_not_grow)
{
	for (int i = 0; i < 20; i++) {
		close(begin(name[0]));
		mq_unlink(name[0]);
	}
	note(name[1]);
	ck_assert_uint_gt(list_size(), 0);
	close(begin(name[2]));
	ck_assert_uint_eq(list_size(), strlen(name[2]) + 1);
}
END_TEST

/* What a list may not be: a link, a directory, a FIFO; without one nothing is removed. */
START_TEST(what_is_no_list)
{
	char other[80];

	snprintf(other, sizeof(other), "%s/other", dir);
	ck_assert_int_eq(symlink(path, other), 0);
	ck_assert_int_eq(orphans_open(other), -1);
	ck_assert_int_eq(unlink(other), 0);
	ck_assert_int_eq(orphans_open(dir), -1);
	ck_assert_int_eq(mkfifo(other, 0600), 0);
	ck_assert_int_eq(orphans_open(other), -1);
	ck_assert_int_eq(unlink(other), 0);
	orphans_remove(-1);
	orphans_note(-1, name[0]);
}
END_TEST

/* A client that is stopped while it has the list holds nobody up. */
START_TEST(a_list_that_is_kept)
{
	CLEANUP_FD int kept = orphans_open(path);

	ck_assert_int_ge(kept, 0);
	ck_assert_int_eq(orphans_open(path), -1);
}
END_TEST

/* Without a path it is one of this user's, that others can't read. */
START_TEST(the_usual_list)
{
	CLEANUP_FD int list = orphans_open(NULL);
	struct stat st;

	ck_assert_int_ge(list, 0);
	ck_assert_int_eq(fstat(list, &st), 0);
	ck_assert_uint_eq(st.st_uid, geteuid());
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("librevc/orphans");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_dead_go_and_the_living_stay);
	tcase_add_test(t, the_list_does_not_grow);
	tcase_add_test(t, what_is_no_list);
	tcase_add_test(t, a_list_that_is_kept);
	tcase_add_test(t, the_usual_list);
	suite_add_tcase(s, t);
	return runner_run(s);
}
