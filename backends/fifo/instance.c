#include "fifo/fifo.h"

#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <syslog.h>

/* All that had arrived is read and the kernel has all that was committed. */
void fifo_check_drained(struct fifo_instance *in)
{
	if (in->draining && !in->drained && in->left == 0 && in->out.n_tails == 0) {
		in->drained = true;
		in->host->drained(in->handle);
	}
}

static void read_stop(struct fifo_instance *in)
{
	event_del(&in->event);
}

static void count_down(struct fifo_instance *in, size_t n)
{
	if (!in->draining) {
		return;
	}
	in->left -= n < in->left ? n : in->left;
	if (in->left == 0) {
		read_stop(in);
		fifo_check_drained(in);
	}
}

static void on_request(int fd, short what, void *arg)
{
	struct fifo_instance *in = arg;
	size_t size = FIFO_CHUNK;
	enum rv_next next;
	ssize_t n;

	(void)what;
	if (in->draining && in->left < size) {
		size = in->left; /* what comes later is not ours to answer */
	}
	n = read(fd, in->chunk, size);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		in->host->log(
			in->handle, LOG_ERR, "%s: cannot read: %s", in->ep->path, strerror(errno));
		in->host->dropped(in->handle, RV_DROP_IO, 1);
		read_stop(in);
		in->host->failed(in->handle, -errno);
		return;
	}
	if (n <= 0) {
		return;
	}
	next = in->host->bytes(
		in->handle, in->source, in->chunk, (size_t)n, (size_t)n < FIFO_CHUNK);
	if (next == RV_READ_STOP) {
		read_stop(in);
	}
	count_down(in, (size_t)n);
}

/* The name was unlinked, moved or replaced. The FIFO that we hold serves on,
 * but nobody new finds it, and only the admin can know what was meant. */
static void on_watch(int fd, short what, void *arg)
{
	struct fifo_instance *in = arg;
	char buf[sizeof(struct inotify_event) * 16];

	(void)what;
	while (read(fd, buf, sizeof(buf)) > 0) {
	}
	if (in->draining || names_id_same(in->ep->id, names_id_path(in->ep->path))) {
		return; /* a mode or an owner changed, or we removed it ourselves */
	}
	in->host->log(in->handle, LOG_WARNING,
		"%s: the name was removed or replaced; who has it open is still served, others "
		"need a restart of revd",
		in->ep->path);
	event_del(&in->watch_event);
}

/* Best effort: without inotify nothing is lost but a message. */
static void watch_name(struct fifo_instance *in)
{
	in->watch_fd = -1;
	if (!in->ep->id.ino) {
		return;
	}
	in->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (in->watch_fd < 0 || inotify_add_watch(in->watch_fd, in->ep->path,
					IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF) < 0) {
		fd_close_p(&in->watch_fd);
		return;
	}
	event_assign(&in->watch_event, in->host->event_base(in->handle), in->watch_fd,
		EV_READ | EV_PERSIST, on_watch, in);
	if (event_add(&in->watch_event, NULL) < 0) {
		fd_close_p(&in->watch_fd);
	}
}

static int start(struct fifo_instance *in)
{
	int r;

	in->chunk = malloc(FIFO_CHUNK);
	if (!in->chunk) {
		return -ENOMEM;
	}
	r = fifo_source_new(in);
	if (r < 0) {
		return r;
	}
	return event_add(&in->event, NULL) < 0 ? -ENOMEM : 0;
}

int fifo_attach(void *block, void *ep, const struct rv_host *host, struct rv_instance *handle,
	struct rv_err *e)
{
	struct fifo_instance *in = block;
	int r;

	*in = (struct fifo_instance){
		.ep = ep, .host = host, .handle = handle, .watch_fd = -1, .attached = true};
	out_init(&in->out, host, handle, &fifo_out_ops);
	event_assign(&in->event, host->event_base(handle), in->ep->fd, EV_READ | EV_PERSIST,
		on_request, in);
	r = start(in);
	if (r < 0) {
		rv_fail(e, r, "%s: cannot serve: %s", in->ep->path, strerror(-r));
		fifo_detach(in);
		return r;
	}
	watch_name(in);
	return 0;
}

void fifo_drain(void *block)
{
	struct fifo_instance *in = block;
	int n = 0;

	in->draining = true;
	fifo_release_names(in->ep); /* another endpoint may want them now */
	if (in->ep->adopted) {
		in->left = 0; /* whoever gave it to us keeps it open for the next revd */
	} else {
		in->left = ioctl(in->ep->fd, FIONREAD, &n) < 0 ? 0 : (size_t)n;
	}
	if (in->left == 0) {
		read_stop(in);
	}
	fifo_check_drained(in);
}

void fifo_detach(void *block)
{
	struct fifo_instance *in = block;

	if (!in->attached) {
		return;
	}
	in->drained = true; /* nobody asks any more */
	event_del(&in->event);
	if (in->watch_fd >= 0) {
		event_del(&in->watch_event);
		fd_close_p(&in->watch_fd);
	}
	while (in->replies.oldest) {
		fifo_peer_end(CONTAINER_OF(in->replies.oldest, struct fifo_peer, reply));
	}
	while (in->closing) {
		fifo_peer_end(in->closing);
	}
	if (in->source) {
		fifo_peer_end(in->source);
	}
	out_finish(&in->out);
	replies_finish(&in->replies);
	free(in->chunk);
	*in = (struct fifo_instance){.watch_fd = -1};
}

void fifo_resume(void *block, void *peer)
{
	struct fifo_instance *in = block;

	if (peer == in->source && (!in->draining || in->left > 0)) {
		/* The contract has no way to say that this failed but failed(). */
		if (event_add(&in->event, NULL) < 0) {
			in->host->failed(in->handle, -ENOMEM);
		}
	}
}

int fifo_reserve(void *block, void *peer, size_t min, struct rv_room *ret)
{
	struct fifo_instance *in = block;
	struct fifo_peer *p = peer;

	return out_reserve(&in->out, &p->out, min, ret);
}

void fifo_commit(void *block, void *peer, size_t used, uint32_t tag)
{
	struct fifo_instance *in = block;
	struct fifo_peer *p = peer;

	(void)tag; /* a FIFO has no priorities */
	out_commit(&in->out, &p->out, used);
}

void fifo_flush(void *block, void *peer)
{
	struct fifo_instance *in = block;
	struct fifo_peer *p = peer;

	(void)out_flush(&in->out, &p->out); /* the host hears of it by other ways */
}
