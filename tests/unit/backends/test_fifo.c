#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include "common/runner.h"
#include "fake.h"
#include "fifo/reply.h"
#include "place.h"

extern const struct rv_backend_ops fifo_backend;

static struct rv_instance *f;
static struct fifo_config cfg;
static char path[64];

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	place_enter();
	snprintf(path, sizeof(path), "%s", place_path("q"));
	cfg = (struct fifo_config){.path = path, .reply_dir = ""};
	f = fake_new(&fifo_backend);
}

static void teardown(void)
{
	fake_free(f);
	place_leave();
}

static int open_writer(void)
{
	int fd = open("q", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void assert_write(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void assert_reads(int fd, const char *text)
{
	char buf[256];

	ck_assert_int_eq(wait_fd(fd, POLLIN, wait_until(WAIT_MS)) & POLLIN, POLLIN);
	place_read(fd, buf, sizeof(buf));
	ck_assert_str_eq(buf, text);
}

/* A directory that was there under another name than the usual one stays. */
START_TEST(test_a_directory_of_the_admin)
{
	struct stat st, link;
	char dir[80];

	snprintf(dir, sizeof(dir), "%s", place_path("dir"));
	cfg.reply_dir = dir;
	ck_assert_int_eq(mkdir("dir", 0700), 0);
	fake_start(f, &cfg, NULL, 0);
	ck_assert_uint_eq(place_mode("dir"), 01733);
	ck_assert_int_eq(stat("q.d", &link), 0);
	ck_assert_int_eq(stat("dir", &st), 0);
	ck_assert_uint_eq(link.st_ino, st.st_ino); /* so that every client finds it */
	fake_stop(f);
	ck_assert(place_has("dir") && !place_has("q"));
	ck_assert_int_eq(lstat("q.d", &link), -1);
}
END_TEST

/* What is in the place of the link to it: another link, an empty directory of ours; 2: one
 * that somebody uses. */
START_TEST(test_a_link_instead_of_what_was_there)
{
	struct rv_endpoint_info info = fake_info();
	char dir[80];
	struct stat st;
	int fd = -1;

	snprintf(dir, sizeof(dir), "%s", place_path("dir"));
	cfg.reply_dir = dir;
	ck_assert_int_eq(mkdir("dir", 0700), 0);
	if (_i == 0) {
		ck_assert_int_eq(symlink("nowhere", "q.d"), 0);
	} else {
		ck_assert_int_eq(mkdir("q.d", 0700), 0);
		close(place_fifo("q.d/dead"));
	}
	if (_i == 2) {
		fd = place_fifo("q.d/alive");
	}
	ck_assert_int_eq(
		f->ops->open(f->endpoint, &info, &cfg, NULL, 0, &f->err), _i == 2 ? -ENOTEMPTY : 0);
	ck_assert_int_eq(lstat("q.d", &st), 0);
	ck_assert_int_eq(S_ISLNK(st.st_mode), _i != 2);
	f->ops->close(f->endpoint);
	ck_assert(place_has("q.d") == (_i == 2));
	close(fd);
}
END_TEST

START_TEST(test_a_lost_link)
{
	struct rv_endpoint_info info = fake_info();
	char dir[80];

	snprintf(dir, sizeof(dir), "%s", place_path("dir"));
	cfg.reply_dir = dir;
	ck_assert_int_eq(mkdir("dir", 0700), 0);
	fake_start(f, &cfg, NULL, 0);
	ck_assert_int_eq(unlink("q.d"), 0);
	ck_assert_int_eq(f->ops->reconfigure(f->endpoint, &info, &cfg, &f->err), -ESTALE);
	fake_stop(f);
}
END_TEST

/* Clients that have died leave their names; those whose tokens say so go. */
START_TEST(test_names_of_the_dead)
{
	struct fake_peer *p;
	int alive, other, client;

	fake_start(f, &cfg, NULL, 0);
	close(place_fifo("q.d/live-dead"));
	close(place_fifo("q.d/dead"));
	place_write("q.d/live-file", "victim");
	alive = place_fifo("q.d/live-alive");
	other = place_fifo("q.d/other");
	client = place_fifo("q.d/a");
	ck_assert_int_eq(fake_reply_peer(f, "a", &p), 0);
	ck_assert(place_has("q.d/live-dead")); /* not with each client */
	f->skew_ns = 1000000000u;
	ck_assert_int_eq(fake_reply_peer(f, "other", &p), 0);
	ck_assert(!place_has("q.d/live-dead"));
	ck_assert(place_has("q.d/dead") && place_has("q.d/live-alive"));
	ck_assert(place_holds("q.d/live-file", "victim"));
	close(alive);
	close(other);
	close(client);
}
END_TEST

START_TEST(test_names_and_modes)
{
	fake_start(f, &cfg, NULL, 0);
	ck_assert_uint_eq(place_mode("q"), 0620);
	ck_assert_uint_eq(place_mode("q.out"), 0640);
	ck_assert_uint_eq(place_mode("q.d"), 01733);
	fake_stop(f);
	ck_assert(!place_has("q") && !place_has("q.out") && !place_has("q.d"));
	ck_assert(!place_has("q.lock"));
}
END_TEST

START_TEST(test_lines_in_and_out)
{
	struct fake_peer *source;
	int in, out;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED | RV_PEER_STREAM);
	ck_assert_ptr_nonnull(source);
	in = open_writer();
	out = open("q.out", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_write(in, "hola\n");
	FAKE_UNTIL(f, source->n_in == 5);
	ck_assert_str_eq(source->in, "hola\n");
	ck_assert(f->whole);
	ck_assert_int_eq(fake_send(f, source, "aloh\n", 5, 0), 0);
	assert_reads(out, "aloh\n");
	close(out);
	close(in); /* the last writer leaves: no end of input, no spinning */
	f->n_batches = 0;
	fake_settle(f);
	ck_assert_uint_eq(f->n_batches, 0);
	ck_assert_uint_eq(source->n_eof, 0);
}
END_TEST

START_TEST(test_reply_by_token)
{
	struct fake_peer *p, *again;
	int fd;

	fake_start(f, &cfg, NULL, 0);
	fd = place_fifo("q.d/abc-1_Z");
	ck_assert_int_eq(fake_reply_peer(f, "abc-1_Z", &p), 0);
	ck_assert_uint_eq(p->info.flags, RV_PEER_STREAM | RV_PEER_REPLY_ONLY);
	ck_assert_uint_eq(p->info.max_message, 4096);
	ck_assert_int_eq(fake_send(f, p, "reply", 5, 0), 0);
	assert_reads(fd, "reply");
	ck_assert_int_eq(fake_reply_peer(f, "abc-1_Z", &again), 0);
	ck_assert_ptr_eq(p, again);
	close(fd); /* noticed without writing */
	FAKE_UNTIL(f, f->n_gone == 1);
	ck_assert_uint_eq(f->drops[RV_DROP_PEER_GONE], 0);
}
END_TEST

/* What must not be opened, changed or waited for, whoever put it there. */
START_TEST(test_refused_reply_names)
{
	static const char *const names[] = {"../victim", "/etc/passwd", "a/b", "", ".", "..",
		".hidden", "q d", "file", "link", "dir", "hard", "device", "unread", "missing"};
	struct fake_peer *p;
	char longest[80] = "";
	size_t fds;
	int hard;

	fake_start(f, &cfg, NULL, 0);
	place_write("victim", "precious");
	place_write("q.d/file", "precious");
	ck_assert_int_eq(symlink("../victim", "q.d/link"), 0);
	ck_assert_int_eq(mkdir("q.d/dir", 0777), 0);
	hard = place_fifo("q.d/hard");
	ck_assert_int_eq(link("q.d/hard", "other"), 0);
	if (mknod("q.d/device", S_IFCHR | 0666, makedev(1, 3)) < 0) { /* null; without root: */
		place_write("q.d/device", "");
	}
	ck_assert_int_eq(mkfifo("q.d/unread", 0666), 0);
	memset(longest, 'x', RV_TOKEN_MAX + 1);
	fds = place_count_fds();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		f->log[0] = '\0';
		ck_assert_msg(fake_reply_peer(f, names[i], &p) < 0, "%s", names[i]);
		ck_assert_msg(strstr(f->log, "reply FIFO '"), "%s: %s", names[i], f->log);
	}
	ck_assert_int_eq(fake_reply_peer(f, longest, &p), -EINVAL);
	ck_assert_int_eq(f->ops->reply_peer(f->block, "file\0x", 6, (void **)&p), -EINVAL);
	ck_assert_int_eq(fake_reply_peer(f, "unread", &p), -ENXIO);
	ck_assert_uint_eq(place_count_fds(), fds);
	ck_assert_uint_eq(f->n_peers, 1); /* the source */
	ck_assert(place_holds("victim", "precious") && place_holds("q.d/file", "precious"));
	ck_assert(!place_has("q.d/missing"));
	close(hard);
}
END_TEST

/* Replies find it; and a name that became something else meanwhile gets none. */
START_TEST(test_a_client_that_made_its_fifo_anew)
{
	struct fake_peer *p;
	int fd;

	fake_start(f, &cfg, NULL, 0);
	fd = place_fifo("q.d/t");
	ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
	close(fd);
	ck_assert_int_eq(unlink("q.d/t"), 0);
	fd = place_fifo("q.d/t");
	/* Before the loop could tell that the old one is gone. */
	ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
	ck_assert_int_eq(fake_send(f, p, "reply", 5, 0), 0);
	assert_reads(fd, "reply");
	ck_assert_uint_eq(f->drops[RV_DROP_PEER_GONE], 0);

	close(fd);
	ck_assert_int_eq(unlink("q.d/t"), 0);
	place_write("q.d/t", "victim");
	fake_send(f, p, "reply", 5, 0);
	ck_assert_uint_eq(f->drops[RV_DROP_PEER_GONE], 1);
	ck_assert_uint_eq(f->n_gone, 1);
	ck_assert(place_holds("q.d/t", "victim"));
}
END_TEST

static void fill(struct fake_peer *p, int *ret_n)
{
	char block[4096];
	int n = 0;

	memset(block, 'x', sizeof(block));
	while (fake_send(f, p, block, sizeof(block), 0) == 0) {
		ck_assert_int_lt(++n, 1000);
	}
	*ret_n = n;
}

START_TEST(test_a_full_reply_fifo)
{
	struct fake_peer *p, *other;
	char buf[65536];
	size_t got = 0;
	int fd, fd2, n;

	fake_start(f, &cfg, NULL, 0);
	fd = place_fifo("q.d/slow");
	fd2 = place_fifo("q.d/quick");
	ck_assert_int_eq(fake_reply_peer(f, "slow", &p), 0);
	fill(p, &n);
	ck_assert_uint_ge(p->n_blocked, 1);
	fake_settle(f);
	ck_assert_uint_eq(p->n_writable, 0);

	ck_assert_int_eq(fake_reply_peer(f, "quick", &other), 0);
	ck_assert_int_eq(fake_send(f, other, "quick", 5, 0), 0);
	assert_reads(fd2, "quick");

	got += place_read(fd, buf, sizeof(buf));
	FAKE_UNTIL(f, p->n_writable == 1);
	while (got < (size_t)n * 4096) {
		size_t k = place_read(fd, buf, sizeof(buf));

		ck_assert_uint_gt(k, 0);
		got += k;
	}
	ck_assert_uint_eq(got, (size_t)n * 4096);
	ck_assert_int_eq(fake_send(f, p, "again", 5, 0), 0);
	close(fd);
	close(fd2);
}
END_TEST

START_TEST(test_a_reader_that_leaves_with_replies_unsent)
{
	struct fake_peer *p;
	int fd, n;

	fake_start(f, &cfg, NULL, 0);
	fd = place_fifo("q.d/t");
	ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
	fill(p, &n);
	close(fd);
	FAKE_UNTIL(f, f->n_gone == 1);
	ck_assert_uint_eq(f->drops[RV_DROP_PEER_GONE], 1);
}
END_TEST

START_TEST(test_closing_sends_the_rest_first)
{
	struct fake_peer *p;
	char buf[65536];
	int fd, n;

	fake_start(f, &cfg, NULL, 0);
	fd = place_fifo("q.d/t");
	ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
	fill(p, &n);
	f->ops->peer_close(f->block, p->block, RV_CLOSE_FLUSH);
	ck_assert_uint_eq(f->n_gone, 0);
	place_read(fd, buf, sizeof(buf));
	FAKE_UNTIL(f, f->n_gone == 1);

	ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
	f->ops->peer_close(f->block, p->block, RV_CLOSE_NOW);
	ck_assert_uint_eq(f->n_gone, 2);
	close(fd);
}
END_TEST

START_TEST(test_the_cache_is_bounded)
{
	struct fake_peer *p, *first = NULL;
	int fds[12];
	char name[32];

	fake_start(f, &cfg, NULL, 0);
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "q.d/t%d", i);
		fds[i] = place_fifo(name);
		ck_assert_int_eq(fake_reply_peer(f, name + 4, &p), 0);
		if (i == 0) {
			first = p;
			first->busy = true; /* so the next oldest has to go */
		}
	}
	ck_assert_uint_eq(f->n_peers, 8 + 1);
	ck_assert_uint_eq(f->n_gone, 4);
	ck_assert(!first->gone);
	fake_settle(f);
	for (struct fake_peer *q = f->peers; q; q = q->next) {
		q->busy = true;
	}
	ck_assert_int_eq(fake_reply_peer(f, "t1", &p), -EUSERS);
	for (int i = 0; i < 12; i++) {
		close(fds[i]);
	}
}
END_TEST

