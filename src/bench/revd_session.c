/*
 * Sessions with the daemon. A request is a line where one connection can carry it
 * as a line, because a line is what the floor is comparable with: the text and nothing
 * else. It is a frame with a reply address where many clients share a FIFO or a
 * queue, where a text is larger than a message, and where the daemon is not ours, so
 * that its shared `.out` names are left to their users.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bench/daemon.h"
#include <revd/client.h>
#include "util/fd.h"

#define MQ_MESSAGE 8192u
#define PACKET_MAX 65536u /* frames on seqpacket; the socket buffer must hold one */
#define PIPE_BYTES (1024 * 1024)
#define TOKEN_BYTES 16

static bool as_line(
	const struct daemon *d, const struct bench_contender *c, const struct bench_load *l)
{
	bool alone = !d->attached && l->clients == 1 && !c->frames && !c->neighbour;

	switch (c->transport) {
	case BENCH_STREAM:
		return true;
	case BENCH_SEQPACKET:
		return l->size <= PACKET_MAX;
	case BENCH_FIFO:
		return alone;
	default:
		return alone && l->size <= MQ_MESSAGE;
	}
}

static size_t frame_max(enum bench_transport t)
{
	return t == BENCH_FIFO ? PIPE_BUF : t == BENCH_MQUEUE ? MQ_MESSAGE : PACKET_MAX;
}

static int make_token(char ret[2 * TOKEN_BYTES + 1])
{
	uint8_t raw[TOKEN_BYTES];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw)) {
		return -EIO;
	}
	for (size_t i = 0; i < sizeof(raw); i++) {
		snprintf(ret + 2 * i, 3, "%02x", raw[i]);
	}
	return 0;
}

static int connect_socket(const struct daemon *d, enum bench_transport t, struct load_target *to)
{
	const char *path = d->uri[t] + strlen("uds:");
	struct sockaddr_un *sun = &to->address;
	int type = t == BENCH_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM, fd;

	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun->sun_path)) {
		return -ENAMETOOLONG;
	}
	memcpy(sun->sun_path, path, strlen(path) + 1);
	to->address_len = sizeof(*sun);
	if (path[0] == '@') {
		sun->sun_path[0] = '\0';
		to->address_len =
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	}
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)sun, to->address_len) < 0) {
		int r = -errno;

		fd_close(fd);
		return r;
	}
	return fd >= 0 ? fd : -errno;
}

/* The request FIFO or queue: opened by the first link, shared by the others. */
static int open_request(const struct daemon *d, enum bench_transport t, struct link *l, size_t i)
{
	const char *name = strchr(d->uri[t], ':') + 1;

	if (i > 0) {
		l->tx = l[-(ptrdiff_t)i].tx;
		l->tx_shared = true;
		return 0;
	}
	l->tx = t == BENCH_FIFO ? open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
				: mq_open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return l->tx >= 0 ? 0 : -errno;
}

static int open_out(const struct daemon *d, enum bench_transport t, struct link *l)
{
	char name[DAEMON_URI + 8];

	snprintf(name, sizeof(name), "%s.out", strchr(d->uri[t], ':') + 1);
	l->rx = t == BENCH_FIFO ? open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
				: mq_open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return l->rx >= 0 ? 0 : -errno;
}

