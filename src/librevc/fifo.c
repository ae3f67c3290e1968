/*
 * A FIFO shared with all the other clients, fifo(7) and pipe(7). Requests are
 * written in pieces of whole frames of at most PIPE_BUF bytes, which the kernel
 * keeps in one. Replies come through a FIFO of our own below PATH.d. It is open
 * both ways, so that it neither ends nor blocks when the daemon lets go of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "librevc/session.h"
#include "util/fd.h"

#define REPLY_MODE 0622 /* the daemon may write, others may not read */
#define REPLY_PIPE (1 << 20)
#define READ_SIZE ((size_t)256 << 10)

/* open() of a socket says ENXIO like that of a FIFO without a reader. */
static int judge_open_error(const char *path, int err)
{
	struct stat st;

	return err == ENXIO && stat(path, &st) == 0 && !S_ISFIFO(st.st_mode) ? ENOTSUP : err;
}

static int open_request(struct revc *s)
{
	CLEANUP_FD int fd = open(s->uri.address, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		return session_fail(s, FAILURE_CONNECT, judge_open_error(s->uri.address, errno));
	}
	if (fstat(fd, &s->st) < 0) {
		return session_fail(s, FAILURE_CONNECT, errno);
	}
	if (!S_ISFIFO(s->st.st_mode)) {
		return session_fail(s, FAILURE_CONNECT, ENOTSUP);
	}
	s->out_fd = TAKE_FD(fd);
	return 0;
}

static int make_reply(struct revc *s)
{
	CLEANUP_FD int fd = -1;
	int r = session_make_token(s);

	if (r < 0) {
		return r;
	}
	(void)snprintf(s->reply_name, sizeof(s->reply_name), "%s.d/%.*s", s->uri.address,
		(int)s->token_n, (const char *)s->token);
	if (mkfifo(s->reply_name, REPLY_MODE) < 0) {
		r = errno;
		s->reply_name[0] = '\0';
		return session_fail(s, FAILURE_REPLY, r);
	}
	fd = open(s->reply_name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	/* fchmod: the umask has taken bits away. */
	if (fd < 0 || fchmod(fd, REPLY_MODE) < 0) {
		return session_fail(s, FAILURE_REPLY, errno);
	}
	s->in_fd = TAKE_FD(fd);
	return 0;
}

static int fifo_open(struct revc *s, uint64_t deadline)
{
	int r = open_request(s), size;

	(void)deadline; /* nothing to wait for */
	r = r < 0 ? r : make_reply(s);
	if (r < 0) {
		return r;
	}
	/* More than fs.pipe-user-pages-soft allows is refused: then it stays small. */
	(void)fcntl(s->in_fd, F_SETPIPE_SZ, REPLY_PIPE);
	size = fcntl(s->in_fd, F_GETPIPE_SZ);
	s->limits = (struct revc_limits){
		.message_max = PIPE_BUF,
		/* A pipe counts pages, which separate writes fill to half or more. */
		.inflight_bytes = size > 0 ? (size_t)size / 2 : PIPE_BUF,
		.inflight_max = 65536,
	};
	return 0;
}

static void fifo_unlink_reply(const struct revc *s)
{
	if (s->reply_name[0]) {
		unlink(s->reply_name);
	}
}

static void fifo_close(struct revc *s)
{
	fifo_unlink_reply(s);
	s->reply_name[0] = '\0';
	s->in_fd = fd_close(s->in_fd);
	s->out_fd = fd_close(s->out_fd);
}

/* As many whole frames as one atomic write holds. */
static size_t cut_atomic(const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		size_t len = RV_FRAME_HEADER + rv_load_le32(p + at + 4);

		if (at + len > PIPE_BUF) {
			break;
		}
		at += len;
	}
	return at;
}

static ssize_t fifo_send(struct revc *s, const uint8_t *p, size_t n)
{
	ssize_t k;

	do {
		k = write(s->out_fd, p, cut_atomic(p, n));
	} while (k < 0 && errno == EINTR);
	return k < 0 ? -errno : k;
}

static int fifo_fill(struct revc *s)
{
	ssize_t k;

	if (bytes_room(&s->rx) < READ_SIZE / 4 && bytes_reserve(&s->rx, READ_SIZE) < 0) {
		return -ENOMEM;
	}
	do {
		k = read(s->in_fd, bytes_tail(&s->rx), bytes_room(&s->rx));
	} while (k < 0 && errno == EINTR);
	if (k <= 0) {
		return k < 0 ? -errno : -EAGAIN;
	}
	s->rx.len += (size_t)k;
	return 0;
}

static int fifo_verify(const struct revc *s)
{
	struct stat st;

	if (stat(s->uri.address, &st) < 0 || st.st_dev != s->st.st_dev ||
		st.st_ino != s->st.st_ino || stat(s->reply_name, &st) < 0) {
		return -ENOTCONN;
	}
	return 0;
}

const struct transport transport_fifo = {
	.name = "fifo",
	.shared = true,
	.open = fifo_open,
	.close = fifo_close,
	.send = fifo_send,
	.fill = fifo_fill,
	.verify = fifo_verify,
	.unlink_reply = fifo_unlink_reply,
};
