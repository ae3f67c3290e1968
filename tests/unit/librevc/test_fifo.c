/* Sessions over a FIFO, the daemon played by hand. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <revd/client.h>
#include "common/runner.h"
#include "librevc/session.h"
#include "place.h"

struct rig {
	struct place place;
	int fd, reply_fd;
	struct revc *s;
	char token[RV_TOKEN_MAX + 1];
};

static void rig_init(struct rig *r)
{
	struct revc_err err;

	signal(SIGPIPE, SIG_IGN);
	umask(077); /* the reply FIFO's mode has to survive it */
	place_make(&r->place);
	ck_assert_int_eq(mkfifo(place_path(&r->place, "f"), 0622), 0);
	ck_assert_int_eq(mkdir(place_path(&r->place, "f.d"), 0733), 0);
	r->fd = open(place_path(&r->place, "f"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(r->fd, 0);
	r->reply_fd = -1;
	ck_assert_msg(revc_open(place_uri(&r->place, "fifo", "f"), NULL, &r->s, &err) == 0, "%s",
		err.text);
}

static void rig_finish(struct rig *r)
{
	revc_close(r->s);
	if (r->reply_fd >= 0) {
		close(r->reply_fd);
	}
	close(r->fd);
	place_remove(&r->place);
}

/* Reads a request frame; text: without the token. Returns the bytes of text. */
static size_t take_request(struct rig *r, struct rv_frame *f, char *text, size_t size)
{
	uint8_t buf[RV_FRAME_HEADER + PIPE_BUF];
	size_t n;

	place_read(r->fd, buf, RV_FRAME_HEADER);
	rv_frame_load(buf, f);
	ck_assert_uint_le(RV_FRAME_HEADER + f->length, PIPE_BUF);
	place_read(r->fd, buf + RV_FRAME_HEADER, f->length);
	ck_assert(f->flags & RV_FRAME_REPLY_TO);
	n = buf[RV_FRAME_HEADER];
	ck_assert(rv_token_valid(buf + RV_FRAME_HEADER + 1, n));
	ck_assert_uint_ge(n, 22); /* 128 bits, at 6 a character */
	memcpy(r->token, buf + RV_FRAME_HEADER + 1, n);
	r->token[n] = '\0';
	n = f->length - 1 - n;
	ck_assert_uint_le(n, size);
	memcpy(text, buf + RV_FRAME_HEADER + f->length - n, n);
	return n;
}

static void open_reply(struct rig *r)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/f.d/%s", r->place.dir, r->token);
	r->reply_fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	ck_assert_int_ge(r->reply_fd, 0);
}

static unsigned count_names(struct rig *r)
{
	DIR *d = opendir(place_path(&r->place, "f.d"));
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	for (const struct dirent *e; (e = readdir(d));) {
		n += e->d_name[0] != '.';
	}
	closedir(d);
	return n;
}

START_TEST(asks_and_is_answered)
{
	char text[PIPE_BUF];
	uint8_t buf[64];
	struct rv_frame f;
	struct stat st;
	struct revc_reply reply;
	struct rig r;
	size_t n;

	rig_init(&r);
	ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 77, "hola", 4), 0);
	ck_assert_int_eq(revc_flush(r.s), 0);
	ck_assert_uint_eq(take_request(&r, &f, text, sizeof(text)), 4);
	ck_assert_mem_eq(text, "hola", 4);
	ck_assert_uint_eq(f.id, 77);
	open_reply(&r);
	ck_assert_int_eq(fstat(r.reply_fd, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFIFO | 0622);
	n = place_frame(buf, RV_STATUS_OK, RV_FRAME_REPLY, 77, "aloh");
	ck_assert_int_eq(write(r.reply_fd, buf, n), (ssize_t)n);
	ck_assert_int_eq(revc_receive(r.s, place_deadline(), &reply), 0);
	ck_assert_uint_eq(reply.id, 77);
	ck_assert_mem_eq(reply.data, "aloh", 4);
	/* That the daemon lets go of the reply FIFO is not the end. */
	close(r.reply_fd);
	ck_assert_int_eq(revc_receive(r.s, REVC_NOW, &reply), -ETIMEDOUT);
	open_reply(&r);
	ck_assert_int_eq(write(r.reply_fd, buf, n), (ssize_t)n);
	ck_assert_int_eq(revc_receive(r.s, place_deadline(), &reply), 0);
	rig_finish(&r);
}
END_TEST

