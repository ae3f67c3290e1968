#include "bench/link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "util/fd.h"

static int bytes_send(struct link *l)
{
	while (link_unsent(l)) {
		size_t n = MIN(l->goal - l->sent, MIN(l->script.tx_len - l->at, LINK_READ));
		ssize_t k = write(l->tx, l->script.tx + l->at, n);

		if (k < 0) {
			return -errno;
		}
		l->sent += (uint64_t)k;
		l->at = l->at + (size_t)k == l->script.tx_len ? 0 : l->at + (size_t)k;
	}
	return 0;
}

static int bytes_receive(struct link *l, struct rv_err *err)
{
	ssize_t n = read(l->rx, l->buf, LINK_READ);

	if (n <= 0) {
		return n < 0 ? -errno : -ECONNRESET;
	}
	return script_check_bytes(&l->check, &l->script, l->buf, (size_t)n, err);
}

static size_t message_len(const struct link *l, size_t i)
{
	return l->script.cuts[i + 1] - l->script.cuts[i];
}

static void sent_messages(struct link *l, size_t n)
{
	l->sent += n;
	l->at = (l->at + n) % (l->script.n * l->script.messages);
}

/* How many messages from l->at on go into one write that stays whole. */
static size_t fit_pipe_buf(const struct link *l, size_t *ret_bytes)
{
	size_t most = MIN(l->goal - l->sent, l->script.n * l->script.messages - l->at), n = 0;

	*ret_bytes = 0;
	while (n < most && *ret_bytes + message_len(l, l->at + n) <= PIPE_BUF) {
		*ret_bytes += message_len(l, l->at + n);
		n++;
	}
	return n;
}

static int atomic_send(struct link *l)
{
	while (link_unsent(l)) {
		size_t bytes, n = fit_pipe_buf(l, &bytes);
		ssize_t k = write(l->tx, l->script.tx + l->script.cuts[l->at], bytes);

		if (k < 0) {
			return -errno;
		}
		if ((size_t)k != bytes) {
			return -EIO; /* pipe(7) promises all or nothing */
		}
		sent_messages(l, n);
	}
	return 0;
}

static int packets_send_one(struct link *l)
{
	ssize_t k = send(
		l->tx, l->script.tx + l->script.cuts[l->at], message_len(l, l->at), MSG_NOSIGNAL);

	if (k < 0) {
		return -errno;
	}
	sent_messages(l, 1);
	return 0;
}

static int packets_send(struct link *l)
{
	struct mmsghdr m[LINK_BATCH];
	struct iovec v[LINK_BATCH];

	if (l->single && l->goal - l->sent == 1) {
		return packets_send_one(l);
	}
	while (link_unsent(l)) {
		size_t n = MIN(LINK_BATCH,
			MIN(l->goal - l->sent, l->script.n * l->script.messages - l->at));
		int k;

		for (size_t i = 0; i < n; i++) {
			v[i].iov_base = l->script.tx + l->script.cuts[l->at + i];
			v[i].iov_len = message_len(l, l->at + i);
			m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &v[i], .msg_iovlen = 1}};
		}
		k = sendmmsg(l->tx, m, (unsigned)n, MSG_NOSIGNAL);
		if (k < 0) {
			return -errno;
		}
		sent_messages(l, (size_t)k);
	}
	return 0;
}

static int packets_receive_one(struct link *l, struct rv_err *err)
{
	ssize_t n = recv(l->rx, l->buf, l->buf_each, 0);

	if (n <= 0) {
		return n < 0 ? -errno : -ECONNRESET;
	}
	return script_check_message(&l->check, &l->script, l->buf, (size_t)n, err);
}

static int packets_receive(struct link *l, struct rv_err *err)
{
	struct mmsghdr m[LINK_BATCH];
	struct iovec v[LINK_BATCH];
	int done = 0, k;

	if (l->single) {
		return packets_receive_one(l, err);
	}
	for (size_t i = 0; i < LINK_BATCH; i++) {
		v[i] = (struct iovec){l->buf + i * l->buf_each, l->buf_each};
		m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &v[i], .msg_iovlen = 1}};
	}
	k = recvmmsg(l->rx, m, LINK_BATCH, MSG_DONTWAIT, NULL);
	if (k < 0) {
		return -errno;
	}
	for (int i = 0; i < k; i++) {
		int r = m[i].msg_len == 0
				? -ECONNRESET
				: script_check_message(&l->check, &l->script,
					  l->buf + (size_t)i * l->buf_each, m[i].msg_len, err);

		if (r < 0) {
			return r;
		}
		done += r;
	}
	return done;
}

static int queue_send(struct link *l)
{
	while (link_unsent(l)) {
		const char *p = (const char *)l->script.tx + l->script.cuts[l->at];

		if (mq_send(l->tx, p, message_len(l, l->at), 0) < 0) {
			return -errno;
		}
		sent_messages(l, 1);
	}
	return 0;
}

static int queue_receive(struct link *l, struct rv_err *err)
{
	int done = 0;

	/* A queue hands out one message a call; take some before going on, but one
	 * only where the call may block. */
	for (size_t i = 0; i < (l->single ? 1 : LINK_BATCH); i++) {
		ssize_t n = mq_receive(l->rx, (char *)l->buf, l->buf_each, NULL);
		int r;

		if (n < 0) {
			return i > 0 && errno == EAGAIN ? done : -errno;
		}
		r = script_check_message(&l->check, &l->script, l->buf, (size_t)n, err);
		if (r < 0) {
			return r;
		}
		done += r;
	}
	return done;
}

const struct link_ops link_bytes = {bytes_send, bytes_receive, NULL, NULL};
const struct link_ops link_atomic = {atomic_send, bytes_receive, NULL, NULL};
const struct link_ops link_packets = {packets_send, packets_receive, NULL, NULL};
const struct link_ops link_queue = {queue_send, queue_receive, NULL, NULL};

static int set_blocking(int fd, bool on)
{
	int fl = fcntl(fd, F_GETFL);

	if (fl < 0 || fcntl(fd, F_SETFL, on ? fl & ~O_NONBLOCK : fl | O_NONBLOCK) < 0) {
		return -errno;
	}
	return 0;
}

int link_set_blocking(struct link *l, bool on)
{
	int r = l->library ? 0 : set_blocking(l->rx, on);

	l->blocking = on;
	if (l->library) {
		return 0;
	}
	return r < 0 ? r : set_blocking(l->tx, on);
}

void link_finish(struct link *l)
{
	bool two = l->tx != l->rx && !l->tx_shared;

	if (l->ops && l->ops->finish) {
		l->ops->finish(l);
	}
	if (l->unlink[0] && l->ops == &link_queue) {
		mq_unlink(l->unlink);
	} else if (l->unlink[0]) {
		unlink(l->unlink);
	}
	fd_close(l->rx);
	if (two) {
		fd_close(l->tx);
	}
	script_finish(&l->script);
	l->rx = l->tx = -1;
	l->unlink[0] = '\0';
}
