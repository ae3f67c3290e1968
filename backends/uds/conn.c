/*
 * A connection. It has one event, whose interest follows two wishes: the host
 * wants input, the output has a tail.
 */
#include "uds/uds.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#define FRAME_MAX ((size_t)64 << 10) /* reply frames larger than that go as fragments */
#define DRAIN_READS 64               /* while draining; the rest comes with the next turn */
#define PATIENCE 32                  /* receptions of one message before two are asked for again */
#define DISCARD_READS 16             /* of input that nobody will serve */

/* recv() and send() are cancellation points: with threads in the process, glibc
 * switches the cancellation type before and after each, which is 3 % of a round
 * trip on one core. The bare calls are not. */
static ssize_t sys_recv(int fd, void *p, size_t n, int flags)
{
	return syscall(SYS_recvfrom, fd, p, n, flags | MSG_DONTWAIT, NULL, NULL);
}

static ssize_t sys_send(int fd, const void *p, size_t n)
{
	return syscall(SYS_sendto, fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
}

static int conn_fd(const struct uds_conn *c)
{
	return event_get_fd(&c->ev);
}

static void on_event(evutil_socket_t fd, short what, void *arg);

/* Messages: see read_packets() for what the end of the input is wanted for. */
static int wants_input(const struct uds_instance *in)
{
	return uds_is_stream(in) ? EV_READ : EV_READ | EV_CLOSED;
}

/* Makes libevent watch what is wanted now. */
static int arm(struct uds_conn *c)
{
	int fd = conn_fd(c);
	short what = 0;

	if (c->reading == c->armed_read && c->writing == c->armed_write) {
		return 0;
	}
	if (c->armed_read || c->armed_write) {
		event_del(&c->ev);
	}
	c->armed_read = c->reading;
	c->armed_write = c->writing;
	if (!c->reading && !c->writing) {
		return 0;
	}
	what = (short)((c->reading ? wants_input(c->in) : 0) | (c->writing ? EV_WRITE : 0));
	event_assign(&c->ev, c->in->host->event_base(c->in->handle), fd, (short)(what | EV_PERSIST),
		on_event, c);
	return event_add(&c->ev, NULL) < 0 ? -ENOMEM : 0;
}

static void want_read(struct uds_conn *c, bool on)
{
	c->reading = on;
	if (arm(c) < 0) {
		uds_peer_close(c->in, c, RV_CLOSE_NOW);
	}
}

static void drop_output(struct uds_conn *c)
{
	if (uds_is_stream(c->in)) {
		out_drop(&c->in->out, &c->out);
	} else {
		packets_drop(&c->in->packets, &c->packets);
	}
}

static bool is_unsent(const struct uds_conn *c)
{
	return uds_is_stream(c->in) ? out_unsent(&c->in->out, &c->out) : c->packets.tail != NULL;
}

static void conn_end(struct uds_conn *c)
{
	struct uds_instance *in = c->in;

	if (c->state == CONN_CLOSED) {
		return;
	}
	c->state = CONN_CLOSED;
	c->reading = c->writing = false;
	(void)arm(c);
	drop_output(c);
	close(conn_fd(c));
	in->host->peer_gone(in->handle, c);
	uds_conn_is_gone(in);
}

/* Input that is left unread would make close() a reset for the client. */
static void discard_input(struct uds_conn *c)
{
	for (int i = 0; i < DISCARD_READS && !c->ended; i++) {
		if (recv(conn_fd(c), c->in->buf, UDS_READ, MSG_DONTWAIT) <= 0) {
			return;
		}
	}
}

static void close_when_sent(struct uds_conn *c)
{
	if (c->state == CONN_CLOSING && !is_unsent(c)) {
		discard_input(c);
		conn_end(c);
	}
}

void uds_peer_close(void *block, void *peer, enum rv_close how)
{
	struct uds_conn *c = peer;

	(void)block;
	if (c->state == CONN_CLOSED) {
		return;
	}
	if (how == RV_CLOSE_NOW) {
		conn_end(c);
		return;
	}
	c->state = CONN_CLOSING;
	uds_flush(c->in, c);
	if (c->state == CONN_CLOSING) {
		c->reading = false;
		if (arm(c) < 0) {
			conn_end(c);
			return;
		}
		close_when_sent(c);
	}
}

/* Input. */

static void took(struct uds_conn *c, enum rv_next next)
{
	if (next == RV_READ_STOP && c->state == CONN_OPEN && c->reading) {
		want_read(c, false);
	}
}

static void input_ended(struct uds_conn *c)
{
	want_read(c, false);
	if (c->state == CONN_OPEN) {
		c->in->host->eof(c->in->handle, c);
	}
}

/* Nothing came: 0 or -errno of a read. */
static void no_input(struct uds_conn *c, int err)
{
	if (err == EAGAIN || err == EINTR) {
		if (err == EAGAIN && c->in->draining) {
			input_ended(c);
		}
		return;
	}
	c->in->host->dropped(c->in->handle, RV_DROP_PEER_GONE, err == ECONNRESET);
	conn_end(c);
}

/* Returns true if there may be more. */
static bool read_stream(struct uds_conn *c)
{
	struct uds_instance *in = c->in;
	ssize_t n = sys_recv(conn_fd(c), in->buf, UDS_READ, 0);

	if (n > 0) {
		took(c, in->host->bytes(in->handle, c, in->buf, (size_t)n, (size_t)n < UDS_READ));
		return true;
	}
	if (n == 0) {
		c->ended = true;
		input_ended(c);
	} else {
		no_input(c, errno);
	}
	return false;
}

/* How many messages to ask for next time. Asking for one more than there is costs
 * a look into an empty queue, so after a miss that is not tried again for a while. */
static void adapt_batch(struct uds_instance *in, unsigned n)
{
	if (n == in->batch && in->patience > 0) {
		in->patience--;
	} else if (n == in->batch) {
		in->batch = in->batch < UDS_SLOTS / 2 ? 2 * in->batch : UDS_SLOTS;
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
	struct mmsghdr v[UDS_SLOTS];
	struct iovec iov[UDS_SLOTS];
	struct control control[UDS_SLOTS];
};

static int receive_marked(struct uds_conn *c, struct reception *r)
{
	struct uds_instance *in = c->in;
	int n;

	for (unsigned i = 0; i < in->batch; i++) {
		r->iov[i] = (struct iovec){
			.iov_base = in->buf + (size_t)i * UDS_SLOT, .iov_len = UDS_SLOT};
		r->v[i].msg_hdr = (struct msghdr){.msg_iov = &r->iov[i],
			.msg_iovlen = 1,
			.msg_control = &r->control[i],
			.msg_controllen = sizeof(r->control[i])};
	}
	if (in->batch == 1) {
		ssize_t len = recvmsg(conn_fd(c), &r->v[0].msg_hdr, MSG_DONTWAIT | MSG_TRUNC);

		r->v[0].msg_len = len < 0 ? 0 : (unsigned)len;
		n = len < 0 ? -1 : 1;
	} else {
		n = recvmmsg(conn_fd(c), r->v, in->batch, MSG_DONTWAIT | MSG_TRUNC, NULL);
	}
	return n < 0 ? -errno : n;
}

/* The number of messages, or -errno. sure: the input has not ended yet, so that the
 * first one is a message also if it is empty, and needs no mark. */
static int receive(struct uds_conn *c, struct reception *r, bool sure)
{
	ssize_t len;

	if (!sure || c->in->batch > 1) {
		return receive_marked(c, r);
	}
	len = sys_recv(conn_fd(c), c->in->buf, UDS_SLOT, MSG_TRUNC);
	if (len < 0) {
		return -errno;
	}
	r->v[0].msg_len = (unsigned)len;
	r->v[0].msg_hdr.msg_controllen = 1;
	return 1;
}

static bool is_end(const struct mmsghdr *m)
{
	return m->msg_len == 0 && m->msg_hdr.msg_controllen == 0;
}

/* Returns true if there may be more. sure: the kernel has just said that there is
 * something to read, and not that the input has ended. */
static bool read_packets(struct uds_conn *c, bool sure)
{
	struct reception r;
	struct rv_msg msgs[UDS_SLOTS];
	int n = receive(c, &r, sure), k;

	if (n < 0) {
		no_input(c, -n);
		return false;
	}
	adapt_batch(c->in, (unsigned)n);
	for (k = 0; k < n && !is_end(&r.v[k]); k++) {
		size_t len = r.v[k].msg_len;

		msgs[k] = (struct rv_msg){
			.data = c->in->buf + (size_t)k * UDS_SLOT,
			.len = len < UDS_SLOT ? len : UDS_SLOT,
			.total = len > UDS_SLOT ? len : 0,
		};
	}
	if (k > 0) {
		took(c, c->in->host->messages(c->in->handle, c, msgs, (size_t)k));
	}
	if (k < n && c->state == CONN_OPEN) {
		c->ended = true;
		input_ended(c);
	}
	return k == n;
}

static void read_some(struct uds_conn *c, bool sure)
{
	bool stream = uds_is_stream(c->in);
	int reads = c->in->draining ? DRAIN_READS : 1;

	while (reads-- > 0 && c->state == CONN_OPEN && c->reading) {
		if (!(stream ? read_stream(c) : read_packets(c, sure))) {
			break;
		}
		sure = false;
	}
}

void uds_conn_read(struct uds_conn *c)
{
	read_some(c, false);
}

static void on_writable(struct uds_conn *c)
{
	if (uds_is_stream(c->in)) {
		out_writable(&c->in->out, &c->out);
	} else {
		packets_writable(&c->in->packets, &c->packets);
	}
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct uds_conn *c = arg;

	(void)fd;
	if (what & EV_WRITE && c->writing) {
		on_writable(c);
	}
	if (what & (EV_READ | EV_CLOSED) && c->reading && c->state == CONN_OPEN) {
		/* what else was done, or is, may have read on already */
		read_some(c, what == EV_READ && !c->in->draining);
	}
}

void uds_resume(void *block, void *peer)
{
	struct uds_conn *c = peer;

	(void)block;
	if (c->state == CONN_OPEN) {
		want_read(c, true);
		if (c->in->draining) {
			uds_conn_read(c); /* nothing may come any more to wake us */
		}
	}
}

/* Beginning. */

int uds_conn_start(struct uds_instance *in, int fd)
{
	const struct uds_config *cfg = __atomic_load_n(&in->ep->cfg, __ATOMIC_ACQUIRE);
	struct rv_peer_info info = {.flags = cfg->type == UDS_STREAM ? RV_PEER_STREAM : 0};
	struct ucred cred = {.uid = (uid_t)-1, .gid = (gid_t)-1};
	socklen_t n = sizeof(cred);
	struct uds_conn *c;
	void *block;
	int r;

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n);
	info.uid = cred.uid;
	info.gid = cred.gid;
	info.denied = !uds_allowed(cfg, fd, cred.uid, cred.gid);
	if (cfg->type == UDS_SEQPACKET) {
		const int one = 1;
		int sndbuf = 0;

		(void)setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));

		n = sizeof(sndbuf);
		(void)getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, &n);
		info.max_line = sndbuf > 4096 ? (size_t)sndbuf - 1024 : 2048;
		info.max_message = info.max_line < FRAME_MAX ? info.max_line : FRAME_MAX;
	}
	r = in->host->peer_new(in->handle, &info, &block);
	if (r < 0) {
		close(fd);
		return r;
	}
	c = block;
	c->in = in;
	in->n_conns++;
	event_assign(&c->ev, in->host->event_base(in->handle), fd, EV_PERSIST, on_event, c);
	c->reading = true;
	if (arm(c) < 0) {
		conn_end(c);
		return -ENOMEM;
	}
	uds_conn_read(c); /* most clients have sent something by now */
	return 0;
}

