/* Names of clients that have died go, and nobody else's. Locks are the same on queues
 * and on the plain files that stand for them here. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/runner.h"
#include "librevc/orphans.h"
#include "util/fd.h"

static char dir[] = "/tmp/revd-orphans-XXXXXX";

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void path_of(const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s/%s", dir, name);
}

static int make(const char *name)
{
	char path[200];
	int fd;

	path_of(name, path, sizeof(path));
	fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0622);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static bool is_there(const char *name)
{
	char path[200];

	path_of(name, path, sizeof(path));
	return access(path, F_OK) == 0;
}

static void take_away(const char *name)
{
	char path[200];

	path_of(name, path, sizeof(path));
	ck_assert_int_eq(unlink(path), 0);
}

START_TEST(the_dead_go_and_the_living_stay)
{
	int dead = make("revd.live-dead"), living = make("revd.live-living");

	ck_assert(orphans_lock(dead));
	close(dead); /* as the kernel does when the client dies */
	ck_assert(orphans_lock(living));
	orphans_remove(dir, "/revd");
	ck_assert(!is_there("revd.live-dead"));
	ck_assert(is_there("revd.live-living"));
	close(living);
	orphans_remove(dir, "/revd");
	ck_assert(!is_there("revd.live-living"));
	rmdir(dir);
}
END_TEST

START_TEST(others_stay)
{
	static const char *const names[] = {"revd", "revd.out", "revd.token", "revdx.live-a",
		"revd.x.live-a", "other.live-a", "live-a"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		close(make(names[i]));
	}
	orphans_remove(dir, "/revd");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ck_assert_msg(is_there(names[i]), "%s", names[i]);
		take_away(names[i]);
	}
	rmdir(dir);
}
END_TEST

/* Between making its name and locking it a client may be taken for dead: it notices. */
START_TEST(who_is_taken_for_dead_notices)
{
	int fd = make("revd.live-new");

	orphans_remove(dir, "/revd");
	ck_assert(!is_there("revd.live-new"));
	ck_assert(!orphans_lock(fd));
	close(fd);
	rmdir(dir);
}
END_TEST

START_TEST(nothing_to_list)
{
	orphans_remove("/nonexistent/revd", "/revd");
	rmdir(dir);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("librevc/orphans");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, the_dead_go_and_the_living_stay);
	tcase_add_test(t, others_stay);
	tcase_add_test(t, who_is_taken_for_dead_notices);
	tcase_add_test(t, nothing_to_list);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return runner_run(make_suite());
}
