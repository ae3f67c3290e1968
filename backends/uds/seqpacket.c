#include "uds/seqpacket.h"

#include <event2/event.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define FRAME_MAX ((size_t)64 << 10) /* reply frames larger than that go as fragments */
/* One slot per message of a batch. It is address space; a slot costs memory only where
 * a message reached into it. */
#define SEQPACKET_SLOT ((size_t)512 << 10)
#define SEQPACKET_SLOTS 32
#define PATIENCE 32      /* receptions of one message before two are asked for again */
#define DISCARD_READS 16 /* of input that nobody will serve */

static struct seqpackets *all_of(const struct rv_connection *c)
{
	return CONTAINER_OF(c->all, struct seqpackets, connections);
}

static struct packets_peer *out_of(const struct rv_connection *c)
{
	return &CONTAINER_OF(c, struct seqpacket, connection)->packets;
}

static struct rv_connection *of_out(struct packets_peer *p)
{
	return &CONTAINER_OF(p, struct seqpacket, packets)->connection;
}

/* Input. The system calls that can be spared: a mark on each message (0.5 us) where the
 * kernel rules out the end of the input, a second look into an empty queue, and glibc's
 * preparations for cancellation. */

static ssize_t receive_bare(int fd, uint8_t *buf)
{
	return syscall(SYS_recvfrom, fd, buf, SEQPACKET_SLOT, MSG_DONTWAIT | MSG_TRUNC, NULL, NULL);
}

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
		r->iov[i] = (struct iovec){.iov_base = in->buf + (size_t)i * SEQPACKET_SLOT,
			.iov_len = SEQPACKET_SLOT};
		r->v[i].msg_hdr = (struct msghdr){.msg_iov = &r->iov[i],
			.msg_iovlen = 1,
			.msg_control = &r->control[i],
			.msg_controllen = sizeof(r->control[i])};
	}
	if (in->batch == 1) {
		ssize_t len =
			recvmsg(rv_connection_fd(c), &r->v[0].msg_hdr, MSG_DONTWAIT | MSG_TRUNC);

		r->v[0].msg_len = len < 0 ? 0 : (unsigned)len;
		n = len < 0 ? -1 : 1;
	} else {
		n = recvmmsg(rv_connection_fd(c), r->v, in->batch, MSG_DONTWAIT | MSG_TRUNC, NULL);
	}
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
	len = receive_bare(rv_connection_fd(c), all_of(c)->buf);
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

static bool read_packets(struct rv_connection *c, bool sure)
{
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
			.data = all_of(c)->buf + (size_t)k * SEQPACKET_SLOT,
			.len = len < SEQPACKET_SLOT ? len : SEQPACKET_SLOT,
			.total = len > SEQPACKET_SLOT ? len : 0,
		};
	}
	if (k > 0) {
		rv_connection_took(c, c->all->host->messages(c->all->handle, c, msgs, (size_t)k));
	}
	if (k < n && c->state == RV_CONNECTION_OPEN) {
		c->ended = true;
		rv_connection_input_ended(c);
	}
	return k == n;
}

static void discard(struct rv_connection *c)
{
	for (int i = 0; i < DISCARD_READS; i++) {
		if (receive_bare(rv_connection_fd(c), all_of(c)->buf) <= 0) {
			return;
		}
	}
}

/* Output. */

static int packets_fd(struct packets_peer *p)
{
	return rv_connection_fd(of_out(p));
}

static int packets_watch(struct packets *o, struct packets_peer *p, bool on)
{
	(void)o;
	return rv_connection_want_write(of_out(p), on);
}

static void packets_progress(struct packets *o, struct packets_peer *p)
{
	struct rv_connection *c = of_out(p);

	(void)o;
	c->all->host->blocked(c->all->handle, c);
}

static void packets_sent(struct packets *o, struct packets_peer *p)
{
	(void)o;
	rv_connection_sent(of_out(p));
}

static void packets_broken(struct packets *o, struct packets_peer *p, int err)
{
	(void)o;
	(void)err;
	rv_connection_broken(of_out(p));
}

static const struct packets_ops packets_ops = {
	.fd = packets_fd,
	.watch = packets_watch,
	.progress = packets_progress,
	.sent = packets_sent,
	.broken = packets_broken,
};

static void writable(struct rv_connection *c)
{
	packets_writable(&all_of(c)->packets, out_of(c));
}

static bool is_unsent(const struct rv_connection *c)
{
	return out_of(c)->tail != NULL;
}

static int reserve(struct rv_connection *c, size_t min, struct rv_room *ret)
{
	return packets_reserve(&all_of(c)->packets, out_of(c), min, ret);
}

static void commit(struct rv_connection *c, size_t used)
{
	packets_commit(&all_of(c)->packets, out_of(c), used);
}

static void flush(struct rv_connection *c)
{
	(void)packets_flush(&all_of(c)->packets, out_of(c));
}

static void end(struct rv_connection *c)
{
	packets_drop(&all_of(c)->packets, out_of(c));
	close(rv_connection_fd(c));
}

static const struct rv_connection_ops connection_ops = {
	.read = read_packets,
	.writable = writable,
	.is_unsent = is_unsent,
	.reserve = reserve,
	.commit = commit,
	.flush = flush,
	.end = end,
	.discard = discard,
	.input_events = EV_READ | EV_CLOSED, /* see receive() */
};

/* Beginning and end. */

int seqpackets_init(struct seqpackets *all, const struct rv_host *host, struct rv_instance *handle)
{
	rv_connections_init(&all->connections, host, handle, &connection_ops);
	all->batch = 1;
	all->buf = mmap(NULL, SEQPACKET_SLOT * SEQPACKET_SLOTS, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all->buf == MAP_FAILED) {
		all->buf = NULL;
		return -ENOMEM;
	}
	return packets_init(&all->packets, &packets_ops);
}

void seqpacket_start(struct seqpackets *all, int fd, struct rv_peer_info *info)
{
	const int one = 1;
	int sndbuf = 0;
	socklen_t n = sizeof(sndbuf);
	struct rv_connection *c;

	(void)setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
	(void)getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, &n);
	info->max_line = sndbuf > 4096 ? (size_t)sndbuf - 1024 : 2048;
	info->max_message = info->max_line < FRAME_MAX ? info->max_line : FRAME_MAX;
	if (rv_connection_start(&all->connections, fd, info, &c) < 0) {
		close(fd);
	} else {
		rv_connection_read(c);
	}
}

void seqpackets_finish(struct seqpackets *all)
{
	rv_connections_detach(&all->connections);
	packets_finish(&all->packets);
	if (all->buf) {
		munmap(all->buf, SEQPACKET_SLOT * SEQPACKET_SLOTS);
	}
}
