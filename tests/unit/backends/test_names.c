#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <revd/base/names.h>
#include "common/runner.h"
#include "fake.h"
#include "place.h"

static struct rv_err err;
static struct rv_names_lock lock;

static void setup(void)
{
	place_enter();
	lock = (struct rv_names_lock){.fd = -1};
}

static void teardown(void)
{
	rv_names_unlock(&lock);
	place_leave();
}

START_TEST(test_a_lock_comes_and_goes)
{
	ck_assert_int_eq(rv_names_lock(place_path("x"), &lock, &err), 0);
	ck_assert(!lock.leftover);
	ck_assert(place_has("x.lock"));
	ck_assert_uint_eq(place_mode("x.lock"), 0600);
	rv_names_unlock(&lock);
	ck_assert(!place_has("x.lock"));
	ck_assert_int_eq(rv_names_lock(place_path("x"), &lock, &err), 0);
	ck_assert(!lock.leftover);
}
END_TEST

START_TEST(test_a_lock_is_held_once)
{
	struct rv_names_lock second;

	ck_assert_int_eq(rv_names_lock(place_path("x"), &lock, &err), 0);
	ck_assert_int_eq(rv_names_lock(place_path("x"), &second, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "another revd"));
}
END_TEST

START_TEST(test_a_killed_holder_leaves_a_leftover)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (rv_names_lock(place_path("x"), &lock, &err) < 0) {
			_exit(1);
		}
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(rv_names_lock(place_path("x"), &lock, &err), 0);
	ck_assert(lock.leftover);
}
END_TEST

START_TEST(test_what_is_no_lock_is_left_alone)
{
	place_write("victim", "precious");
	ck_assert_int_eq(symlink("victim", "a.lock"), 0);
	ck_assert_int_lt(rv_names_lock(place_path("a"), &lock, &err), 0);
	ck_assert_int_eq(mkfifo("b.lock", 0600), 0);
	ck_assert_int_eq(rv_names_lock(place_path("b"), &lock, &err), -EEXIST);
	ck_assert_int_eq(mkdir("c.lock", 0700), 0);
	ck_assert_int_lt(rv_names_lock(place_path("c"), &lock, &err), 0);
	ck_assert_int_lt(rv_names_lock(place_path("no/such/d"), &lock, &err), 0);
	ck_assert(place_holds("victim", "precious"));
	ck_assert(place_has("a.lock") && place_has("b.lock") && place_has("c.lock"));
}
END_TEST

START_TEST(test_a_lock_of_somebody_else)
{
	place_write("x.lock", "");
	if (geteuid() == 0) {
		ck_assert_int_eq(chown("x.lock", 65534, (gid_t)-1), 0);
		ck_assert_int_eq(rv_names_lock(place_path("x"), &lock, &err), -EEXIST);
		ck_assert_ptr_nonnull(strstr(err.msg, "x.lock"));
	} else { /* ours, though no revd made it: an empty file is a lock */
		ck_assert_int_eq(rv_names_lock(place_path("x"), &lock, &err), 0);
	}
}
END_TEST

START_TEST(test_unlink_only_what_it_was)
{
	struct rv_names_id id, none = {0};

	place_write("x", "1");
	id = rv_names_id_path("x");
	place_write("y", "2");
	ck_assert_int_eq(rename("y", "x"), 0);
	ck_assert(!rv_names_unlink("x", &id));
	ck_assert(place_holds("x", "2"));
	ck_assert(!rv_names_unlink("x", &none));
	id = rv_names_id_path("x");
	ck_assert(rv_names_unlink("x", &id));
	ck_assert(!place_has("x"));
	ck_assert_uint_eq(id.ino, 0);
	ck_assert(!rv_names_unlink("x", &id));
}
END_TEST

