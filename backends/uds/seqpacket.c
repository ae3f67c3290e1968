#include "uds/seqpacket.h"

#include <revd/base/stream.h>
#include <sys/socket.h>

#define FRAME_MAX ((size_t)64 << 10) /* reply frames larger than that go as fragments */
/* One slot per message of a batch. It is address space; a slot costs memory only where
 * a message reached into it. */
#define SEQPACKET_SLOT ((size_t)512 << 10)
#define SEQPACKET_SLOTS 32
#define PATIENCE 32 /* receptions of one message before two are asked for again */

static struct seqpackets *all_of(const struct rv_connection *c)
{
	return CONTAINER_OF(c->all, struct seqpackets, connections);
}

/* Input. The system calls that can be spared: a mark on each message (0.5 us) where the
 * kernel rules out the end of the input, a second look into an empty queue, and glibc's
 * preparations for cancellation. */

/* How many messages to ask for next time. Asking for one more than there is costs
 * a look into an empty queue, so after a miss that is not tried again for a while. */
static void adapt_batch(struct seqpackets *in, unsigned n)
{
	if (n == in->batch && in->patience > 0) {
		in->patience--;
	} else if (n == in->batch) {
		in->batch = in->batch < SEQPACKET_SLOTS / 2 ? 2 * in->batch : SEQPACKET_SLOTS;
	} else if (n <= in->batch / 2) {
		in->patience = n <= 1 ? PATIENCE : 0;
		in->batch = n > 1 ? n : 1;
	}
}

/* Room for what SO_PASSCRED adds to each message. An empty message reads as 0 like
 * the end of the input, but only a message has credentials. (To ask for them costs
 * 0.5 us.) */
struct control {
	_Alignas(struct cmsghdr) char buf[CMSG_SPACE(sizeof(struct ucred))];
};

struct reception {
	struct mmsghdr v[SEQPACKET_SLOTS];
	struct iovec iov[SEQPACKET_SLOTS];
	struct control control[SEQPACKET_SLOTS];
};

static int receive_marked(struct rv_connection *c, struct reception *r)
{
	struct seqpackets *in = all_of(c);
	int n;

	for (unsigned i = 0; i < in->batch; i++) {
		r->iov[i] =
			(struct iovec){.iov_base = in->connections.buf + (size_t)i * SEQPACKET_SLOT,
				.iov_len = SEQPACKET_SLOT};
		r->v[i].msg_hdr = (struct msghdr){.msg_iov = &r->iov[i],
			.msg_iovlen = 1,
			.msg_control = &r->control[i],
			.msg_controllen = sizeof(r->control[i])};
	}
	n = recvmmsg(rv_connection_fd(c), r->v, in->batch, MSG_DONTWAIT | MSG_TRUNC, NULL);
	return n < 0 ? -errno : n;
}

/* The number of messages, or -errno. sure: the input has not ended yet, so that the
 * first one is a message also if it is empty, and needs no mark. */
static int receive(struct rv_connection *c, struct reception *r, bool sure)
{
	ssize_t len;

	if (!sure || all_of(c)->batch > 1) {
		return receive_marked(c, r);
	}
	len = rv_socket_recv(c, c->all->buf, SEQPACKET_SLOT, MSG_TRUNC);
	if (len < 0) {
		return (int)len;
	}
	r->v[0].msg_len = (unsigned)len;
	r->v[0].msg_hdr.msg_controllen = 1;
	return 1;
}

static bool is_end(const struct mmsghdr *m)
{
	return m->msg_len == 0 && m->msg_hdr.msg_controllen == 0;
}

static bool read_packets(struct rv_connection *c, bool sure)
{
	const struct rv_writer *out = &c->all->out;
	struct reception r;
	struct rv_msg msgs[SEQPACKET_SLOTS];
	int n = receive(c, &r, sure), k;

	if (n < 0) {
		rv_connection_no_input(c, -n);
		return false;
	}
	adapt_batch(all_of(c), (unsigned)n);
	for (k = 0; k < n && !is_end(&r.v[k]); k++) {
		size_t len = r.v[k].msg_len;

		msgs[k] = (struct rv_msg){
			.data = c->all->buf + (size_t)k * SEQPACKET_SLOT,
			.len = len < SEQPACKET_SLOT ? len : SEQPACKET_SLOT,
			.total = len > SEQPACKET_SLOT ? len : 0,
		};
	}
	if (k > 0) {
		rv_connection_took(c, out->host->messages(out->handle, c, msgs, (size_t)k));
	}
	if (k < n && c->state == RV_CONNECTION_OPEN) {
		rv_connection_input_over(c, true);
	}
	return k == n;
}

/* Output. */

/* As many messages as one call takes. The rest follows with another one. */
static int send_several(int fd, const uint8_t *p, const uint8_t *end)
{
	struct mmsghdr v[SEQPACKET_SLOTS];
	struct iovec iov[SEQPACKET_SLOTS];
	unsigned n = 0;

	while (p < end && n < SEQPACKET_SLOTS) {
		const struct rv_writer_message m = rv_writer_message(p);

		iov[n] = (struct iovec){.iov_base = (void *)(uintptr_t)m.data, .iov_len = m.len};
		v[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[n], .msg_iovlen = 1}};
		n++;
		p = m.data + m.len;
	}
	return sendmmsg(fd, v, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t send_packets(void *connection, const void *data, size_t n)
{
	const struct rv_writer_message first = rv_writer_message(data);
	const uint8_t *p = data, *end = p + n;
	int k = 1;
	ssize_t r;

	if (first.data + first.len == end) {
		r = rv_socket_send(connection, first.data, first.len);
	} else {
		k = send_several(rv_connection_fd(connection), p, end);
		r = k < 0 ? -errno : 0;
	}
	if (r < 0) {
		return r == -ENOBUFS ? -EAGAIN : r;
	}
	for (; k > 0; k--) {
		p += RV_WRITER_HEAD + rv_writer_message(p).len;
	}
	return p - (const uint8_t *)data;
}

/* Beginning and end. */

int seqpackets_init(struct seqpackets *all, const struct rv_host *host, struct rv_instance *handle)
{
	static const struct rv_connection_ops ops = {.messages = true,
		.input = read_packets,
		.send = send_packets,
		.watch_end = true, /* see receive() */
		.close = rv_socket_close};

	all->batch = 1;
	return rv_connections_init(
		&all->connections, host, handle, &ops, SEQPACKET_SLOT * SEQPACKET_SLOTS);
}

void seqpacket_prepare(int fd, struct rv_peer_info *info)
{
	const int one = 1;
	int sndbuf = 0;
	socklen_t n = sizeof(sndbuf);

	(void)setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
	(void)getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, &n);
	info->max_line = sndbuf > 4096 ? (size_t)sndbuf - 1024 : 2048;
	info->max_message = info->max_line < FRAME_MAX ? info->max_line : FRAME_MAX;
}