/* Every write is whole frames of at most PIPE_BUF together. */
START_TEST(writes_atomically)
{
	static char big[10000];
	char text[PIPE_BUF];
	struct rv_frame f;
	size_t got = 0;
	int pipe_size;
	struct rig r;

	rig_init(&r);
	memset(big, 'x', sizeof(big));
	pipe_size = fcntl(r.fd, F_SETPIPE_SZ, 4096); /* one page: one write at a time */
	ck_assert_int_eq(pipe_size, 4096);
	ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 1, big, sizeof(big)), 0);
	for (uint64_t id = 2; id < 202; id++) {
		ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, id, "small", 5), 0);
	}
	for (uint64_t id = 1; id < 202;) {
		ck_assert_int_eq(revc_flush(r.s), 0);
		got += take_request(&r, &f, text, sizeof(text));
		ck_assert_uint_eq(f.id, id);
		id += !(f.flags & RV_FRAME_MORE);
	}
	ck_assert_uint_eq(got, sizeof(big) + 200 * 5);
	ck_assert_uint_eq(revc_unsent(r.s), 0);
	rig_finish(&r);
}
END_TEST

/* What would be taken for the beginning of another frame is refused, and nothing else. */
START_TEST(refuses_what_looks_like_a_frame)
{
	static const struct {
		const char *text;
		size_t n;
		int result;
	} rows[] = {
		{"\xff\x01\x00\x02", 4, -EILSEQ},
		{"ab\xff\x01\xff\x03zz", 8, -EILSEQ},
		{"a\xff", 2, -EILSEQ},
		{"a\xff\x01", 3, -EILSEQ},
		{"\xff\x01 ", 3, -EILSEQ},
		{"\xff\x01\n\x02", 4, 0},
		{"\xff\x01\x00\x01", 4, 0},
		{"\xff\xff ", 3, 0},
		{"\xff\x02", 2, 0},
	};
	char text[PIPE_BUF];
	struct revc_err err;
	struct rv_frame f;
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = rows[i].n, unsent = revc_unsent(r.s);
		int k = revc_submit(r.s, RV_OP_PING, i, rows[i].text, n);

		ck_assert_msg(k == rows[i].result, "row %zu: %d", i, k);
		ck_assert_int_eq(revc_flush(r.s), 0);
		if (k == 0) {
			ck_assert_uint_eq(take_request(&r, &f, text, sizeof(text)), n);
			ck_assert_mem_eq(text, rows[i].text, n);
			ck_assert_uint_eq(f.id, i);
			continue;
		}
		ck_assert_uint_eq(revc_unsent(r.s), unsent);
		revc_error(r.s, &err);
		ck_assert_ptr_nonnull(strstr(err.text, "cannot be sent over a FIFO"));
	}
	ck_assert_int_eq(revc_submit(r.s, RV_OP_PING, 0x020001ff, "", 0), -EILSEQ);
	r.s->next_id = 0x020001ff;
	ck_assert_uint_eq(revc_id(r.s), 0x02000200);
	rig_finish(&r);
}
END_TEST

/* The border between two fragments is where it hurts nobody; what is refused is refused
 * as a whole. */
START_TEST(fragments_do_not_end_in_part_of_a_marker)
{
	static char big[10000], got[10000];
	char text[PIPE_BUF];
	struct rv_frame f = {.flags = RV_FRAME_MORE};
	size_t room = PIPE_BUF - RV_FRAME_HEADER - 1 - 22, n = 0;
	struct rig r;

	rig_init(&r);
	memset(big, 'x', sizeof(big));
	for (size_t cut = 0; cut <= 4; cut++) {
		memcpy(big + room - cut, "\xff\x01\x00\x01", 4);
		ck_assert_int_eq(revc_submit(r.s, RV_OP_PING, 1, big, sizeof(big)), 0);
		ck_assert_int_eq(revc_flush(r.s), 0);
		for (n = 0, f.flags = RV_FRAME_MORE; f.flags & RV_FRAME_MORE;) {
			size_t k = take_request(&r, &f, text, sizeof(text));

			memcpy(got + n, text, k);
			n += k;
			ck_assert_uint_ne((uint8_t)text[k - 1], 0xff);
			ck_assert_int_eq(revc_flush(r.s), 0);
		}
		ck_assert_uint_eq(n, sizeof(big));
		ck_assert_mem_eq(got, big, n);
		memcpy(big + room - cut, "\xff\x01\x00\x02", 4);
		ck_assert_int_eq(revc_submit(r.s, RV_OP_PING, 1, big, sizeof(big)), -EILSEQ);
		ck_assert_uint_eq(revc_unsent(r.s), 0);
		memset(big + room - cut, 'x', 4);
	}
	rig_finish(&r);
}
END_TEST

