#include "bench/peers.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util/clock.h"
#include "util/fd.h"

#define START_NS 5000000000u
#define RETRY_MS 5

static const char *const program_names[] = {"redis-server", "memcached"};
_Static_assert(ARRAY_SIZE(program_names) == PEER_PROGRAMS, "a name each");

const char *peers_program_name(enum peer_program p)
{
	return program_names[p];
}

const struct peer *peers_of_side(const struct peers *p, enum bench_side side)
{
	switch (side) {
	case BENCH_REDIS_ECHO:
	case BENCH_REDIS_EVAL:
		return &p->programs[PEER_REDIS];
	case BENCH_MEMCACHED:
		return &p->programs[PEER_MEMCACHED];
	default:
		return NULL;
	}
}

static int connect_path(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0) {
		return fd < 0 ? -errno : fd;
	}
	r = -errno;
	fd_close(fd);
	return r;
}

/* Waits until it accepts connections. Neither program tells us when, so ask. */
static int await_socket(struct peer *p, const char *name, struct rv_err *err)
{
	uint64_t end = clock_now() + START_NS;

	for (;;) {
		int fd = connect_path(p->path);

		if (fd >= 0) {
			fd_close(fd);
			return 0;
		}
		if (!proc_alive(&p->proc)) {
			int status = proc_stop(&p->proc);

			p->missing = WIFEXITED(status) && WEXITSTATUS(status) == PROC_NO_PROGRAM;
			return p->missing ? 0 : bench_fail(err, -ECHILD, "%s does not start", name);
		}
		if (clock_now() > end) {
			return bench_fail(err, -ETIMEDOUT, "%s does not accept connections", name);
		}
		(void)poll(NULL, 0, RETRY_MS);
	}
}

static int start(struct peer *p, const char *const *argv, struct rv_err *err)
{
	int r = proc_spawn(&p->proc, argv, NULL, -1);

	if (r < 0) {
		return bench_fail(err, r, "%s: %s", argv[0], strerror(-r));
	}
	return await_socket(p, argv[0], err);
}

int peers_start(struct peers *p, const char *dir, struct rv_err *err)
{
	struct peer *redis = &p->programs[PEER_REDIS], *memcached = &p->programs[PEER_MEMCACHED];
	const char *const redis_argv[] = {"redis-server", "--port", "0", "--unixsocket",
		redis->path, "--save", "", "--appendonly", "no", "--dir", dir, NULL};
	/* One thread, as the others have; root must say that it means it. */
	const char *const memcached_argv[] = {"memcached", "-s", memcached->path, "-t", "1", "-m",
		"64", geteuid() == 0 ? "-u" : NULL, "root", NULL};
	int r;

	memset(p, 0, sizeof(*p));
	snprintf(redis->path, sizeof(redis->path), "%s/redis", dir);
	snprintf(memcached->path, sizeof(memcached->path), "%s/memcached", dir);
	r = start(redis, redis_argv, err);
	r = r < 0 ? r : start(memcached, memcached_argv, err);
	if (r < 0) {
		peers_stop(p);
	}
	return r;
}

void peers_stop(struct peers *p)
{
	for (size_t i = 0; i < PEER_PROGRAMS; i++) {
		proc_stop(&p->programs[i].proc);
		if (p->programs[i].path[0]) {
			unlink(p->programs[i].path);
		}
	}
}

/* Puts the values into memcached that the wire's gets are for. */
static int store_values(struct link *l, unsigned client, size_t size, struct rv_err *err)
{
	struct wire *w = &l->wire;
	size_t tail = strlen("\r\nEND\r\n");
	char head[64], reply[16];

	for (size_t i = 0; i < w->n; i++) {
		const uint8_t *text = w->rx + (i + 1) * w->rx_each - tail - size;
		bool last = i + 1 == w->n;
		int n = snprintf(head, sizeof(head), "set c%04uk%06zu 0 0 %zu%s\r\n", client, i,
			size, last ? "" : " noreply");
		int r = fd_write_all(l->tx, head, (size_t)n);

		r = r < 0 ? r : fd_write_all(l->tx, text, size);
		r = r < 0 ? r : fd_write_all(l->tx, "\r\n", 2);
		if (r < 0) {
			return bench_fail(err, r, "memcached: %s", strerror(-r));
		}
	}
	if (recv(l->rx, reply, strlen("STORED\r\n"), MSG_WAITALL) < 8 ||
		memcmp(reply, "STORED\r\n", 8) != 0) {
		return bench_fail(err, -EPROTO, "memcached did not store a value");
	}
	return 0;
}

int peers_session(struct session *s, const struct peers *p, const struct bench_contender *c,
	const struct bench_load *load, struct rv_err *err)
{
	const struct peer *peer = peers_of_side(p, c->side);
	struct wire_shape shape = {
		.form = c->side == BENCH_REDIS_ECHO   ? WIRE_ECHO
			: c->side == BENCH_REDIS_EVAL ? WIRE_EVAL
						      : WIRE_MEMCACHED,
		.size = load->size,
		.in_flight = load_in_flight(load),
		.reverse = c->side == BENCH_REDIS_EVAL,
	};
	int r = session_links(s, load, BENCH_STREAM, load->size, err);

	s->server = (struct proc){.pid = peer->proc.pid};
	for (unsigned i = 0; r == 0 && i < s->target.n_links; i++) {
		struct link *l = &s->target.links[i];

		shape.client = i;
		l->rx = l->tx = connect_path(peer->path);
		r = l->rx < 0 ? l->rx : wire_init(&l->wire, &shape);
		if (r < 0) {
			return bench_fail(err, r, "%s: %s", peer->path, strerror(-r));
		}
		if (c->side == BENCH_MEMCACHED) {
			r = store_values(l, i, load->size, err);
		}
	}
	return r;
}