START_TEST(test_a_full_host)
{
	struct fake_peer *p;
	int a, b;

	fake_start(f, &cfg, NULL, 0);
	f->max_peers = 2;
	a = place_fifo("q.d/a");
	b = place_fifo("q.d/b");
	ck_assert_int_eq(fake_reply_peer(f, "a", &p), 0);
	ck_assert_int_eq(fake_reply_peer(f, "b", &p), 0); /* a made room */
	p->busy = true;
	ck_assert_int_eq(fake_reply_peer(f, "a", &p), -EUSERS);
	close(a);
	close(b);
}
END_TEST

START_TEST(test_stop_and_resume)
{
	struct fake_peer *source;
	int in;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	in = open_writer();
	f->next = RV_READ_STOP;
	assert_write(in, "1");
	FAKE_UNTIL(f, source->n_in == 1);
	assert_write(in, "2");
	fake_settle(f);
	ck_assert_uint_eq(source->n_in, 1);
	f->next = RV_READ_ON;
	f->ops->resume(f->block, source->block);
	FAKE_UNTIL(f, source->n_in == 2);
	close(in);
}
END_TEST

/* One read takes at most a chunk, and says that there may be more. */
/* A reply that nobody fetched is not the answer to a line that comes much later. */
START_TEST(test_what_lies_in_out_for_long_is_dropped)
{
	struct fake_peer *source;
	char buf[64];
	int out;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	out = open("q.out", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_eq(fake_send(f, source, "old\n", 4, 0), 0);
	f->skew_ns += 59000000000u; /* somebody may still come for it */
	ck_assert_int_eq(fake_send(f, source, "older\nthan\n", 11, 0), 0);
	ck_assert_uint_eq(f->drops[RV_DROP_OUTPUT], 0);
	f->skew_ns += 61000000000u;
	ck_assert_int_eq(fake_send(f, source, "new\n", 4, 0), 0);
	place_read(out, buf, sizeof(buf));
	ck_assert_str_eq(buf, "new\n");
	ck_assert_uint_eq(f->drops[RV_DROP_OUTPUT], 3);
	f->skew_ns += 61000000000u;
	ck_assert_int_eq(fake_send(f, source, "next\n", 5, 0), 0);
	ck_assert_uint_eq(f->drops[RV_DROP_OUTPUT], 3); /* that was read */
	close(out);
}
END_TEST

/* The rest of a line follows its beginning, however late its reader is. */
START_TEST(test_half_a_line_is_not_dropped)
{
	static char text[3 << 20], buf[64 << 10];
	struct fake_peer *source;
	size_t got = 0;
	int out;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	out = open("q.out", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\n';
	ck_assert_int_eq(fake_send(f, source, text, sizeof(text), 0), 0);
	f->skew_ns += 61000000000u;
	while (got < sizeof(text)) {
		ssize_t n = read(out, buf, sizeof(buf));

		if (n > 0) {
			got += (size_t)n;
		} else {
			fake_settle(f);
		}
	}
	ck_assert_uint_eq(f->drops[RV_DROP_OUTPUT], 0);
	close(out);
}
END_TEST

START_TEST(test_bounded_reads)
{
	static char block[65536];
	struct fake_peer *source;
	ssize_t total = 0, n;
	int in;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	in = open_writer();
	(void)fcntl(in, F_SETPIPE_SZ, 1 << 20);
	memset(block, 'x', sizeof(block));
	while ((n = write(in, block, sizeof(block))) > 0) {
		total += n;
	}
	fake_turn(f, wait_until(WAIT_MS));
	ck_assert_uint_eq(f->n_batches, 1);
	ck_assert_uint_le(source->n_in, RV_SHARED_READ);
	FAKE_UNTIL(f, source->n_in == (size_t)total);
	ck_assert(f->whole || source->n_in % RV_SHARED_READ == 0);
	close(in);
}
END_TEST

START_TEST(test_the_source_can_be_renewed)
{
	struct fake_peer *source;
	int in, n;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	fill(source, &n);
	f->ops->peer_close(f->block, source->block, RV_CLOSE_NOW);
	ck_assert_uint_eq(f->n_gone, 1);
	source = fake_find(f, RV_PEER_SHARED);
	ck_assert_ptr_nonnull(source);
	in = open_writer();
	assert_write(in, "hola\n");
	FAKE_UNTIL(f, source->n_in == 5);
	/* What nobody read is gone too. */
	ck_assert_int_eq(fake_send(f, source, "aloh\n", 5, 0), 0);
	close(in);
	in = open("q.out", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_reads(in, "aloh\n");
	close(in);
}
END_TEST

START_TEST(test_drain_serves_what_had_arrived)
{
	struct fake_peer *source;
	int in, n;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	in = open_writer();
	assert_write(in, "before");
	f->ops->drain(f->block);
	ck_assert(!place_has("q") && !place_has("q.out") && !place_has("q.d"));
	ck_assert(!place_has("q.lock"));
	ck_assert_uint_eq(f->n_drained, 0);
	assert_write(in, "after");
	FAKE_UNTIL(f, f->n_drained == 1);
	fake_settle(f);
	ck_assert_str_eq(source->in, "before");
	ck_assert_uint_eq(f->n_drained, 1);
	ck_assert_int_eq(ioctl(in, FIONREAD, &n), 0);
	ck_assert_int_eq(n, 5);
	close(in);
}
END_TEST

/* What a reload does when it replaces an endpoint. */
START_TEST(test_the_address_changes_hands)
{
	struct rv_instance *second = fake_new(&fifo_backend);
	struct fake_peer *p;
	int fd, n;

	fake_start(f, &cfg, NULL, 0);
	fd = place_fifo("q.d/t");
	ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
	fill(p, &n);
	f->ops->drain(f->block);
	ck_assert(place_has("q.d/t")); /* its client is alive */
	fake_start(second, &cfg, NULL, 0);
	ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0); /* the old one still answers */
	ck_assert_int_eq(fake_reply_peer(second, "t", &p), 0);
	close(fd); /* so that nothing but the second keeps the directory */
	fake_stop(f);
	ck_assert(place_has("q") && place_has("q.out") && place_has("q.d") && place_has("q.lock"));
	fake_free(second);
	ck_assert(!place_has("q") && !place_has("q.out") && !place_has("q.d"));
}
END_TEST

/* A client that is there when the drain begins and gone when it ends. */
START_TEST(test_the_directory_goes_with_its_last_client)
{
	int fd;

	fake_start(f, &cfg, NULL, 0);
	fd = place_fifo("q.d/t");
	f->ops->drain(f->block);
	ck_assert(place_has("q.d"));
	close(fd);
	fake_stop(f);
	ck_assert(!place_has("q.d") && !place_has("q.lock"));
}
END_TEST

START_TEST(test_drain_waits_for_unsent_output)
{
	struct fake_peer *p;
	char buf[65536];
	int fd, n;

	fake_start(f, &cfg, NULL, 0);
	fd = place_fifo("q.d/t");
	ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
	fill(p, &n);
	f->ops->drain(f->block);
	fake_settle(f);
	ck_assert_uint_eq(f->n_drained, 0);
	place_read(fd, buf, sizeof(buf));
	FAKE_UNTIL(f, f->n_drained == 1);
	close(fd);
}
END_TEST

static int adopted_fifo(const char *name, int flags)
{
	int keep, fd;

	ck_assert_int_eq(mkfifo(name, 0600), 0);
	keep = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	fd = open(name, flags | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(keep, 0);
	ck_assert_int_ge(fd, 0);
	close(keep);
	return fd;
}

START_TEST(test_an_inherited_fifo)
{
	static const int flags[] = {O_RDWR, O_RDONLY};
	struct fake_peer *source;
	int in, fd = adopted_fifo("q", flags[_i]);

	fake_start(f, &cfg, &fd, 1);
	ck_assert_int_lt(fcntl(fd, F_GETFD), 0); /* taken over */
	ck_assert_uint_eq(place_mode("q"), 0600);
	source = fake_find(f, RV_PEER_SHARED);
	in = open_writer();
	assert_write(in, "hola");
	FAKE_UNTIL(f, source->n_in == 4);
	assert_write(in, "for the next");
	f->ops->drain(f->block);
	FAKE_UNTIL(f, f->n_drained == 1);
	fake_settle(f);
	ck_assert_uint_eq(source->n_in, 4);
	fake_stop(f);
	ck_assert(place_has("q") && !place_has("q.out") && !place_has("q.d"));
	close(in);
}
END_TEST

START_TEST(test_inherited_request_and_out)
{
	int fds[] = {adopted_fifo("q.out", O_RDWR), adopted_fifo("q", O_RDWR)};

	fake_start(f, &cfg, fds, 2);
	fake_stop(f);
	ck_assert(place_has("q") && place_has("q.out"));
}
END_TEST

START_TEST(test_inherited_wrong_kinds)
{
	struct rv_endpoint_info info = fake_info();
	int two[] = {adopted_fifo("q", O_RDWR), adopted_fifo("other", O_RDWR)};
	int file;

	place_write("file", "");
	file = open("file", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(fake_open(f, &info, &cfg, &file, 1), -EINVAL);
	ck_assert_ptr_nonnull(strstr(f->err.msg, "not a FIFO"));
	ck_assert_int_eq(fake_open(f, &info, &cfg, two, 2), -EINVAL);
	ck_assert_ptr_nonnull(strstr(f->err.msg, "too many"));
	ck_assert_int_ge(fcntl(file, F_GETFD), 0); /* not taken over */
	ck_assert_int_ge(fcntl(two[0], F_GETFD), 0);
	ck_assert(place_has("q") && !place_has("q.out") && !place_has("q.lock"));
	close(file);
	close(two[0]);
	close(two[1]);
}
END_TEST

START_TEST(test_taken_names)
{
	static const char *const taken[] = {"q", "q.out", "q.d", "q.lock"};
	struct rv_endpoint_info info = fake_info();

	place_write(taken[_i], "precious");
	if (_i == 3) { /* a lock left behind is no obstacle, but a directory is */
		ck_assert_int_eq(unlink("q.lock"), 0);
		ck_assert_int_eq(mkdir("q.lock", 0700), 0);
	}
	ck_assert_int_lt(fake_open(f, &info, &cfg, NULL, 0), 0);
	ck_assert_ptr_nonnull(strstr(f->err.msg, taken[_i]));
	ck_assert(place_has(taken[_i]));
	for (int i = 0; i < 4; i++) {
		ck_assert_msg(i == _i || !place_has(taken[i]), "%s", taken[i]);
	}
}
END_TEST

START_TEST(test_two_of_them)
{
	struct rv_instance *second = fake_new(&fifo_backend);
	struct rv_endpoint_info info = fake_info();

	fake_start(f, &cfg, NULL, 0);
	ck_assert_int_eq(fake_open(second, &info, &cfg, NULL, 0), -EBUSY);
	ck_assert(place_has("q") && place_has("q.out") && place_has("q.d"));
	fake_free(second);
}
END_TEST

/* After a kill: the names are there, and so is the lock. */
START_TEST(test_leftovers_are_used_again)
{
	struct fake_peer *source;
	int in;

	place_write("q.lock", "");
	in = place_fifo("q");
	close(place_fifo("q.out"));
	ck_assert_int_eq(mkdir("q.d", 0700), 0);
	assert_write(in, "asked before");
	fake_start(f, &cfg, NULL, 0);
	ck_assert_uint_eq(place_mode("q"), 0620);
	ck_assert_uint_eq(place_mode("q.d"), 01733);
	source = fake_find(f, RV_PEER_SHARED);
	FAKE_UNTIL(f, source->n_in == 12);
	fake_stop(f);
	ck_assert(!place_has("q.lock") && !place_has("q") && !place_has("q.out") &&
		  !place_has("q.d"));
	close(in);
}
END_TEST

START_TEST(test_a_name_taken_away)
{
	struct fake_peer *source;
	struct rv_endpoint_info info = fake_info();
	int in;

	fake_start(f, &cfg, NULL, 0);
	source = fake_find(f, RV_PEER_SHARED);
	in = open_writer();
	if (_i == 0) {
		ck_assert_int_eq(unlink("q"), 0);
	} else {
		place_write("new", "theirs");
		ck_assert_int_eq(rename("new", "q"), 0);
	}
	FAKE_UNTIL(f, strstr(f->log, "removed or replaced"));
	assert_write(in, "hola");
	FAKE_UNTIL(f, source->n_in == 4);
	ck_assert_int_eq(f->ops->reconfigure(f->endpoint, &info, &cfg, &f->err),
		_i == 0 ? -ESTALE : -EEXIST);
	fake_stop(f);
	ck_assert(place_has("q") == (_i == 1));
	close(in);
}
END_TEST

START_TEST(test_reconfigure)
{
	struct rv_endpoint_info info = fake_info();
	struct fake_peer *p;
	int fd;

	fake_start(f, &cfg, NULL, 0);
	info.mode = 0622;
	info.out_mode = 0644;
	info.max_peers = 0;
	ck_assert_int_eq(f->ops->reconfigure(f->endpoint, &info, &cfg, &f->err), 0);
	ck_assert_uint_eq(place_mode("q"), 0622);
	ck_assert_uint_eq(place_mode("q.out"), 0644);
	fake_settle(f);
	ck_assert_str_eq(f->log, "");
	fd = place_fifo("q.d/t");
	ck_assert_int_eq(fake_reply_peer(f, "t", &p), -EUSERS);
	close(fd);
}
END_TEST

START_TEST(test_no_descriptor_is_left)
{
	size_t before = place_count_fds();
	struct fake_peer *p;
	int fd;

	for (int i = 0; i < 3; i++) {
		fake_start(f, &cfg, NULL, 0);
		fd = place_fifo("q.d/t");
		ck_assert_int_eq(fake_reply_peer(f, "t", &p), 0);
		fake_stop(f);
		ck_assert(place_has("q.d/t")); /* its client is alive */
		close(fd);
		ck_assert_int_eq(unlink("q.d/t"), 0);
		ck_assert_int_eq(rmdir("q.d"), 0);
	}
	ck_assert_uint_eq(place_count_fds(), before);
}
END_TEST

START_TEST(test_check)
{
	static char endless[5000];
	struct fifo_config bad[] = {
		{.path = "", .reply_dir = ""},
		{.path = "/tmp/", .reply_dir = ""},
		{.path = "/tmp/x", .reply_dir = "/tmp/x"},
		{.path = endless, .reply_dir = ""},
	};
	char buf[32];

	memset(endless, 'x', sizeof(endless) - 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f->err.msg[0] = '\0';
		ck_assert_int_lt(fifo_backend.check(&bad[i], &f->err), 0);
		ck_assert_int_ne(f->err.msg[0], '\0');
	}
	fifo_backend.address(&(struct fifo_config){.path = "/x/y"}, buf, sizeof(buf));
	ck_assert_str_eq(buf, "fifo:/x/y");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backends/fifo");
	TCase *tc = tcase_create("fifo");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_check);
	tcase_add_test(tc, test_names_and_modes);
	tcase_add_test(tc, test_a_directory_of_the_admin);
	tcase_add_loop_test(tc, test_a_link_instead_of_what_was_there, 0, 3);
	tcase_add_test(tc, test_a_lost_link);
	tcase_add_test(tc, test_names_of_the_dead);
	tcase_add_test(tc, test_lines_in_and_out);
	tcase_add_test(tc, test_reply_by_token);
	tcase_add_test(tc, test_refused_reply_names);
	tcase_add_test(tc, test_a_client_that_made_its_fifo_anew);
	tcase_add_test(tc, test_a_full_reply_fifo);
	tcase_add_test(tc, test_a_reader_that_leaves_with_replies_unsent);
	tcase_add_test(tc, test_closing_sends_the_rest_first);
	tcase_add_test(tc, test_the_cache_is_bounded);
	tcase_add_test(tc, test_a_full_host);
	tcase_add_test(tc, test_stop_and_resume);
	tcase_add_test(tc, test_what_lies_in_out_for_long_is_dropped);
	tcase_add_test(tc, test_half_a_line_is_not_dropped);
	tcase_add_test(tc, test_bounded_reads);
	tcase_add_test(tc, test_the_source_can_be_renewed);
	tcase_add_test(tc, test_drain_serves_what_had_arrived);
	tcase_add_test(tc, test_the_address_changes_hands);
	tcase_add_test(tc, test_the_directory_goes_with_its_last_client);
	tcase_add_test(tc, test_drain_waits_for_unsent_output);
	tcase_add_loop_test(tc, test_an_inherited_fifo, 0, 2);
	tcase_add_test(tc, test_inherited_request_and_out);
	tcase_add_test(tc, test_inherited_wrong_kinds);
	tcase_add_loop_test(tc, test_taken_names, 0, 4);
	tcase_add_test(tc, test_two_of_them);
	tcase_add_test(tc, test_leftovers_are_used_again);
	tcase_add_loop_test(tc, test_a_name_taken_away, 0, 2);
	tcase_add_test(tc, test_reconfigure);
	tcase_add_test(tc, test_no_descriptor_is_left);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
