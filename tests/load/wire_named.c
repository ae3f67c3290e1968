/* FIFOs and queues: one way in for all clients, and a name of one's own for the replies to frames;
 * those to lines come where the daemon says. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "load/wire.h"

#define REPLY_MODE 0622 /* the daemon may write, others may not read */

static int make_fifo(struct wire *w)
{
	wire_make_token(w);
	snprintf(w->reply_name, sizeof(w->reply_name), "%.100s.d/%s", w->address, w->token);
	if (mkfifo(w->reply_name, REPLY_MODE) < 0) {
		w->reply_name[0] = '\0';
		return -errno;
	}
	return chmod(w->reply_name, REPLY_MODE) < 0 ? -errno : 0;
}

static int fifo_open(struct wire *w)
{
	char out[160];
	int r = w->lines ? 0 : make_fifo(w);

	if (r < 0) {
		return r;
	}
	snprintf(out, sizeof(out), "%.100s.out", w->address);
	/* Both ways: no end while no daemon has it open. */
	w->in = open(w->lines ? out : w->reply_name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (w->in < 0) {
		return -errno;
	}
	w->out = open(w->address, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return w->out < 0 ? -errno : 0;
}

static void fifo_close(struct wire *w)
{
	if (w->reply_name[0]) {
		unlink(w->reply_name);
		w->reply_name[0] = '\0';
	}
}

static int make_queue(struct wire *w)
{
	struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 1088};

	wire_make_token(w);
	snprintf(w->reply_name, sizeof(w->reply_name), "%.100s.%s", w->address, w->token);
	w->in = mq_open(w->reply_name, O_CREAT | O_EXCL | O_RDONLY | O_NONBLOCK | O_CLOEXEC,
		REPLY_MODE, &attr);
	if (w->in < 0) {
		w->reply_name[0] = '\0';
		return -errno;
	}
	return fchmod(w->in, REPLY_MODE) < 0 ? -errno : 0;
}

static int queue_open(struct wire *w)
{
	char out[160];
	int r = 0;

	if (w->lines) {
		snprintf(out, sizeof(out), "%.100s.out", w->address);
		w->in = mq_open(out, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		r = w->in < 0 ? -errno : 0;
	} else {
		r = make_queue(w);
	}
	if (r == 0) {
		w->out = mq_open(w->address, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		r = w->out < 0 ? -errno : 0;
	}
	return r;
}

static ssize_t queue_send(struct wire *w, const void *p, size_t n)
{
	return mq_send(w->out, p, n, 0) < 0 ? -errno : (ssize_t)n;
}

static ssize_t queue_recv(struct wire *w, void *p, size_t n)
{
	ssize_t k = mq_receive(w->in, p, n, NULL);

	return k < 0 ? -errno : k;
}

static void queue_close(struct wire *w)
{
	if (w->reply_name[0]) {
		mq_unlink(w->reply_name);
		w->reply_name[0] = '\0';
	}
}

#define SMALL .text_max = 2500, .budget = 48u << 10, .shared = true, .messages = true

const struct wire_kind wire_fifo = {.name = "fifo",
	SMALL,
	.gather = PIPE_BUF,
	.open = fifo_open,
	.send = wire_write,
	.recv = wire_read,
	.close = fifo_close};
const struct wire_kind wire_mqueue = {.name = "mqueue",
	SMALL,
	.open = queue_open,
	.send = queue_send,
	.recv = queue_recv,
	.close = queue_close};
