/*
 * Reply FIFOs: the names that clients give. Whatever stands behind one, nothing
 * but a FIFO is opened, nothing is made, and no open() waits.
 */
#include "fifo/fifo.h"

#include <fcntl.h>
#include <syslog.h>

static void log_refused(struct fifo_instance *in, const char *token, size_t n, const char *why)
{
	char quoted[RV_QUOTE_SIZE];

	in->host->log(in->handle, LOG_INFO, "reply FIFO %s: %s",
		rv_quote(token, n, quoted, sizeof(quoted)), why);
}

/* What a name of the reply directory may be: a FIFO that has no other name.
 * Judged once before it is opened, so that no device ever is, and once after,
 * so that a swapped name gains nothing. */
static int judge(const struct stat *st)
{
	return S_ISFIFO(st->st_mode) && st->st_nlink == 1 ? 0 : -EPERM;
}

int fifo_open_reply(int dir, const char *token, size_t n)
{
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
	case -EINVAL:
		return "not a valid token";
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

static bool is_idle(void *ctx, const struct reply *e)
{
	const struct fifo_instance *in = ctx;
	const struct fifo_peer *p = CONTAINER_OF(e, struct fifo_peer, reply);

	/* The owner of the arena may be in the middle of a reply. */
	return !p->out.tail && in->out.owner != &p->out && in->host->peer_idle(in->handle, p);
}

/* Makes room for one more. False if all of those longest unused are busy. */
static bool evict(struct fifo_instance *in)
{
	struct reply *e = replies_victim(&in->replies, is_idle, in);

	if (e) {
		fifo_peer_end(CONTAINER_OF(e, struct fifo_peer, reply));
	}
	return e != NULL;
}

/* Takes fd over on success. */
static int reply_new(
	struct fifo_instance *in, const char *token, size_t n, int fd, struct fifo_peer **ret)
{
	struct fifo_peer *p;
	int r = fifo_peer_new(in, fd, false, &p);

	if (r == -EUSERS && evict(in)) {
		r = fifo_peer_new(in, fd, false, &p);
	}
	if (r < 0) {
		return r;
	}
	r = replies_add(&in->replies, &p->reply, token, n);
	if (r == 0) {
		r = fifo_peer_watch(p, false);
		if (r == 0) {
			*ret = p;
			return 0;
		}
		replies_remove(&in->replies, &p->reply);
	}
	in->host->peer_gone(in->handle, p);
	return r;
}

static int reply_open(struct fifo_instance *in, const char *token, size_t n, struct fifo_peer **ret)
{
	CLEANUP_FD int fd = -1;
	int r;

	if (!rv_token_valid(token, n)) {
		return -EINVAL; /* the host has checked; a mistake there must not open a path */
	}
	if (in->replies.n >= __atomic_load_n(&in->ep->max_peers, __ATOMIC_RELAXED) && !evict(in)) {
		return -EUSERS;
	}
	fd = fifo_open_reply(in->ep->dir_fd, token, n);
	if ((fd == -EMFILE || fd == -ENFILE) && evict(in)) {
		fd = fifo_open_reply(in->ep->dir_fd, token, n);
	}
	if (fd < 0) {
		return fd;
	}
	r = reply_new(in, token, n, fd, ret);
	if (r == 0) {
		fd = -1; /* the peer's now */
	}
	return r;
}

int fifo_reply_peer(void *block, const char *token, size_t n, void **ret)
{
	struct fifo_instance *in = block;
	struct reply *e = replies_find(&in->replies, token, n);
	struct fifo_peer *p = NULL;
	int r = 0;

	if (e) {
		p = CONTAINER_OF(e, struct fifo_peer, reply);
	} else {
		r = reply_open(in, token, n, &p);
	}
	if (r < 0) {
		log_refused(in, token, n, why_refused(r));
		return r;
	}
	*ret = p;
	return 0;
}
