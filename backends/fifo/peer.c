#include "fifo/fifo.h"

#include <limits.h>

static struct fifo_peer *peer_of(struct out_peer *out)
{
	return CONTAINER_OF(out, struct fifo_peer, out);
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

int fifo_peer_watch(struct fifo_peer *p, bool write)
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

int fifo_peer_new(struct fifo_instance *in, int fd, bool source, struct fifo_peer **ret)
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
	return fifo_peer_new(in, in->ep->out_fd, true, &in->source);
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
	size_t most = 2 * FIFO_REPLIES; /* in case somebody writes there as fast */
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
	int fd = fifo_open_reply(p->in->ep->dir_fd, p->reply.token, p->reply.len);

	if (fd < 0) {
		return fd;
	}
	event_del(&p->event);
	close(p->fd);
	p->fd = fd;
	return fifo_peer_watch(p, false);
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
	return fifo_peer_watch(peer_of(op), on);
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
