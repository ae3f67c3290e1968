#include "bench/session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bench/bare.h"
#include "util/fd.h"

#define PIPE_BYTES (1024 * 1024) /* F_SETPIPE_SZ for everybody, pipe(7) */
#define PACKET_MAX 65536u        /* as the daemon's clients do it */
#define MESSAGE_MAX 8192u        /* what links must have room for at least */

/* Both ends of everything, before the fork; the server's are closed after it. */
struct ends {
	struct bare bare;
	int server_rx; /* shared by all clients: FIFO and mqueue */
	int server[BENCH_CLIENTS_MAX];
	size_t depth; /* of queues */
	const char *dir;
};

static void ends_finish(struct ends *e)
{
	for (size_t i = 0; i < e->bare.n_clients; i++) {
		fd_close(e->server[i]);
	}
	fd_close(e->server_rx);
	fd_close(e->bare.listener);
}

static int make_socket(struct ends *e, struct link *l, size_t i)
{
	int type = e->bare.transport == BENCH_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM, fd[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd) < 0) {
		return -errno;
	}
	l->rx = l->tx = fd[0];
	e->server[i] = fd[1];
	if (i == 0) {
		e->bare.rx = fd[1];
	}
	return 0;
}

/* With a name, since the kernel keeps the times of a FIFO's file: that costs a
 * quarter of what a pipe does. */
static int make_fifo(const char *dir, int *ret_rx, int *ret_tx)
{
	CLEANUP_FD int both = -1;
	char path[PATH_MAX];
	int rx = -1, tx = -1, r;

	snprintf(path, sizeof(path), "%s/floor-fifo", dir);
	if (mkfifo(path, 0600) < 0) {
		return -errno;
	}
	both = open(path, O_RDWR | O_CLOEXEC); /* for the others not to wait for each other */
	if (both >= 0) {
		rx = open(path, O_RDONLY | O_CLOEXEC);
		tx = open(path, O_WRONLY | O_CLOEXEC);
	}
	r = both < 0 || rx < 0 || tx < 0 ? -errno : 0;
	unlink(path);
	if (r < 0) {
		fd_close(rx);
		fd_close(tx);
		return r;
	}
	(void)fcntl(tx, F_SETPIPE_SZ, PIPE_BYTES); /* refused: the default is fine too */
	*ret_rx = rx;
	*ret_tx = tx;
	return 0;
}

/* Two descriptions of one queue without a name, so that each end has its own
 * O_NONBLOCK. */
