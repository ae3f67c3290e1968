#include "bench/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bench/bare.h"
#include "bench/bare_shm.h"
#include "bench/link_shm.h"
#include "util/fd.h"

#define RING_BYTES 262144u /* as the daemon has them by default */
#define MESSAGE_MAX 8192u  /* what links must have room for at least */

/* Both ends of everything, before the fork; the server's are closed after it. */
struct ends {
	struct bare bare;
	int server[BENCH_CLIENTS_MAX];
	size_t depth; /* of queues */
	const char *dir;
};

static void ends_finish(struct ends *e)
{
	for (size_t i = 0; i < e->bare.n_clients; i++) {
		fd_close(e->server[i]);
	}
	if (e->bare.rx != e->server[0]) {
		fd_close(e->bare.rx);
	}
	fd_close(e->bare.listener);
}

static int make_socket(struct ends *e, struct link *l, size_t i)
{
	int type = bench_socket_type(e->bare.transport), fd[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd) < 0) {
		return -errno;
	}
	l->rx = l->tx = fd[0];
	e->server[i] = fd[1];
	e->bare.rx = e->server[0];
	return 0;
}

/* With a name, since the kernel keeps the times of a FIFO's file: that costs a
 * quarter of what a pipe does. */
static int make_fifo(const char *dir, int *ret_rx, int *ret_tx)
{
	CLEANUP_FD int both = -1, rx = -1, tx = -1;
	char path[PATH_MAX];
	int r;

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
		return r;
	}
	(void)fcntl(tx, F_SETPIPE_SZ, RIG_PIPE_BYTES); /* refused: the default is fine too */
	*ret_rx = TAKE_FD(rx);
	*ret_tx = TAKE_FD(tx);
	return 0;
}

/* Two descriptions of one queue without a name, so that each end has its own
 * O_NONBLOCK. */
static int make_queue(size_t depth, size_t message, int *ret_rx, int *ret_tx)
{
	struct mq_attr attr = {.mq_maxmsg = (long)depth, .mq_msgsize = (long)message};
	CLEANUP_FD int rx = -1, tx = -1;
	char name[64];
	int r;

	snprintf(name, sizeof(name), "/revbench-floor-%d", (int)getpid());
	rx = mq_open(name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
	if (rx < 0) {
		return -errno;
	}
	tx = mq_open(name, O_WRONLY | O_CLOEXEC);
	r = tx < 0 ? -errno : 0;
	mq_unlink(name);
	if (r < 0) {
		return r;
	}
	*ret_rx = TAKE_FD(rx);
	*ret_tx = TAKE_FD(tx);
	return 0;
}

static int make_channel(const struct ends *e, int *ret_rx, int *ret_tx)
{
	return e->bare.transport == BENCH_MQUEUE
		       ? make_queue(e->depth, e->bare.each, ret_rx, ret_tx)
		       : make_fifo(e->dir, ret_rx, ret_tx);
}

/* One way to the server for all, one way back for each. */
static int make_shared(struct ends *e, struct rig *s, size_t i)
{
	struct link *l = &s->target.links[i];
	int r = 0;

	if (i == 0) {
		r = make_channel(e, &e->bare.rx, &l->tx);
	} else {
		rig_share_tx(s, i);
	}
	if (e->bare.transport == BENCH_FIFO && e->bare.n_clients > 1) {
		l->ops = &link_atomic;
		l->bytes = false;
	}
	return r < 0 ? r : make_channel(e, &l->rx, &e->server[i]);
}

static int make_listener(struct ends *e, struct address *a)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/floor-%s", e->dir, bench_transport_key(e->bare.transport));
	r = address_set(a, path);
	r = r < 0 ? r : address_bind(a, bench_socket_type(e->bare.transport));
	if (r < 0) {
		return r;
	}
	e->bare.listener = r;
	return listen(r, SOMAXCONN) < 0 ? -errno : 0;
}

static size_t message_max(enum bench_transport t, const struct bench_load *load)
{
	switch (t) {
	case BENCH_FIFO:
		return load->clients > 1 ? PIPE_BUF : 0;
	case BENCH_MQUEUE:
		return bench_queue(load).message;
	case BENCH_SEQPACKET:
		return RIG_PACKET_MAX;
	default:
		return 0;
	}
}

static void (*body_of(const struct bench_contender *c, const struct bench_load *load))(void *)
{
	if (c->transport == BENCH_SHM) {
		return load->clients > 1 ? bare_shm_epoll : bare_shm_echo;
	}
	if (c->side == BENCH_LIBEVENT) {
		return bare_libevent;
	}
	if (load->connect) {
		return bare_accept;
	}
	if (c->side == BENCH_EPOLL || (load->clients > 1 && bench_socket_type(c->transport))) {
		return bare_epoll;
	}
	return bare_echo;
}

static int make_ends(struct ends *e, struct rig *s, const struct bench_load *load)
{
	int r = load->connect ? make_listener(e, &s->target.address) : 0;

	for (size_t i = 0; !load->connect && r == 0 && i < e->bare.n_clients; i++) {
		struct link *l = &s->target.links[i];

		r = e->bare.transport == BENCH_SHM ? link_shm_make(l, RING_BYTES, &e->server[i])
		    : bench_socket_type(e->bare.transport) ? make_socket(e, l, i)
							   : make_shared(e, s, i);
	}
	return r;
}

static int make_scripts(struct rig *s, const struct bench_contender *c,
	const struct bench_load *load, size_t *ret_each)
{
	struct script_shape shape = {
		.form = c->side == BENCH_LIBEVENT ? SCRIPT_LINE : SCRIPT_BARE,
		.reverse = c->side == BENCH_LIBEVENT,
		.size = load->size,
		.in_flight = bench_load_in_flight(load),
		.message_max = message_max(c->transport, load),
	};

	for (unsigned i = 0; i < s->target.n_links; i++) {
		int r;

		shape.client = i;
		r = script_init(&s->target.links[i].script, &shape);
		if (r < 0) {
			return r;
		}
	}
	*ret_each = s->target.links[0].script.tx_each / s->target.links[0].script.messages;
	return 0;
}

int floor_open(struct rig *s, const struct bench_contender *c, const struct bench_load *load,
	const char *dir, struct rv_err *err)
{
	struct ends e = {
		.bare = {.transport = c->transport,
			.rx = -1,
			.listener = -1,
			.n_clients = load->clients,
			.batch = load->window > 1 || load->rate > 0,
			.clients = e.server},
		.depth = bench_queue(load).depth,
		.dir = dir,
	};
	struct bare_shm rings = {.socks = e.server, .n = load->clients};
	int r = rig_links(s, load, c->transport, MAX(load->size, (size_t)MESSAGE_MAX), err);

	if (r < 0) {
		return r;
	}
	rings.links = s->target.links;
	for (size_t i = 0; i < e.bare.n_clients; i++) {
		e.server[i] = -1;
	}
	r = make_scripts(s, c, load, &e.bare.each);
	r = r < 0 ? r : make_ends(&e, s, load);
	r = r < 0 ? r
		  : proc_fork(&s->server, body_of(c, load),
			    c->transport == BENCH_SHM ? (void *)&rings : &e.bare);
	ends_finish(&e);
	if (r < 0) {
		return bench_fail(
			err, r, "%s: cannot set up: %s", c->name, rig_why(c->transport, r));
	}
	return 0;
}
