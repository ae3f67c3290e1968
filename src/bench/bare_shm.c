#include "bench/bare_shm.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "util/fd.h"

#define EVENTS 64
#define PIECE 32768u

/* A client: the server's view of its rings. */
struct shm_conn {
	struct rv_ring in, out;
	int sock;
};

static struct shm_conn conn_of(const struct bare_shm *b, size_t i)
{
	const struct shm_map *m = &b->links[i].shm;

	return (struct shm_conn){.in = m->requests, .out = m->replies, .sock = b->socks[i]};
}

static void wake(const struct shm_conn *c, uint32_t *waits, uint32_t how)
{
	if (how == RV_RING_BY_FUTEX) {
		rv_ring_futex_wake(waits);
	} else if (how != RV_RING_AWAKE) {
		(void)!send(c->sock, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* Sleeps until what is wanted by futex is there; who ends this server kills it. */
static void await(uint32_t *waits, const struct rv_ring *r, bool (*ready)(const struct rv_ring *))
{
	while (!ready(r)) {
		rv_ring_want(waits, RV_RING_BY_FUTEX);
		if (!ready(r)) {
			(void)rv_ring_futex_wait(waits, NULL);
		}
	}
}

static bool is_filled(const struct rv_ring *r)
{
	return rv_ring_filled(r) != 0;
}

static bool has_room(const struct rv_ring *r)
{
	return rv_ring_free(r) > 0;
}

/* Echoes what is there of one client. False if that is nothing. */
static bool echo_once(struct shm_conn *c, uint8_t *buf)
{
	ssize_t n = rv_ring_filled(&c->in);

	if (n <= 0) {
		return false;
	}
	n = MIN(n, (ssize_t)PIECE);
	rv_ring_get(&c->in, buf, (size_t)n);
	wake(c, &c->in.shared->writer_waits, rv_ring_wake_writer(&c->in));
	for (size_t done = 0; done < (size_t)n;) {
		size_t k, room;

		await(&c->out.shared->writer_waits, &c->out, has_room);
		room = (size_t)rv_ring_free(&c->out);
		k = MIN((size_t)n - done, room);
		rv_ring_put(&c->out, buf + done, k);
		wake(c, &c->out.shared->reader_waits, rv_ring_wake_reader(&c->out));
		done += k;
	}
	return true;
}

void bare_shm_echo(void *bare)
{
	struct shm_conn c = conn_of(bare, 0);
	CLEANUP_FREE uint8_t *buf = malloc(PIECE);

	while (buf) {
		await(&c.in.shared->reader_waits, &c.in, is_filled);
		if (!echo_once(&c, buf)) {
			return;
		}
	}
}

static void echo_all(struct shm_conn *c, uint8_t *buf)
{
	do {
		rv_ring_want_not(&c->in.shared->reader_waits);
		while (echo_once(c, buf)) {
		}
		rv_ring_want(&c->in.shared->reader_waits, RV_RING_BY_FD);
	} while (is_filled(&c->in));
}

void bare_shm_epoll(void *bare)
{
	const struct bare_shm *b = bare;
	CLEANUP_FD int epoll = epoll_create1(EPOLL_CLOEXEC);
	CLEANUP_FREE uint8_t *buf = malloc(PIECE);
	CLEANUP_FREE struct shm_conn *conns = calloc(b->n, sizeof(*conns));
	struct epoll_event ev[EVENTS];

	for (size_t i = 0; conns && i < b->n; i++) {
		struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.ptr = &conns[i]};

		conns[i] = conn_of(b, i);
		rv_ring_want(&conns[i].in.shared->reader_waits, RV_RING_BY_FD);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, b->links[i].shm.wake, &e) < 0) {
			return;
		}
	}
	while (buf && conns) {
		int n = epoll_wait(epoll, ev, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			echo_all(ev[i].data.ptr, buf);
		}
	}
}