/* Gone, another's, and gone with its directory. */
START_TEST(test_lost)
{
	struct rv_names_id id, none = {0};

	ck_assert_int_eq(mkdir("d", 0700), 0);
	place_write("d/a", "ours");
	id = rv_names_id_path("d/a");
	ck_assert_int_eq(rv_names_lost("d/a", id, &err), 0);
	place_write("d/b", "theirs");
	ck_assert_int_eq(rename("d/b", "d/a"), 0);
	ck_assert_int_eq(rv_names_lost("d/a", id, &err), -EEXIST);
	ck_assert_ptr_nonnull(strstr(err.msg, "another's"));
	ck_assert_int_eq(rv_names_lost("d/a", none, &err), 0);
	ck_assert_int_eq(unlink("d/a"), 0);
	ck_assert_int_eq(rv_names_lost("d/a", id, &err), -ESTALE);
	ck_assert_int_eq(rmdir("d"), 0);
	ck_assert_int_eq(rv_names_lost("d/a", id, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "the name is gone, and its directory: "));
}
END_TEST

START_TEST(test_fifo_mode_is_exact)
{
	struct rv_endpoint_info info = fake_info();
	int fd;

	umask(0077);
	ck_assert_int_eq(rv_names_fifo("x", 0622, false, &info, &fd, &err), 0);
	ck_assert_uint_eq(place_mode("x"), 0622);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK);
	close(fd);
}
END_TEST

START_TEST(test_owner_and_group)
{
	struct rv_endpoint_info info = fake_info();
	struct stat st;
	int fd;

	info.owner = geteuid() == 0 ? 12345 : geteuid();
	info.group = geteuid() == 0 ? 23456 : getegid();
	ck_assert_int_eq(rv_names_fifo("x", 0620, false, &info, &fd, &err), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_uid, info.owner);
	ck_assert_uint_eq(st.st_gid, info.group);
	ck_assert_uint_eq(st.st_mode & 07777, 0620);
	close(fd);

	if (geteuid() != 0) { /* and a refusal leaves nothing behind */
		info.owner = 0;
		ck_assert_int_eq(rv_names_fifo("y", 0620, false, &info, &fd, &err), -EPERM);
		ck_assert(!place_has("y"));
	}
}
END_TEST

START_TEST(test_a_name_that_exists)
{
	struct rv_endpoint_info info = fake_info();
	int fd = -1;

	place_write("file", "precious");
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_int_eq(mkdir("dir", 0700), 0);
	ck_assert_int_eq(symlink("fifo", "link"), 0);
	ck_assert_int_eq(mkfifo("two", 0600), 0);
	ck_assert_int_eq(link("two", "names"), 0);
	ck_assert_int_eq(rv_names_fifo("file", 0620, true, &info, &fd, &err), -EEXIST);
	ck_assert_int_eq(rv_names_fifo("fifo", 0620, false, &info, &fd, &err), -EEXIST);
	ck_assert_int_lt(rv_names_fifo("dir", 0620, true, &info, &fd, &err), 0);
	ck_assert_int_eq(rv_names_fifo("link", 0620, true, &info, &fd, &err), -ELOOP);
	ck_assert_int_eq(rv_names_fifo("two", 0620, true, &info, &fd, &err), -EEXIST);
	ck_assert_int_eq(fd, -1);
	ck_assert_uint_eq(place_mode("fifo"), 0600);
	ck_assert(place_holds("file", "precious"));
	ck_assert_uint_eq(place_mode("file") & 0022, 0);

	ck_assert_int_eq(rv_names_fifo("fifo", 0620, true, &info, &fd, &err), 0);
	ck_assert_uint_eq(place_mode("fifo"), 0620);
	close(fd);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown("fifo", 65534, (gid_t)-1), 0);
		ck_assert_int_eq(rv_names_fifo("fifo", 0620, true, &info, &fd, &err), -EEXIST);
		ck_assert_ptr_nonnull(strstr(err.msg, "uid 65534"));
	}
}
END_TEST

