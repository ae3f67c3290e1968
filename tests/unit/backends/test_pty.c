/* Terminals: one for each client, behind a name that leads to the next one. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include "common/runner.h"
#include "fake.h"
#include "place.h"
#include "pty/endpoint.h"

extern const struct rv_backend_ops pty_backend;

static struct rv_instance *f;
static struct pty_config cfg;
static char path[64];

static void setup(void)
{
	place_enter();
	snprintf(path, sizeof(path), "%s", place_path("tty"));
	cfg = (struct pty_config){.path = path, .framing = PTY_LINE};
	f = fake_new(&pty_backend);
}

static void teardown(void)
{
	fake_free(f);
	place_leave();
}

static int open_client(void)
{
	int fd = open("tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static mode_t mode_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return st.st_mode & 0777;
}

/* A client, and its peer. */
static int begin(struct fake_peer **ret)
{
	size_t n = f->n_peers;
	int fd = open_client();

	FAKE_UNTIL(f, f->n_peers == n + 1);
	*ret = f->peers;
	while ((*ret)->gone || (*ret)->n_in > 0) {
		*ret = (*ret)->next;
		ck_assert_ptr_nonnull(*ret);
	}
	return fd;
}

static void expect(int fd, const char *text)
{
	char buf[64];

	ck_assert_int_eq(wait_fd(fd, POLLIN, wait_until(WAIT_MS)) & POLLIN, POLLIN);
	place_read(fd, buf, sizeof(buf));
	ck_assert_str_eq(buf, text);
}

START_TEST(both_ways_through_one_name)
{
	struct fake_peer *p;
	char buf[64];

	fake_start(f, &cfg, NULL, 0);
	for (int i = 0; i < 3; i++) { /* one after the other */
		int fd = begin(&p);

		ck_assert(isatty(fd));
		ck_assert(p->info.flags == RV_PEER_STREAM);
		ck_assert_int_eq(write(fd, "hola\n\x03\xff", 7), 7);
		FAKE_UNTIL(f, p->n_in == 7);
		ck_assert_str_eq(p->in, "hola\n\x03\xff"); /* raw: nothing is changed */
		ck_assert_uint_eq(place_read(fd, buf, sizeof(buf)), 0); /* no echo */
		ck_assert_int_eq(fake_send(f, p, "aloh\n", 5, 0), 0);
		expect(fd, "aloh\n");
		close(fd);
		FAKE_UNTIL(f, p->n_eof == 1);
		f->ops->peer_close(f->block, p->block, RV_CLOSE_FLUSH);
		FAKE_UNTIL(f, f->n_peers == 0);
	}
	ck_assert_int_eq(f->failed, 0);
}
END_TEST

/* Each has its own: what one is answered another never sees, nor what he left unread. */
START_TEST(nobody_gets_in_between)
{
	struct fake_peer *a, *b;
	char buf[64];
	int fa, fb;

	fake_start(f, &cfg, NULL, 0);
	fa = begin(&a);
	ck_assert_int_eq(write(fa, "one", 3), 3);
	FAKE_UNTIL(f, a->n_in == 3);
	fb = begin(&b);
	ck_assert_int_eq(write(fb, "two", 3), 3);
	FAKE_UNTIL(f, b->n_in == 3);
	ck_assert_str_eq(a->in, "one");
	ck_assert_str_eq(b->in, "two");
	ck_assert_int_eq(fake_send(f, a, "for a", 5, 0), 0);
	ck_assert_uint_eq(place_read(fb, buf, sizeof(buf)), 0);
	ck_assert_uint_eq(mode_of(fa), 0); /* nobody else can open it */
	close(fa);
	FAKE_UNTIL(f, a->n_eof == 1);
	ck_assert_int_eq(fake_send(f, b, "for b", 5, 0), 0);
	expect(fb, "for b");
	close(fb);
}
END_TEST

