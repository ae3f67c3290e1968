#include "fifo/reply.h"

#include <fcntl.h>
#include <limits.h>

/* What the tokens of clients begin with that leave a name as soon as nobody has it open. */
#define MARK "live-"
#define SWEEP_NS 1000000000u
#define DISCARD_READS 512 /* of PIPE_BUF bytes: twice what a pipe holds */
#define SWEEP_NAMES 256 /* at a time: a fraction of a millisecond */

/* What a name of the reply directory may be: a FIFO that has no other name.
 * Judged once before it is opened, so that no device ever is, and once after,
 * so that a swapped name gains nothing. */
static int judge(const struct stat *st)
{
	return S_ISFIFO(st->st_mode) && st->st_nlink == 1 ? 0 : -EPERM;
}

static int open_reply(struct rv_shared *all, const char *token, size_t n)
{
	int dir = CONTAINER_OF(all, struct fifo_instance, shared)->ep->dir_fd;
	CLEANUP_FD int fd = -1;
	char name[RV_TOKEN_MAX + 1];
	struct stat st;
	int r;

	memcpy(name, token, n);
	name[n] = '\0';
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		return -errno;
	}
	r = judge(&st);
	if (r < 0) {
		return r;
	}
	fd = openat(dir, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		return -errno;
	}
	r = judge(&st);
	return r < 0 ? r : TAKE_FD(fd);
}

static const char *why_refused(int err)
{
	switch (err) {
	case -ENOENT:
		return "no such FIFO in the reply directory";
	case -ENXIO:
		return "no client is reading it";
	case -EPERM:
		return "not a FIFO, or one with several names";
	case -ELOOP:
		return "a symbolic link";
	case -EACCES:
		return "its mode does not let revd write (0622 does)";
	case -EMFILE:
	case -ENFILE:
		return "revd has no descriptor left";
	default:
		return strerror(-err);
	}
}

static void describe(struct rv_shared *all, int fd, bool line, struct rv_peer_info *info)
{
	(void)all;
	(void)fd;
	info->max_message = line ? 0 : PIPE_BUF; /* so a frame is never torn */
}

void fifo_sweep(struct fifo_instance *in)
{
	const struct rv_writer *out = &in->shared.out;

	in->swept_ns = out->host->now(out->handle);
	rv_names_remove_unread(in->ep->dir_fd, MARK, SWEEP_NAMES, &in->swept_at);
}

/* A client has come: those before it may be dead. */
static void begun(struct rv_shared_peer *p)
{
	struct fifo_instance *in = CONTAINER_OF(p->all, struct fifo_instance, shared);
	const struct rv_writer *out = &in->shared.out;

	if (out->host->now(out->handle) - in->swept_ns >= SWEEP_NS) {
		fifo_sweep(in);
	}
}

static ssize_t send_bytes(void *peer, const void *data, size_t n)
{
	struct rv_shared_peer *p = peer;
	const struct rv_peer_cache_entry *e = &p->entry;
	ssize_t k;
	int fd;

	if (p->line && !p->out.tail) {
		rv_shared_before_lines(p->all);
	}
	k = rv_shared_write(p, data, n);
	/* The client has left, and perhaps come back and made its FIFO anew. Without a tail
	 * what is to be sent starts with a whole frame. */
	if (k != -EPIPE || p->line || p->closing || p->out.tail) {
		return k;
	}
	fd = open_reply(p->all, e->token, e->len);
	if (fd < 0) {
		return k;
	}
	k = rv_shared_set_fd(p, fd);
	return k < 0 ? k : rv_shared_write(p, data, n);
}

static size_t discard_lines(struct rv_shared *all)
{
	char buf[PIPE_BUF]; /* not all->buf: input may be served from there */
	size_t lines = 0;
	ssize_t n;

	/* not for ever, in case somebody writes there as fast */
	for (int i = 0; i < DISCARD_READS && (n = read(all->line_fd, buf, sizeof(buf))) > 0; i++) {
		for (ssize_t k = 0; k < n; k++) {
			lines += buf[k] == '\n';
		}
	}
	return lines;
}

const struct rv_shared_ops fifo_shared_ops = {
	.send = send_bytes,
	.describe = describe,
	.discard_lines = discard_lines,
	.reply_name = "reply FIFO",
	.open_reply = open_reply,
	.why = why_refused,
	.begun = begun,
	.tells_hangup = true,
};
