#include "fifo/peer.h"

#include <event2/event.h>
#include <limits.h>
#include "fifo/reply.h"

static struct fifo_peer *of_shared(const struct rv_shared_peer *p)
{
	return CONTAINER_OF(p, struct fifo_peer, shared);
}

static struct fifo_peer *of_out(struct rv_writer_peer *out)
{
	return CONTAINER_OF(out, struct fifo_peer, out);
}

static struct fifo_instance *instance_of(const struct fifo_peer *p)
{
	return CONTAINER_OF(p->shared.all, struct fifo_instance, shared);
}

static void on_event(int fd, short what, void *arg)
{
	struct fifo_peer *p = arg;
	struct fifo_instance *in = instance_of(p);

	(void)fd;
	if (what & EV_READ) { /* nothing can be read there: the reader has left */
		if (rv_writer_unsent(&in->writer, &p->out)) {
			in->shared.host->dropped(in->shared.handle, RV_DROP_PEER_GONE, 1);
		}
		rv_shared_end(&p->shared);
		return;
	}
	rv_writer_writable(&in->writer, &p->out);
}

/* Waits for the reader to leave and, if `write`, for room. */
static int watch(struct fifo_peer *p, bool write)
{
	const struct rv_shared *all = p->shared.all;
	short what = p->shared.line ? 0 : EV_READ;

	event_del(&p->event);
	what = (short)(what | (write ? EV_WRITE : 0));
	if (!what) {
		return 0;
	}
	event_assign(&p->event, all->host->event_base(all->handle), p->shared.fd,
		(short)(what | EV_PERSIST), on_event, p);
	return event_add(&p->event, NULL) < 0 ? -ENOMEM : 0;
}

/* Peers. */

static int open_reply(struct rv_shared *all, const char *token, size_t n)
{
	struct fifo_instance *in = CONTAINER_OF(all, struct fifo_instance, shared);

	fifo_orphans_expect(&in->orphans);
	return fifo_open_reply(in->ep->dir_fd, token, n);
}

static void describe(struct rv_shared *all, int fd, bool line, struct rv_peer_info *info)
{
	(void)all;
	(void)fd;
	info->flags = RV_PEER_STREAM;
	info->max_message = line ? 0 : PIPE_BUF; /* so a frame is never torn */
}

static int begin(struct rv_shared_peer *shared)
{
	struct fifo_peer *p = of_shared(shared);

	event_assign(&p->event, shared->all->host->event_base(shared->all->handle), shared->fd,
		EV_WRITE, on_event, p);
	return watch(p, false);
}

static void end(struct rv_shared_peer *shared)
{
	struct fifo_peer *p = of_shared(shared);

	event_del(&p->event);
	rv_writer_drop(&instance_of(p)->writer, &p->out);
}

static int flush(struct rv_shared_peer *shared)
{
	struct fifo_peer *p = of_shared(shared);

	return rv_writer_flush(&instance_of(p)->writer, &p->out);
}

/* The owner of the arena may be in the middle of a reply. */
static bool is_busy(const struct rv_shared_peer *shared)
{
	const struct fifo_peer *p = of_shared(shared);

	return p->out.tail || instance_of(p)->writer.owner == &p->out;
}

static size_t n_unsent(const struct rv_shared *all)
{
	return CONTAINER_OF(all, struct fifo_instance, shared)->writer.n_tails;
}

static void discard_lines(struct rv_shared *all)
{
	struct fifo_instance *in = CONTAINER_OF(all, struct fifo_instance, shared);
	size_t most = (size_t)2 << 20; /* in case somebody writes there as fast */
	ssize_t n;

	while (most > 0 && (n = read(in->ep->out_fd, in->chunk, FIFO_CHUNK)) > 0) {
		most -= (size_t)n < most ? (size_t)n : most;
	}
}

const struct rv_shared_ops fifo_shared_ops = {
	.reply_name = "reply FIFO",
	.open_reply = open_reply,
	.why = fifo_why_refused,
	.describe = describe,
	.begin = begin,
	.end = end,
	.flush = flush,
	.is_busy = is_busy,
	.n_unsent = n_unsent,
	.discard_lines = discard_lines,
};

/* Output. */

/* The client has left, and perhaps come back and made its FIFO anew. */
static int reopen(struct fifo_peer *p)
{
	const struct rv_peer_cache_entry *e = &p->shared.entry;
	int fd = fifo_open_reply(instance_of(p)->ep->dir_fd, e->token, e->len);

	if (fd < 0) {
		return fd;
	}
	event_del(&p->event);
	close(p->shared.fd);
	p->shared.fd = fd;
	return watch(p, false);
}

static ssize_t do_send(struct rv_writer *w, struct rv_writer_peer *op, const void *data, size_t n)
{
	struct fifo_peer *p = of_out(op);
	ssize_t k = write(p->shared.fd, data, n);

	(void)w;
	/* Without a tail what is to be sent starts with a whole frame. */
	if (k < 0 && errno == EPIPE && !p->shared.line && !p->shared.closing && !op->tail &&
		reopen(p) == 0) {
		k = write(p->shared.fd, data, n);
	}
	return k < 0 ? -errno : k;
}

static int do_watch(struct rv_writer *w, struct rv_writer_peer *op, bool on)
{
	(void)w;
	return watch(of_out(op), on);
}

static void do_sent(struct rv_writer *w, struct rv_writer_peer *op)
{
	(void)w;
	rv_shared_sent(&of_out(op)->shared);
}

static void do_broken(struct rv_writer *w, struct rv_writer_peer *op, int err)
{
	w->host->dropped(w->handle, err == -EPIPE ? RV_DROP_PEER_GONE : RV_DROP_IO, 1);
	rv_shared_end(&of_out(op)->shared);
}

const struct rv_writer_ops fifo_writer_ops = {
	.offset = offsetof(struct fifo_peer, out),
	.send = do_send,
	.watch = do_watch,
	.sent = do_sent,
	.broken = do_broken,
};

int fifo_reserve(void *block, void *peer, size_t min, struct rv_room *ret)
{
	struct fifo_instance *in = block;
	struct fifo_peer *p = peer;

	return rv_writer_reserve(&in->writer, &p->out, min, ret);
}

void fifo_commit(void *block, void *peer, size_t used, uint32_t tag)
{
	struct fifo_instance *in = block;
	struct fifo_peer *p = peer;

	(void)tag; /* a FIFO has no priorities */
	rv_writer_commit(&in->writer, &p->out, used);
}

void fifo_flush(void *block, void *peer)
{
	struct fifo_instance *in = block;
	struct fifo_peer *p = peer;

	(void)rv_writer_flush(&in->writer, &p->out); /* the host hears of it by other ways */
}