/* Output. */

static struct uds_conn *of_out(struct out_peer *p)
{
	return CONTAINER_OF(p, struct uds_conn, out);
}

static struct uds_conn *of_packets(struct packets_peer *p)
{
	return CONTAINER_OF(p, struct uds_conn, packets);
}

static int watch(struct uds_conn *c, bool on)
{
	c->writing = on;
	return arm(c);
}

static void all_sent(struct uds_conn *c)
{
	if (c->state == CONN_CLOSING) {
		close_when_sent(c);
	} else if (c->state == CONN_OPEN) {
		c->in->host->writable(c->in->handle, c);
	}
}

static void output_broken(struct uds_conn *c)
{
	c->in->host->dropped(c->in->handle, RV_DROP_PEER_GONE, 1);
	conn_end(c);
}

static ssize_t stream_send(struct out *o, struct out_peer *p, const void *data, size_t n)
{
	ssize_t k;

	(void)o;
	do {
		k = sys_send(conn_fd(of_out(p)), data, n);
	} while (k < 0 && errno == EINTR);
	return k < 0 ? -errno : k;
}

static int stream_watch(struct out *o, struct out_peer *p, bool on)
{
	(void)o;
	return watch(of_out(p), on);
}

static void stream_sent(struct out *o, struct out_peer *p)
{
	(void)o;
	all_sent(of_out(p));
}