START_TEST(leaves_no_name_behind)
{
	struct rig r;

	rig_init(&r);
	ck_assert_uint_eq(count_names(&r), 1);
	revc_unlink_reply(r.s); /* what a signal handler does */
	ck_assert_uint_eq(count_names(&r), 0);
	ck_assert_int_eq(revc_verify(r.s), -ENOTCONN);
	revc_close(r.s);
	ck_assert_uint_eq(count_names(&r), 0);
	r.s = NULL;
	rig_finish(&r);
}
END_TEST

START_TEST(sees_the_server_leave)
{
	struct revc_reply reply;
	struct revc_err err;
	struct rig r;

	rig_init(&r);
	ck_assert_int_eq(revc_verify(r.s), 0);
	close(r.fd);
	ck_assert_int_eq(revc_receive(r.s, place_deadline(), &reply), -EPIPE);
	revc_error(r.s, &err);
	ck_assert_ptr_nonnull(strstr(err.text, "the server has left"));
	ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 1, "x", 1), 0);
	ck_assert_int_eq(revc_flush(r.s), -EPIPE);
	/* the same name, another FIFO */
	ck_assert_int_eq(unlink(place_path(&r.place, "f")), 0);
	ck_assert_int_eq(mkfifo(place_path(&r.place, "f"), 0622), 0);
	ck_assert_int_eq(revc_verify(r.s), -ENOTCONN);
	r.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	rig_finish(&r);
}
END_TEST

START_TEST(says_why_it_cannot)
{
	struct revc_err err;
	struct revc *s = NULL;
	struct rig r;
	int fd;

	rig_init(&r);
	revc_close(r.s);
	r.s = NULL;
	close(r.fd);
	ck_assert_int_eq(revc_open(place_uri(&r.place, "fifo", "f"), NULL, &s, &err), -ENXIO);
	ck_assert_ptr_nonnull(strstr(err.text, "no server is reading it (is revd running?)"));
	r.fd = open(place_path(&r.place, "f"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_eq(rmdir(place_path(&r.place, "f.d")), 0);
	ck_assert_int_eq(revc_open(place_uri(&r.place, "fifo", "f"), NULL, &s, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "the directory for replies"));
	fd = open(place_path(&r.place, "file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	ck_assert_int_eq(revc_open(place_uri(&r.place, "fifo", "file"), NULL, &s, &err), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.text, "this is not a FIFO"));
	fd = place_listen(place_path(&r.place, "sock"), SOCK_STREAM);
	ck_assert_int_eq(revc_open(place_uri(&r.place, "fifo", "sock"), NULL, &s, &err), -ENOTSUP);
	close(fd);
	rig_finish(&r);
}
END_TEST

/* A daemon that was killed in mid-reply, another that goes on in the same FIFO: the mixture
 * is not taken for a reply. */
START_TEST(notices_torn_replies)
{
	char text[PIPE_BUF];
	uint8_t buf[256];
	struct rv_frame f;
	struct revc_reply reply;
	struct rig r;
	size_t n;

	rig_init(&r);
	ck_assert_int_eq(revc_submit(r.s, RV_OP_CALL, 1, "x", 1), 0);
	ck_assert_int_eq(revc_flush(r.s), 0);
	take_request(&r, &f, text, sizeof(text));
	open_reply(&r);
	n = place_frame(buf, RV_STATUS_OK, RV_FRAME_REPLY, 1, "a reply of some length") - 8;
	n += place_frame(buf + n, RV_STATUS_OK, RV_FRAME_REPLY, 2, "the next");
	ck_assert_int_eq(write(r.reply_fd, buf, n), (ssize_t)n);
	ck_assert_int_eq(revc_receive(r.s, place_deadline(), &reply), -EPROTO);
	rig_finish(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("librevc/fifo");
	TCase *t = tcase_create("fifo");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, asks_and_is_answered);
	tcase_add_test(t, writes_atomically);
	tcase_add_test(t, refuses_what_looks_like_a_frame);
	tcase_add_test(t, fragments_do_not_end_in_part_of_a_marker);
	tcase_add_test(t, leaves_no_name_behind);
	tcase_add_test(t, sees_the_server_leave);
	tcase_add_test(t, says_why_it_cannot);
	tcase_add_test(t, notices_torn_replies);
	suite_add_tcase(s, t);
	return runner_run(s);
}
