/* The example plugin, as the daemon would load it. */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "common/runner.h"
#include "fake.h"
#include "place.h"

static void *plugin;
static struct rv_instance *f;
static struct {
	const char *path;
} cfg;
static char path[64];

static void setup(void)
{
	const struct rv_backend_ops *ops;

	plugin = dlopen(getenv("EXAMPLE_PTY"), RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(plugin != NULL, "%s", dlerror());
	ops = dlsym(plugin, REVD_BACKEND_SYM);
	ck_assert_ptr_nonnull(ops);
	place_enter();
	snprintf(path, sizeof(path), "%s", place_path("tty"));
	cfg.path = path;
	f = fake_new(ops);
}

static void teardown(void)
{
	fake_free(f);
	place_leave();
	dlclose(plugin);
}

static int open_client(void)
{
	int fd = open("tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(test_both_ways_through_one_name)
{
	struct fake_peer *p;
	char buf[64];
	int fd;

	fake_start(f, &cfg, NULL, 0);
	p = fake_find(f, RV_PEER_SHARED | RV_PEER_STREAM);
	ck_assert_ptr_nonnull(p);
	for (int i = 0; i < 2; i++) { /* the second client comes after the first has left */
		fd = open_client();
		ck_assert(isatty(fd));
		p->n_in = 0;
		ck_assert_int_eq(write(fd, "hola\n\x03\xff", 7), 7);
		FAKE_UNTIL(f, p->n_in == 7);
		ck_assert_str_eq(p->in, "hola\n\x03\xff"); /* raw: nothing is changed */
		ck_assert_uint_eq(place_read(fd, buf, sizeof(buf)), 0); /* no echo */
		ck_assert_int_eq(fake_send(f, p, "aloh\n", 5, 0), 0);
		ck_assert_int_eq(wait_fd(fd, POLLIN, wait_until(WAIT_MS)) & POLLIN, POLLIN);
		place_read(fd, buf, sizeof(buf));
		ck_assert_str_eq(buf, "aloh\n");
		close(fd);
		fake_settle(f);
	}
	ck_assert_int_eq(f->failed, 0);
}
END_TEST

START_TEST(test_a_reader_that_is_slow)
{
	char text[1000], buf[8192];
	struct fake_peer *p;
	size_t sent = 0, got = 0;
	int fd;

	fake_start(f, &cfg, NULL, 0);
	p = fake_find(f, RV_PEER_SHARED);
	fd = open_client();
	memset(text, 'x', sizeof(text));
	while (fake_send(f, p, text, sizeof(text), 0) == 0) {
		sent += sizeof(text);
		ck_assert_uint_lt(sent, 10000000);
	}
	ck_assert_uint_eq(p->n_blocked, 1);
	while (got < sent) {
		size_t n = place_read(fd, buf, sizeof(buf));

		got += n;
		if (n == 0) {
			fake_settle(f);
		}
	}
	FAKE_UNTIL(f, p->n_writable == 1);
	ck_assert_int_eq(fake_send(f, p, "again", 5, 0), 0);

	while (fake_send(f, p, text, sizeof(text), 0) == 0) {
	}
	f->ops->peer_close(f->block, p->block, RV_CLOSE_NOW);
	p = fake_find(f, RV_PEER_SHARED);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(fake_send(f, p, "y", 1, 0), 0);
	close(fd);
}
END_TEST

START_TEST(test_drain)
{
	struct fake_peer *p;
	int fd;

	fake_start(f, &cfg, NULL, 0);
	p = fake_find(f, RV_PEER_SHARED);
	fd = open_client();
	f->next = RV_READ_STOP;
	ck_assert_int_eq(write(fd, "1", 1), 1);
	FAKE_UNTIL(f, p->n_in == 1);
	f->ops->drain(f->block);
	FAKE_UNTIL(f, f->n_drained == 1);
	ck_assert_int_eq(write(fd, "after", 5), 5);
	f->ops->resume(f->block, p->block);
	fake_settle(f);
	ck_assert_uint_eq(p->n_in, 1);
	close(fd);
}
END_TEST

START_TEST(test_names)
{
	struct rv_endpoint_info info = fake_info();
	char target[64] = "";

	fake_start(f, &cfg, NULL, 0);
	ck_assert_int_gt(readlink("tty", target, sizeof(target) - 1), 0);
	ck_assert_uint_eq(place_mode(target), 0620);
	info.mode = 0600;
	ck_assert_int_eq(f->ops->reconfigure(f->endpoint, &info, &cfg, &f->err), 0);
	ck_assert_uint_eq(place_mode(target), 0600);
	fake_stop(f);
	ck_assert(!place_has("tty"));

	ck_assert_int_eq(symlink("/dev/pts/missing", "tty"), 0); /* a leftover */
	fake_start(f, &cfg, NULL, 0);
	ck_assert_int_eq(unlink("tty"), 0);
	place_write("tty", "theirs");
	fake_stop(f);
	ck_assert(place_holds("tty", "theirs"));
	ck_assert_int_eq(fake_open(f, &info, &cfg, NULL, 0), -EEXIST);
	ck_assert(place_holds("tty", "theirs"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("examples/pty");
	TCase *tc = tcase_create("pty");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_both_ways_through_one_name);
	tcase_add_test(tc, test_a_reader_that_is_slow);
	tcase_add_test(tc, test_drain);
	tcase_add_test(tc, test_names);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