START_TEST(test_directory)
{
	struct rv_endpoint_info info = fake_info();
	struct rv_names_id id;
	bool made;
	int fd;

	ck_assert_int_eq(rv_names_directory("d", 01733, &info, &fd, &made, &err), 0);
	ck_assert(made);
	ck_assert_uint_eq(place_mode("d"), 01733);
	close(fd);
	ck_assert_int_eq(rv_names_directory("d", 01733, &info, &fd, &made, &err), 0);
	ck_assert(!made);
	id = rv_names_id_fd(fd);
	ck_assert(rv_names_remove_directory("d", fd, &id));
	ck_assert(!place_has("d"));
	close(fd);

	place_write("file", "");
	ck_assert_int_eq(symlink(".", "link"), 0);
	ck_assert_int_lt(rv_names_directory("file", 01733, &info, &fd, &made, &err), 0);
	ck_assert_int_lt(rv_names_directory("link", 01733, &info, &fd, &made, &err), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(mkdir("theirs", 0777), 0);
		ck_assert_int_eq(chown("theirs", 65534, (gid_t)-1), 0);
		ck_assert_int_eq(
			rv_names_directory("theirs", 01733, &info, &fd, &made, &err), -EEXIST);
	}
}
END_TEST

/* Whoever makes many names does not keep the loop, and hides nothing behind them. */
START_TEST(test_the_dead_go_by_and_by)
{
	enum { NAMES = 100, MOST = 20, CALLS = 40 };
	int fds[NAMES], dir, dead = 0;
	char name[32];
	long at = 0;

	ck_assert_int_eq(mkdir("d", 0700), 0);
	dir = open("d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "d/live-%d", i);
		fds[i] = place_fifo(name);
		if (i % 2 == 0) {
			close(fds[i]);
		}
	}
	for (int call = 0; call < CALLS; call++) {
		rv_names_remove_unread(dir, "live-", MOST, &at);
		dead = 0;
		for (int i = 0; i < NAMES; i += 2) {
			snprintf(name, sizeof(name), "d/live-%d", i);
			dead += place_has(name);
		}
		ck_assert(call > 0 || (at != 0 && dead >= NAMES / 2 - MOST));
	}
	ck_assert_int_eq(dead, 0);
	for (int i = 1; i < NAMES; i += 2) {
		snprintf(name, sizeof(name), "d/live-%d", i);
		ck_assert(place_has(name));
		close(fds[i]);
	}
	close(dir);
}
END_TEST

START_TEST(test_directory_keeps_what_is_in_use)
{
	struct rv_endpoint_info info = fake_info();
	struct rv_names_id id;
	bool made;
	int fd, alive;

	ck_assert_int_eq(rv_names_directory("d", 01733, &info, &fd, &made, &err), 0);
	alive = place_fifo("d/alive");
	ck_assert_int_eq(mkfifo("d/dead", 0622), 0);
	id = rv_names_id_fd(fd);
	ck_assert(!rv_names_remove_directory("d", fd, &id));
	ck_assert(place_has("d/alive") && !place_has("d/dead"));

	close(alive);
	ck_assert(rv_names_remove_directory("d", fd, &id));
	ck_assert(!place_has("d"));
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backends/names");
	TCase *tc = tcase_create("names");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_a_lock_comes_and_goes);
	tcase_add_test(tc, test_a_lock_is_held_once);
	tcase_add_test(tc, test_a_killed_holder_leaves_a_leftover);
	tcase_add_test(tc, test_what_is_no_lock_is_left_alone);
	tcase_add_test(tc, test_a_lock_of_somebody_else);
	tcase_add_test(tc, test_unlink_only_what_it_was);
	tcase_add_test(tc, test_lost);
	tcase_add_test(tc, test_fifo_mode_is_exact);
	tcase_add_test(tc, test_owner_and_group);
	tcase_add_test(tc, test_a_name_that_exists);
	tcase_add_test(tc, test_directory);
	tcase_add_test(tc, test_the_dead_go_by_and_by);
	tcase_add_test(tc, test_directory_keeps_what_is_in_use);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