static int make_queue(size_t depth, size_t message, int *ret_rx, int *ret_tx)
{
	struct mq_attr attr = {.mq_maxmsg = (long)depth, .mq_msgsize = (long)message};
	char name[64];
	int rx, tx;

	snprintf(name, sizeof(name), "/revbench-floor-%d", (int)getpid());
	rx = mq_open(name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
	if (rx < 0) {
		return -errno;
	}
	tx = mq_open(name, O_WRONLY | O_CLOEXEC);
	mq_unlink(name);
	if (tx < 0) {
		fd_close(rx);
		return -errno;
	}
	*ret_rx = rx;
	*ret_tx = tx;
	return 0;
}

static int make_channel(const struct ends *e, int *ret_rx, int *ret_tx)
{
	return e->bare.transport == BENCH_MQUEUE
		       ? make_queue(e->depth, e->bare.each, ret_rx, ret_tx)
		       : make_fifo(e->dir, ret_rx, ret_tx);
}

/* One way to the server for all, one way back for each. */
static int make_shared(struct ends *e, struct link *l, size_t i)
{
	int r = 0;

	if (i == 0) {
		r = make_channel(e, &e->server_rx, &l->tx);
		e->bare.rx = e->server_rx;
	} else {
		l->tx = l[-(ptrdiff_t)i].tx;
		l->tx_shared = true;
	}
	if (r == 0) {
		r = make_channel(e, &l->rx, &e->server[i]);
	}
	if (e->bare.transport == BENCH_FIFO && e->bare.n_clients > 1) {
		l->ops = &link_atomic;
	}
	return r;
}

static int make_listener(struct ends *e, struct load_target *t)
{
	int type = e->bare.transport == BENCH_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM;

	t->address.sun_family = AF_UNIX;
	snprintf(t->address.sun_path, sizeof(t->address.sun_path), "%s/floor-%s", e->dir,
		bench_transport_key(e->bare.transport));
	t->address_len = sizeof(t->address);
	unlink(t->address.sun_path);
	e->bare.listener = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (e->bare.listener < 0 ||
		bind(e->bare.listener, (struct sockaddr *)&t->address, t->address_len) < 0 ||
		listen(e->bare.listener, SOMAXCONN) < 0) {
		return -errno;
	}
	return 0;
}

static size_t message_max(enum bench_transport t, const struct bench_load *load)
{
	switch (t) {
	case BENCH_FIFO:
		return load->clients > 1 ? PIPE_BUF : 0;
	case BENCH_MQUEUE:
		return bench_queue(load).message;
	case BENCH_SEQPACKET:
		return PACKET_MAX;
	default:
		return 0;
	}
}

static void (*body_of(const struct bench_contender *c, const struct bench_load *load))(void *)
{
	bool sockets = c->transport == BENCH_STREAM || c->transport == BENCH_SEQPACKET;

	if (c->side == BENCH_LIBEVENT) {
		return bare_libevent;
	}
	if (load->connect) {
		return bare_accept;
	}
	if (c->side == BENCH_EPOLL || (load->clients > 1 && sockets)) {
		return bare_epoll;
	}
	return load->clients > 1 ? bare_shared : bare_echo;
}

static int make_ends(struct ends *e, struct session *s, const struct bench_load *load)
{
	bool sockets = e->bare.transport == BENCH_STREAM || e->bare.transport == BENCH_SEQPACKET;

	if (load->connect) {
		return make_listener(e, &s->target);
	}
	for (size_t i = 0; i < e->bare.n_clients; i++) {
		struct link *l = &s->target.links[i];
		int r = sockets ? make_socket(e, l, i) : make_shared(e, l, i);

		if (r < 0) {
			return r;
		}
	}
	return 0;
}

static int make_wires(struct session *s, const struct bench_contender *c,
	const struct bench_load *load, size_t *ret_each)
{
	struct wire_shape shape = {
		.form = c->side == BENCH_LIBEVENT ? WIRE_LINE : WIRE_BARE,
		.reverse = c->side == BENCH_LIBEVENT,
		.size = load->size,
		.in_flight = load_in_flight(load),
		.message_max = message_max(c->transport, load),
	};

	for (unsigned i = 0; i < s->target.n_links; i++) {
		int r;

		shape.client = i;
		r = wire_init(&s->target.links[i].wire, &shape);
		if (r < 0) {
			return r;
		}
	}
	*ret_each = s->target.links[0].wire.tx_each / s->target.links[0].wire.messages;
	return 0;
}

int floor_open(struct session *s, const struct bench_contender *c, const struct bench_load *load,
	const char *dir, struct rv_err *err)
{
	struct ends e = {
		.bare = {.transport = c->transport,
			.listener = -1,
			.n_clients = load->clients,
			.batch = load->window > 1 || load->rate > 0,
			.clients = e.server},
		.server_rx = -1,
		.depth = bench_queue(load).depth,
		.dir = dir,
	};
	int r = session_links(s, load, c->transport, MAX(load->size, (size_t)MESSAGE_MAX), err);

	if (r < 0) {
		return r;
	}
	for (size_t i = 0; i < e.bare.n_clients; i++) {
		e.server[i] = -1;
	}
	r = make_wires(s, c, load, &e.bare.each);
	r = r < 0 ? r : make_ends(&e, s, load);
	r = r < 0 ? r : proc_fork(&s->server, body_of(c, load), &e.bare);
	ends_finish(&e);
	if (r < 0) {
		return bench_fail(
			err, r, "%s: cannot set up: %s", c->name, session_why(c->transport, r));
	}
	return 0;
}