static void stream_broken(struct out *o, struct out_peer *p, int err)
{
	(void)o;
	(void)err;
	output_broken(of_out(p));
}

const struct out_ops uds_out_ops = {
	.offset = offsetof(struct uds_conn, out),
	.send = stream_send,
	.watch = stream_watch,
	.sent = stream_sent,
	.broken = stream_broken,
};

static int packets_fd(struct packets_peer *p)
{
	return conn_fd(of_packets(p));
}

static int packets_watch(struct packets *o, struct packets_peer *p, bool on)
{
	(void)o;
	return watch(of_packets(p), on);
}

static void packets_progress(struct packets *o, struct packets_peer *p)
{
	struct uds_conn *c = of_packets(p);

	(void)o;
	c->in->host->blocked(c->in->handle, c);
}

static void packets_sent(struct packets *o, struct packets_peer *p)
{
	(void)o;
	all_sent(of_packets(p));
}

static void packets_broken(struct packets *o, struct packets_peer *p, int err)
{
	(void)o;
	(void)err;
	output_broken(of_packets(p));
}

const struct packets_ops uds_packets_ops = {
	.fd = packets_fd,
	.watch = packets_watch,
	.progress = packets_progress,
	.sent = packets_sent,
	.broken = packets_broken,
};

int uds_reserve(void *block, void *peer, size_t min, struct rv_room *ret)
{
	struct uds_instance *in = block;
	struct uds_conn *c = peer;

	if (uds_is_stream(in)) {
		return out_reserve(&in->out, &c->out, min, ret);
	}
	return packets_reserve(&in->packets, &c->packets, min, ret);
}

void uds_commit(void *block, void *peer, size_t used, uint32_t tag)
{
	struct uds_instance *in = block;
	struct uds_conn *c = peer;

	(void)tag;
	if (uds_is_stream(in)) {
		out_commit(&in->out, &c->out, used);
	} else {
		packets_commit(&in->packets, &c->packets, used);
	}
}

void uds_flush(void *block, void *peer)
{
	struct uds_instance *in = block;
	struct uds_conn *c = peer;

	if (c->writing) {
		on_writable(c); /* poll() waits for much room, send() for any */
	} else if (uds_is_stream(in)) {
		(void)out_flush(&in->out, &c->out);
	} else {
		(void)packets_flush(&in->packets, &c->packets);
	}
}