START_TEST(chunks)
{
	struct fake_peer *p;
	int fd;

	cfg.framing = PTY_CHUNK;
	fake_start(f, &cfg, NULL, 0);
	fd = begin(&p);
	ck_assert_uint_eq(p->info.flags & RV_PEER_STREAM, 0);
	ck_assert_int_eq(write(fd, "hola", 4), 4);
	FAKE_UNTIL(f, f->n_messages == 1);
	ck_assert_uint_eq(f->messages[0].len, 4);
	ck_assert_int_eq(fake_send(f, p, "aloh", 4, 0), 0);
	expect(fd, "aloh");
	ck_assert_int_eq(write(fd, "ending", 6), 6);
	FAKE_UNTIL(f, f->n_messages == 2);
	ck_assert_int_eq(write(fd, "end", 3), 3);
	FAKE_UNTIL(f, p->n_eof == 1);
	ck_assert_uint_eq(f->n_messages, 2);
	f->ops->peer_close(f->block, p->block, RV_CLOSE_FLUSH);
	FAKE_UNTIL(f, f->n_peers == 0);
	ck_assert_int_eq(wait_fd(fd, POLLIN, wait_until(WAIT_MS)) & POLLHUP, POLLHUP);
	close(fd);
	fd = begin(&p); /* the others go on */
	close(fd);
}
END_TEST

/* Echo would make each reply the next request. */
START_TEST(modes_that_a_client_changes)
{
	struct fake_peer *p;
	struct termios t;
	int fd;

	fake_start(f, &cfg, NULL, 0);
	fd = begin(&p);
	ck_assert_int_eq(tcgetattr(fd, &t), 0);
	t.c_lflag |= ECHO | ICANON | ISIG;
	t.c_oflag |= OPOST | ONLCR;
	ck_assert_int_eq(tcsetattr(fd, TCSANOW, &t), 0);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	FAKE_UNTIL(f, p->n_in == 1);
	ck_assert_int_eq(tcgetattr(fd, &t), 0);
	ck_assert_uint_eq(t.c_lflag & (ECHO | ICANON | ISIG), 0);
	ck_assert_uint_eq(t.c_oflag & OPOST, 0);
	ck_assert_int_eq(fake_send(f, p, "y\n", 2, 0), 0);
	expect(fd, "y\n");
	fake_settle(f);
	ck_assert_uint_eq(p->n_in, 1);
	close(fd);
	fd = begin(&p); /* and the next one's is raw from the start */
	ck_assert_int_eq(tcgetattr(fd, &t), 0);
	ck_assert_uint_eq(t.c_lflag & (ECHO | ICANON | ISIG), 0);
	close(fd);
}
END_TEST

START_TEST(a_reader_that_is_slow)
{
	char text[1000], buf[8192];
	struct fake_peer *p;
	size_t sent = 0, got = 0;
	int fd;

	fake_start(f, &cfg, NULL, 0);
	fd = begin(&p);
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
	close(fd);
}
END_TEST

/* What was answered is not lost because the daemon ends. */
START_TEST(a_drain_waits_for_the_reader)
{
	struct fake_peer *p;
	int fd;

	fake_start(f, &cfg, NULL, 0);
	fd = begin(&p);
	ck_assert_int_eq(write(fd, "1\n", 2), 2);
	FAKE_UNTIL(f, p->n_in == 2);
	ck_assert_int_eq(fake_send(f, p, "one\n", 4, 0), 0);
	f->ops->drain(f->block);
	ck_assert(!place_has("tty"));
	FAKE_UNTIL(f, p->n_eof == 1);
	f->ops->peer_close(f->block, p->block, RV_CLOSE_FLUSH);
	fake_settle(f);
	ck_assert_uint_eq(f->n_drained, 0);
	expect(fd, "one\n");
	FAKE_UNTIL(f, f->n_drained == 1);
	close(fd);
}
END_TEST