static int make_reply_fifo(const struct daemon *d, struct link *l, const char *token)
{
	const char *path = strchr(d->uri[BENCH_FIFO], ':') + 1;
	mode_t old = umask(0);
	int r;

	snprintf(l->unlink, sizeof(l->unlink), "%s.d/%s", path, token);
	r = mkfifo(l->unlink, 0622) < 0 ? -errno : 0;
	umask(old);
	if (r < 0) {
		l->unlink[0] = '\0';
		return r;
	}
	l->rx = open(l->unlink, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (l->rx < 0) {
		return -errno;
	}
	(void)fcntl(l->rx, F_SETPIPE_SZ, PIPE_BYTES); /* refused: the default does */
	return 0;
}

static int make_reply_queue(
	const struct daemon *d, struct link *l, const char *token, const struct bench_load *load)
{
	const char *name = strchr(d->uri[BENCH_MQUEUE], ':') + 1;
	struct bench_queue q = bench_queue(load);
	size_t message = MIN(q.message, load->size + RV_FRAME_HEADER);
	struct mq_attr attr = {.mq_maxmsg = (long)q.depth, .mq_msgsize = (long)message};
	mode_t old = umask(0);
	int r = 0;

	snprintf(l->unlink, sizeof(l->unlink), "%s.%s", name, token);
	l->rx = mq_open(
		l->unlink, O_RDONLY | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0622, &attr);
	if (l->rx < 0) {
		r = -errno;
		l->unlink[0] = '\0';
	}
	umask(old);
	return r;
}

/* Connects link i. token: set if the link has a reply name of its own. */
static int connect_link(struct session *s, const struct daemon *d, const struct bench_contender *c,
	const struct bench_load *load, size_t i, char *token)
{
	struct link *l = &s->target.links[i];
	enum bench_transport t = c->transport;
	int r;

	if (t == BENCH_STREAM || t == BENCH_SEQPACKET) {
		l->rx = l->tx = connect_socket(d, t, &s->target);
		return l->rx < 0 ? l->rx : 0;
	}
	r = open_request(d, t, l, i);
	if (r == 0 && as_line(d, c, load)) {
		return open_out(d, t, l);
	}
	r = r < 0 ? r : make_token(token);
	if (r < 0) {
		return r;
	}
	if (t == BENCH_FIFO) {
		l->ops = &link_atomic;
		return make_reply_fifo(d, l, token);
	}
	return make_reply_queue(d, l, token, load);
}

static int make_wire(struct session *s, const struct daemon *d, const struct bench_contender *c,
	const struct bench_load *load, size_t i, const char *token)
{
	bool line = as_line(d, c, load);
	bool bytes = c->transport == BENCH_STREAM || c->transport == BENCH_FIFO;
	struct wire_shape shape = {
		.form = !line   ? WIRE_FRAME
			: bytes ? WIRE_LINE
				: WIRE_BARE,
		.size = load->size,
		.in_flight = load_in_flight(load),
		.client = (unsigned)i,
		.reverse = d->reverse,
		.message_max = line ? 0 : frame_max(c->transport),
		.token = token[0] ? token : NULL,
	};

	if (c->wait == BENCH_LIBRARY) { /* librevc makes the frames itself */
		shape.form = WIRE_BARE;
		shape.message_max = 0;
	}
	return wire_init(&s->target.links[i].wire, &shape);
}

static int open_library(struct session *s, const struct daemon *d, const struct bench_contender *c,
	struct rv_err *err)
{
	struct revc_options o = {.spin_us = c->spin ? 1000 : 0};
	struct revc_err e;
	int r = revc_open(d->uri[c->transport], &o, &s->target.library, &e);

	return r < 0 ? bench_fail(err, r, "%s", e.text) : 0;
}

int daemon_session(struct session *s, const struct daemon *d, const struct bench_contender *c,
	const struct bench_load *load, struct rv_err *err)
{
	int r = session_links(s, load, c->transport, MAX(load->size + 64, (size_t)MQ_MESSAGE), err);

	if (r < 0) {
		return r;
	}
	s->server = (struct proc){.pid = d->proc.pid};
	for (size_t i = 0; i < s->target.n_links && r == 0; i++) {
		char token[2 * TOKEN_BYTES + 1] = "";

		if (c->wait != BENCH_LIBRARY) {
			r = connect_link(s, d, c, load, i, token);
		}
		r = r < 0 ? r : make_wire(s, d, c, load, i, token);
	}
	if (r < 0) {
		return bench_fail(
			err, r, "%s: %s", d->uri[c->transport], session_why(c->transport, r));
	}
	if (load->connect) {
		fd_close(s->target.links[0].rx);
		s->target.links[0].rx = s->target.links[0].tx = -1;
	}
	return c->wait == BENCH_LIBRARY ? open_library(s, d, c, err) : 0;
}
