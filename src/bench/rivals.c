#include "bench/rivals.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util/clock.h"
#include "util/fd.h"

#define START_NS 5000000000u
#define RETRY_MS 5

const struct rival *rivals_of_side(const struct rivals *p, enum bench_side side)
{
	if (!p->started) {
		return NULL;
	}
	switch (side) {
	case BENCH_REDIS_ECHO:
	case BENCH_REDIS_EVAL:
		return &p->programs[RIVAL_REDIS];
	case BENCH_MEMCACHED:
		return &p->programs[RIVAL_MEMCACHED];
	default:
		return NULL;
	}
}

/* Waits until it accepts connections. Neither program tells us when, so ask. */
static int await_socket(struct rival *p, const char *name, struct rv_err *err)
{
	uint64_t end = clock_now() + START_NS;

	for (;;) {
		int fd = address_connect(&p->address, SOCK_STREAM);

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

static int start(struct rival *p, const char *const *argv, struct rv_err *err)
{
	int r = proc_spawn(&p->proc, argv, NULL, -1);

	if (r < 0) {
		return bench_fail(err, r, "%s: %s", argv[0], strerror(-r));
	}
	return await_socket(p, argv[0], err);
}

static int name_socket(struct rival *p, const char *dir, const char *name, struct rv_err *err)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	r = address_set(&p->address, path);
	return r < 0 ? bench_fail(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int rivals_start(struct rivals *p, const char *dir, struct rv_err *err)
{
	struct rival *redis = &p->programs[RIVAL_REDIS], *memcached = &p->programs[RIVAL_MEMCACHED];
	const char *const redis_argv[] = {"redis-server", "--port", "0", "--unixsocket",
		redis->address.un.sun_path, "--save", "", "--appendonly", "no", "--dir", dir, NULL};
	/* One thread, as the others have; root must say that it means it. */
	const char *const memcached_argv[] = {"memcached", "-s", memcached->address.un.sun_path,
		"-t", "1", "-m", "64", geteuid() == 0 ? "-u" : NULL, "root", NULL};
	int r;

	*p = (struct rivals){.started = true};
	r = name_socket(redis, dir, "redis", err);
	r = r < 0 ? r : name_socket(memcached, dir, "memcached", err);
	r = r < 0 ? r : start(redis, redis_argv, err);
	r = r < 0 ? r : start(memcached, memcached_argv, err);
	if (r < 0) {
		rivals_stop(p);
	}
	return r;
}

void rivals_stop(struct rivals *p)
{
	for (size_t i = 0; i < RIVAL_PROGRAMS; i++) {
		proc_stop(&p->programs[i].proc);
		unlink(p->programs[i].address.un.sun_path); /* none: "" */
	}
}

/* Puts the values into memcached that the script's gets are for. */
static int store_values(struct link *l, unsigned client, size_t size, struct rv_err *err)
{
	struct script *w = &l->script;
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

int rivals_open(struct rig *s, const struct rivals *p, const struct bench_contender *c,
	const struct bench_load *load, struct rv_err *err)
{
	const struct rival *rival = rivals_of_side(p, c->side);
	struct script_shape shape = {
		.form = c->side == BENCH_REDIS_ECHO   ? SCRIPT_ECHO
			: c->side == BENCH_REDIS_EVAL ? SCRIPT_EVAL
						      : SCRIPT_MEMCACHED,
		.size = load->size,
		.in_flight = bench_load_in_flight(load),
		.reverse = c->side == BENCH_REDIS_EVAL,
	};
	int r = rig_links(s, load, BENCH_STREAM, load->size, err);

	s->server = (struct proc){.pid = rival->proc.pid};
	for (unsigned i = 0; r == 0 && i < s->target.n_links; i++) {
		struct link *l = &s->target.links[i];

		shape.client = i;
		l->rx = l->tx = address_connect(&rival->address, SOCK_STREAM);
		r = l->rx < 0 ? l->rx : script_init(&l->script, &shape);
		if (r < 0) {
			return bench_fail(
				err, r, "%s: %s", rival->address.un.sun_path, strerror(-r));
		}
		if (c->side == BENCH_MEMCACHED) {
			r = store_values(l, i, load->size, err);
		}
	}
	return r;
}