/* Only root can give it to a group that others have, to see it come back. */
static void check_group(const char *terminal, struct rv_endpoint_info *info)
{
	struct stat st;

	info->group = geteuid() == 0 ? 4242 : getegid();
	ck_assert_int_eq(f->ops->reconfigure(f->endpoint, info, &cfg, &f->err), 0);
	ck_assert_int_eq(stat(terminal, &st), 0);
	ck_assert_uint_eq(st.st_gid, info->group);
	info->group = (gid_t)-1; /* unset: our own */
	ck_assert_int_eq(f->ops->reconfigure(f->endpoint, info, &cfg, &f->err), 0);
	ck_assert_int_eq(stat(terminal, &st), 0);
	ck_assert_uint_eq(st.st_gid, getegid());
}

START_TEST(names)
{
	struct rv_endpoint_info info = fake_info();
	struct rv_instance *other = fake_new(&pty_backend);
	char target[64] = "";

	fake_start(f, &cfg, NULL, 0);
	ck_assert_int_gt(readlink("tty", target, sizeof(target) - 1), 0);
	ck_assert_uint_eq(place_mode(target), 0620);
	info.mode = 0600;
	ck_assert_int_eq(f->ops->reconfigure(f->endpoint, &info, &cfg, &f->err), 0);
	ck_assert_uint_eq(place_mode(target), 0600);
	check_group(target, &info);
	ck_assert_int_eq(fake_open(other, &info, &cfg, NULL, 0), -EBUSY); /* it lives */
	fake_free(other);
	ck_assert_int_eq(unlink("tty"), 0);
	ck_assert_int_eq(f->ops->reconfigure(f->endpoint, &info, &cfg, &f->err), -ESTALE);
	fake_stop(f);
	ck_assert(!place_has("tty") && !place_has("tty.lock"));

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

/* Somebody else's name is not replaced by the next terminal either. */
START_TEST(the_name_is_taken_away)
{
	struct fake_peer *p;
	int fd;

	fake_start(f, &cfg, NULL, 0);
	fd = open_client();
	ck_assert_int_eq(unlink("tty"), 0);
	place_write("tty", "theirs");
	FAKE_UNTIL(f, f->n_peers == 1);
	p = fake_find(f, RV_PEER_STREAM);
	ck_assert_int_eq(write(fd, "a\n", 2), 2);
	FAKE_UNTIL(f, p->n_in == 2);
	ck_assert(place_holds("tty", "theirs"));
	ck_assert(f->down); /* who comes next gets nothing of ours */
	close(fd);
	ck_assert_int_eq(unlink("tty"), 0);
	fake_settle(f);
	ck_assert(f->down && !place_has("tty")); /* a reload makes it again */
}
END_TEST

START_TEST(opened_and_closed_in_a_loop)
{
	size_t fds;

	fake_start(f, &cfg, NULL, 0);
	fds = place_count_fds();
	for (int i = 0; i < 500; i++) {
		int fd = open("tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

		if (fd >= 0) { /* the last one's may be there for a moment yet */
			close(fd);
		}
		fake_settle(f);
		for (struct fake_peer *p = f->peers; p; p = p->next) {
			if (p->n_eof && !p->gone) {
				f->ops->peer_close(f->block, p->block, RV_CLOSE_FLUSH);
			}
		}
	}
	FAKE_UNTIL(f, f->n_peers == 0);
	ck_assert_uint_eq(place_count_fds(), fds);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backends/pty");
	TCase *tc = tcase_create("pty");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, both_ways_through_one_name);
	tcase_add_test(tc, nobody_gets_in_between);
	tcase_add_test(tc, chunks);
	tcase_add_test(tc, modes_that_a_client_changes);
	tcase_add_test(tc, a_reader_that_is_slow);
	tcase_add_test(tc, a_drain_waits_for_the_reader);
	tcase_add_test(tc, names);
	tcase_add_test(tc, the_name_is_taken_away);
	tcase_add_test(tc, opened_and_closed_in_a_loop);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
