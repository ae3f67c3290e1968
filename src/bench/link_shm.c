#include "bench/link_shm.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "util/clock.h"
#include "util/fd.h"

#define CONNECT_NS 5000000000u
#define GLANCE_NS 10000u
#define PIECE 16384u /* bytes that are written before the other side learns of them */

/* Whoever sleeps there: a daemon by its eventfd, the floor by futex. */
static void wake(const struct link *l, uint32_t *waits, uint32_t how)
{
	if (how == RV_RING_BY_FUTEX) {
		rv_ring_futex_wake(waits);
	} else if (how != RV_RING_AWAKE) {
		fd_event_signal(l->shm.wake);
	}
}

static int shm_send(struct link *l)
{
	struct rv_ring *r = &l->shm.requests;

	while (link_unsent(l)) {
		ssize_t room = rv_ring_free(r);
		size_t n = MIN(l->goal - l->sent, MIN(l->script.tx_len - l->at, PIECE));

		if (room <= 0) {
			return room < 0 ? (int)room : -EAGAIN;
		}
		n = MIN(n, (size_t)room);
		rv_ring_put(r, l->script.tx + l->at, n);
		wake(l, &r->shared->reader_waits, rv_ring_wake_reader(r));
		l->sent += n;
		l->at = l->at + n == l->script.tx_len ? 0 : l->at + n;
	}
	return 0;
}

/* Takes the bytes that woke us from the socket. 0, -EAGAIN, -ECONNRESET. */
static int clear_socket(const struct link *l)
{
	char bytes[64];
	ssize_t n = recv(l->rx, bytes, sizeof(bytes), MSG_DONTWAIT);

	return n > 0 ? 0 : n == 0 ? -ECONNRESET : -errno;
}

/* For replies alone, until the moment (0: none). */
static int sleep_by_futex(struct link *l, uint64_t until)
{
	uint32_t *waits = &l->shm.replies.shared->reader_waits;
	const struct timespec span = clock_until(until);
	int r = 0;

	rv_ring_want(waits, RV_RING_BY_FUTEX);
	if (rv_ring_filled(&l->shm.replies) == 0) {
		r = rv_ring_futex_wait(waits, until ? &span : NULL);
	}
	return r == -EINTR || r == -ETIMEDOUT ? -EINTR : 0;
}

/* For replies, or for room for the rest of the requests. */
static int sleep_by_socket(struct link *l, uint64_t until)
{
	struct pollfd p = {.fd = l->rx, .events = POLLIN};
	const struct timespec span = clock_until(until);

	rv_ring_want(&l->shm.replies.shared->reader_waits, RV_RING_BY_FD);
	rv_ring_want(&l->shm.requests.shared->writer_waits, RV_RING_BY_FD);
	if (rv_ring_filled(&l->shm.replies) != 0 || rv_ring_may_go_on(&l->shm.requests)) {
		return 0;
	}
	if (ppoll(&p, 1, until ? &span : NULL, NULL) <= 0) {
		return -EINTR;
	}
	return clear_socket(l) == -ECONNRESET ? -ECONNRESET : 0;
}

/* With many in flight the next ones come sooner than they could wake anybody up: it looks as
 * long for them as the daemon does for requests. */
static bool glance(const struct link *l)
{
	uint64_t end = l->single ? 0 : clock_now() + GLANCE_NS;

	do {
		if (rv_ring_filled(&l->shm.replies) != 0) {
			return true;
		}
	} while (end && clock_now() < end);
	return false;
}

static int shm_wait(struct link *l, uint64_t until)
{
	if (glance(l)) {
		return 0;
	}
	return link_unsent(l) ? sleep_by_socket(l, until) : sleep_by_futex(l, until);
}

/* Takes n bytes, which are there: replies finished, or -EBADMSG. */
static int take(struct link *l, ssize_t n, struct rv_err *err)
{
	struct rv_ring *r = &l->shm.replies;

	n = MIN(n, (ssize_t)LINK_READ);
	rv_ring_get(r, l->buf, (size_t)n);
	wake(l, &r->shared->writer_waits, rv_ring_wake_writer(r));
	return script_check_bytes(&l->check, &l->script, l->buf, (size_t)n, err);
}

/* What is there; what comes then makes the socket readable. */
static int receive_all(struct link *l, struct rv_err *err)
{
	const struct rv_ring *r = &l->shm.replies;
	int done = 0, k = 0;

	if (clear_socket(l) == -ECONNRESET) {
		return -ECONNRESET;
	}
	while (k >= 0) {
		ssize_t n = rv_ring_filled(r);

		if (n == 0) {
			rv_ring_want(&r->shared->reader_waits, RV_RING_BY_FD);
			n = rv_ring_filled(r);
		}
		if (n <= 0) {
			return n < 0 ? (int)n : done > 0 ? done : -EAGAIN;
		}
		k = take(l, n, err);
		done += k;
	}
	return k;
}

static int shm_receive(struct link *l, struct rv_err *err)
{
	ssize_t n;

	if (l->many) {
		return receive_all(l, err);
	}
	n = rv_ring_filled(&l->shm.replies);
	if (n == 0) {
		return l->blocking ? shm_wait(l, 0) : -EAGAIN;
	}
	return n < 0 ? (int)n : take(l, n, err);
}

static void shm_finish(struct link *l)
{
	shm_map_finish(&l->shm);
}

const struct link_ops link_shm = {shm_send, shm_receive, shm_wait, shm_finish};

int link_shm_connect(struct link *l, int sock)
{
	l->rx = l->tx = sock;
	return shm_map_receive(&l->shm, sock, clock_now() + CONNECT_NS);
}

int link_shm_make(struct link *l, uint32_t ring_size, int *ret_sock)
{
	struct shm_map *m = &l->shm;
	int fd[2];
	void *p;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
		return -errno;
	}
	l->rx = l->tx = fd[0];
	*ret_sock = fd[1];
	m->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p = m->wake < 0 ? MAP_FAILED
			: mmap(NULL, rv_shm_bytes(ring_size), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		int r = -errno;

		m->wake = fd_close(m->wake);
		return r;
	}
	m->memory = p;
	m->size = ring_size;
	rv_shm_ring(&m->requests, p, ring_size, false);
	rv_shm_ring(&m->replies, p, ring_size, true);
	rv_ring_want(&m->replies.shared->reader_waits, RV_RING_BY_FD);
	return 0;
}
