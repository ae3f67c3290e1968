#include "fifo/fifo.h"

#include <fcntl.h>
#include <limits.h>
#include <syslog.h>

static struct fifo_peer *peer_of(struct out_peer *out)
{
	return CONTAINER_OF(out, struct fifo_peer, out);
}

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

/* Opens DIR/token for writing. The descriptor, or -errno: -EPERM means it is no
 * FIFO, -ENXIO that nobody reads it. */
static int open_reply(int dir, const char *token, size_t n)
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

static void on_event(int fd, short what, void *arg)
{
	struct fifo_peer *p = arg;
	struct fifo_instance *in = p->in;

	(void)fd;
	if (what & EV_READ) { /* nothing can be read there: the reader has left */
		if (out_unsent(&in->out, &p->out)) {
			in->host->dropped(in->handle, RV_DROP_PEER_GONE, 1);
		}
		fifo_peer_end(p);
		return;
	}
	out_writable(&in->out, &p->out);
}

static int arm(struct fifo_peer *p, bool write)
{
	short what = p->source ? 0 : EV_READ;

	event_del(&p->event);
	what = (short)(what | (write ? EV_WRITE : 0));
	if (!what) {
		return 0;
	}
	event_assign(&p->event, p->in->host->event_base(p->in->handle), p->fd,
		(short)(what | EV_PERSIST), on_event, p);
	return event_add(&p->event, NULL) < 0 ? -ENOMEM : 0;
}

static int peer_new(struct fifo_instance *in, int fd, bool source, struct fifo_peer **ret)
{
	struct rv_peer_info info = {
		.flags = RV_PEER_STREAM | (source ? RV_PEER_SHARED : RV_PEER_REPLY_ONLY),
		.max_message = source ? 0 : PIPE_BUF, /* so a frame is never torn */
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
	};
	struct fifo_peer *p;
	void *block;
	int r = in->host->peer_new(in->handle, &info, &block);

	if (r < 0) {
		return r;
	}
	p = block;
	p->in = in;
	p->fd = fd;
	p->source = source;
	event_assign(&p->event, in->host->event_base(in->handle), fd, EV_WRITE, on_event, p);
	*ret = p;
	return 0;
}

int fifo_source_new(struct fifo_instance *in)
{
	return peer_new(in, in->ep->out_fd, true, &in->source);
}

/* Takes fd over on success. */
static int reply_new(
	struct fifo_instance *in, const char *token, size_t n, int fd, struct fifo_peer **ret)
{
	struct fifo_peer *p;
	int r = peer_new(in, fd, false, &p);

	if (r == -EUSERS && evict(in)) {
		r = peer_new(in, fd, false, &p);
	}
	if (r < 0) {
		return r;
	}
	r = replies_add(&in->replies, &p->reply, token, n);
	if (r == 0) {
		r = arm(p, false);
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
	fd = open_reply(in->ep->dir_fd, token, n);
	if ((fd == -EMFILE || fd == -ENFILE) && evict(in)) {
		fd = open_reply(in->ep->dir_fd, token, n);
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

static void forget(struct fifo_peer *p)
{
	struct fifo_peer **at = &p->in->closing;

	if (!p->closing) {
		replies_remove(&p->in->replies, &p->reply);
		return;
	}
	while (*at != p) {
		at = &(*at)->next_closing;
	}
	*at = p->next_closing;
}

void fifo_peer_end(struct fifo_peer *p)
{
	struct fifo_instance *in = p->in;

	event_del(&p->event);
	out_drop(&in->out, &p->out);
	if (p->source) {
		in->source = NULL;
	} else {
		forget(p);
		close(p->fd);
	}
	in->host->peer_gone(in->handle, p);
	fifo_check_drained(in);
}

/* Nobody has read PATH.out for slow_timeout. What is in it answers questions of
 * long ago: it goes, so that the next to read finds the answers of its time. */
static void discard_out(struct fifo_instance *in)
{
	size_t most = 4 * FIFO_CHUNK; /* in case somebody writes there as fast */
	ssize_t n;

	while (most > 0 && (n = read(in->ep->out_fd, in->chunk, FIFO_CHUNK)) > 0) {
		most -= (size_t)n < most ? (size_t)n : most;
	}
}

/* The request FIFO serves on: another source takes the place of this one. */
static void source_renew(struct fifo_peer *p)
{
	struct fifo_instance *in = p->in;
	int r;

	discard_out(in);
	fifo_peer_end(p);
	r = fifo_source_new(in);
	if (r == 0 && (!in->draining || in->left > 0)) {
		r = event_add(&in->event, NULL) < 0 ? -ENOMEM : 0;
	}
	if (r < 0) {
		in->host->failed(in->handle, r);
	}
}

/* What is unsent goes out later; then the peer ends. */
static void close_later(struct fifo_peer *p)
{
	struct fifo_instance *in = p->in;

	replies_remove(&in->replies, &p->reply);
	p->closing = true;
	p->next_closing = in->closing;
	in->closing = p;
}

void fifo_peer_close(void *block, void *peer, enum rv_close how)
{
	struct fifo_instance *in = block;
	struct fifo_peer *p = peer;
	int r = how == RV_CLOSE_FLUSH ? out_flush(&in->out, &p->out) : 0;

	if (r < 0 && r != -EAGAIN) {
		return; /* it has ended in there */
	}
	if (p->source) {
		source_renew(p);
	} else if (r == -EAGAIN && !p->closing) {
		close_later(p);
	} else if (r == 0) {
		fifo_peer_end(p);
	}
}

/* The client has left, and perhaps come back and made its FIFO anew. */
static int reopen(struct fifo_peer *p)
{
	int fd = open_reply(p->in->ep->dir_fd, p->reply.token, p->reply.len);

	if (fd < 0) {
		return fd;
	}
	event_del(&p->event);
	close(p->fd);
	p->fd = fd;
	return arm(p, false);
}

static ssize_t do_send(struct out *out, struct out_peer *op, const void *data, size_t n)
{
	struct fifo_peer *p = peer_of(op);
	ssize_t k = write(p->fd, data, n);

	(void)out;
	/* Without a tail what is to be sent starts with a whole frame. */
	if (k < 0 && errno == EPIPE && !p->source && !p->closing && !op->tail && reopen(p) == 0) {
		k = write(p->fd, data, n);
	}
	return k < 0 ? -errno : k;
}

static int do_watch(struct out *out, struct out_peer *op, bool on)
{
	(void)out;
	return arm(peer_of(op), on);
}

static void do_sent(struct out *out, struct out_peer *op)
{
	struct fifo_peer *p = peer_of(op);
	struct fifo_instance *in = p->in;

	if (p->closing) {
		fifo_peer_end(p);
		return;
	}
	in->host->writable(out->handle, p);
	fifo_check_drained(in);
}

static void do_broken(struct out *out, struct out_peer *op, int err)
{
	struct fifo_peer *p = peer_of(op);

	out->host->dropped(out->handle, err == -EPIPE ? RV_DROP_PEER_GONE : RV_DROP_IO, 1);
	if (p->source) {
		source_renew(p);
	} else {
		fifo_peer_end(p);
	}
}

const struct out_ops fifo_out_ops = {
	.offset = offsetof(struct fifo_peer, out),
	.send = do_send,
	.watch = do_watch,
	.sent = do_sent,
	.broken = do_broken,
};
