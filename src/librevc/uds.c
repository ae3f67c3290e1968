/*
 * Unix domain sockets, unix(7). Whether a socket is a stream or keeps message
 * boundaries can't be seen from outside: connect() to the wrong kind says
 * EPROTOTYPE, and then the other kind is tried.
 */
#include <errno.h>
#include <sys/socket.h>
#include "librevc/transports.h"
#include "librevc/unix.h"

#define STREAM_FRAME ((size_t)1 << 30)
#define STREAM_INFLIGHT ((size_t)256 << 10)
#define PACKET_FRAME ((size_t)64 << 10)  /* the most that the smallest default buffers take */
#define PACKET_REPLY ((size_t)256 << 10) /* more than a default socket buffer sends as one */
#define PACKET_BATCH 64

static const struct transport transport_stream, transport_packet;

static int connect_as(struct revc *s, int type, uint64_t deadline)
{
	int fd = unix_connect(s, type, deadline);

	if (fd < 0) {
		return fd;
	}
	s->in_fd = s->out_fd = fd;
	return 0;
}

static int adopt_packet(struct revc *s)
{
	int size = 0;
	socklen_t len = sizeof(size);

	s->ops = &transport_packet;
	if (getsockopt(s->out_fd, SOL_SOCKET, SO_SNDBUF, &size, &len) < 0) {
		return session_fail(s, FAILURE_CONNECT, errno);
	}
	s->limits = (struct revc_limits){
		.message_max = MIN((size_t)size / 2, PACKET_FRAME),
		.inflight_bytes = STREAM_INFLIGHT,
		.inflight_max = 4096,
	};
	return session_make_slots(s, PACKET_REPLY);
}

static void adopt_stream(struct revc *s)
{
	s->ops = &transport_stream;
	s->limits = (struct revc_limits){
		.stream = true,
		.message_max = STREAM_FRAME,
		.inflight_bytes = STREAM_INFLIGHT,
		.inflight_max = 65536,
	};
}

static int uds_open(struct revc *s, uint64_t deadline)
{
	int r = connect_as(s, SOCK_STREAM, deadline);

	if (r == 0) {
		adopt_stream(s);
		return 0;
	}
	if (r == -EPROTOTYPE) {
		r = connect_as(s, SOCK_SEQPACKET, deadline);
		if (r == 0) {
			return adopt_packet(s);
		}
	}
	return unix_fail(s, -r);
}

static ssize_t stream_send(struct revc *s, const uint8_t *p, size_t n)
{
	ssize_t k;

	do {
		k = send(s->out_fd, p, n, MSG_NOSIGNAL);
	} while (k < 0 && errno == EINTR);
	return k < 0 ? -errno : k;
}

static int stream_fill(struct revc *s)
{
	ssize_t k = session_read(s);

	return k > 0 ? 0 : k < 0 ? (int)k : -ECONNRESET;
}

/* Frames at p are whole: a message is never sent in part. */
static unsigned cut_messages(const uint8_t *p, size_t n, struct iovec *iov, struct mmsghdr *msgs)
{
	unsigned count = 0;

	for (size_t at = 0; at < n && count < PACKET_BATCH; count++) {
		size_t len = RV_FRAME_HEADER + rv_load_le32(p + at + 4);

		iov[count] =
			(struct iovec){.iov_base = (void *)(uintptr_t)(p + at), .iov_len = len};
		msgs[count] =
			(struct mmsghdr){.msg_hdr = {.msg_iov = &iov[count], .msg_iovlen = 1}};
		at += len;
	}
	return count;
}

static ssize_t packet_send(struct revc *s, const uint8_t *p, size_t n)
{
	struct iovec iov[PACKET_BATCH];
	struct mmsghdr msgs[PACKET_BATCH];
	unsigned count = cut_messages(p, n, iov, msgs);
	ssize_t sent = 0;
	int k;

	do {
		k = sendmmsg(s->out_fd, msgs, count, MSG_NOSIGNAL);
	} while (k < 0 && errno == EINTR);
	for (int i = 0; i < k; i++) {
		sent += (ssize_t)iov[i].iov_len;
	}
	return k < 0 ? -errno : sent;
}

static int packet_fill(struct revc *s)
{
	struct session_slots *m = &s->slots;
	struct iovec iov[SESSION_SLOTS];
	struct mmsghdr msgs[SESSION_SLOTS];
	unsigned most = session_expected(s);
	int k;

	for (unsigned i = 0; i < most; i++) {
		iov[i] = (struct iovec){.iov_base = m->mem + i * m->size, .iov_len = m->size};
		msgs[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
	}
	m->n = m->next = 0;
	do {
		k = recvmmsg(s->in_fd, msgs, most, MSG_DONTWAIT, NULL);
	} while (k < 0 && errno == EINTR);
	if (k <= 0) {
		return k < 0 ? -errno : -ECONNRESET;
	}
	while (m->n < (unsigned)k && msgs[m->n].msg_len > 0) {
		if (msgs[m->n].msg_hdr.msg_flags & MSG_TRUNC) {
			return -EPROTO;
		}
		m->lens[m->n] = msgs[m->n].msg_len;
		m->n++;
	}
	/* An empty packet reads like the end, and revd sends none to a frame client. */
	return m->n > 0 ? 0 : -ECONNRESET;
}

const struct transport transport_uds = {
	.name = "uds",
	.open = uds_open,
};

static const struct transport transport_stream = {
	.name = "uds stream",
	.send = stream_send,
	.fill = stream_fill,
};

static const struct transport transport_packet = {
	.name = "uds seqpacket",
	.send = packet_send,
	.fill = packet_fill,
};
