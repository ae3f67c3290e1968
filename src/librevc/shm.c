/*
 * Shared memory, <revd/shm.h>. The socket through which it comes is the session's
 * descriptor: it becomes readable with a reply, where that was asked for, or with the end
 * of the daemon. Who waits for replies alone sleeps by futex, which is cheaper, and looks at
 * the socket from time to time: nothing else tells of a daemon that was killed.
 *
 * The memory is not trusted: the daemon may be anybody's.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "librevc/shm_map.h"
#include "librevc/transports.h"
#include "librevc/unix.h"
#include "util/clock.h"
#include "util/fd.h"

#define SHM_FRAME ((size_t)1 << 30)
#define SHM_INFLIGHT ((size_t)256 << 10)
#define READ_SIZE ((size_t)64 << 10)
#define LOOK_NS 100000000u /* how often to look at the socket */

struct shm_session {
	struct shm_map map;
	bool asked; /* to be woken when a reply comes */
	bool ended; /* the daemon has closed the socket */
};

static int shm_open_session(struct revc *s, uint64_t deadline)
{
	int r;

	s->shm = calloc(1, sizeof(*s->shm));
	if (!s->shm) {
		return session_fail(s, FAILURE_CONNECT, ENOMEM);
	}
	r = unix_connect(s, SOCK_STREAM, deadline);
	if (r < 0) {
		return unix_fail(s, r == -EPROTOTYPE ? EPROTO : -r);
	}
	s->in_fd = s->out_fd = r;
	r = shm_map_receive(&s->shm->map, s->in_fd, deadline);
	if (r < 0) {
		return session_fail(s, FAILURE_CONNECT, -r);
	}
	s->limits = (struct revc_limits){
		.message_max = SHM_FRAME, .inflight_bytes = SHM_INFLIGHT, .inflight_max = 65536};
	return 0;
}

static void shm_close_session(struct revc *s)
{
	if (s->shm) {
		shm_map_finish(&s->shm->map);
	}
	free(TAKE_PTR(s->shm));
}

/* Sending and receiving. */

/* From now on a reply makes the descriptor readable. */
static void ask(struct shm_session *m)
{
	rv_ring_want(&m->map.replies.shared->reader_waits, RV_RING_BY_FD);
	m->asked = true;
}

static ssize_t shm_send(struct revc *s, const uint8_t *p, size_t n)
{
	struct shm_session *m = s->shm;
	ssize_t room = rv_ring_free(&m->map.requests);

	if (room <= 0 || m->ended) {
		return m->ended ? -EPIPE : room < 0 ? room : -EAGAIN;
	}
	n = MIN(n, (size_t)room);
	ask(m); /* whoever has sent may poll at once */
	rv_ring_put(&m->map.requests, p, n);
	if (rv_ring_wake_reader(&m->map.requests)) {
		fd_event_signal(m->map.wake);
	}
	return (ssize_t)n;
}

static int shm_fill(struct revc *s)
{
	struct shm_session *m = s->shm;
	bool ended = m->ended; /* before the last look */
	ssize_t n = rv_ring_filled(&m->map.replies);

	if (m->asked) { /* whoever looks is awake */
		rv_ring_want_not(&m->map.replies.shared->reader_waits);
		m->asked = false;
	}
	if (n <= 0) {
		return n < 0 ? (int)n : ended ? -ECONNRESET : -EAGAIN;
	}
	n = MIN(n, (ssize_t)READ_SIZE);
	if (bytes_reserve(&s->rx, (size_t)n) < 0) {
		return -ENOMEM;
	}
	rv_ring_get(&m->map.replies, bytes_tail(&s->rx), (size_t)n);
	s->rx.len += (size_t)n;
	if (rv_ring_wake_writer(&m->map.replies)) {
		fd_event_signal(m->map.wake);
	}
	return 0;
}

/* Takes in what has come over the socket: bytes that woke us, or its end. */
static void look_at_socket(const struct revc *s)
{
	char bytes[64];
	ssize_t n;

	do {
		n = recv(s->in_fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	} while (n > 0 || (n < 0 && errno == EINTR));
	s->shm->ended |= n == 0 || (n < 0 && errno != EAGAIN);
}

static bool has_come(const struct revc *s)
{
	return rv_ring_filled(&s->shm->map.replies) != 0 ||
	       (s->out.len > 0 && rv_ring_may_go_on(&s->shm->map.requests));
}

/* For replies alone. */
static int wait_by_futex(const struct revc *s, uint64_t left_ns)
{
	struct shm_session *m = s->shm;
	uint32_t *waits = &m->map.replies.shared->reader_waits;
	const struct timespec span = clock_span(MIN(left_ns, LOOK_NS));

	m->asked = true;
	rv_ring_want(waits, RV_RING_BY_FUTEX);
	if (!has_come(s)) {
		(void)rv_ring_futex_wait(waits, &span);
	}
	if (!has_come(s)) {
		look_at_socket(s);
	}
	return 0;
}

static int wait_by_fd(const struct revc *s, uint64_t left_ns, int also_fd)
{
	struct pollfd p[] = {{.fd = s->in_fd, .events = POLLIN}, {.fd = also_fd, .events = POLLIN}};
	const struct timespec span = clock_span(left_ns);
	int r;

	ask(s->shm);
	if (s->out.len > 0) {
		rv_ring_want(&s->shm->map.requests.shared->writer_waits, RV_RING_BY_FD);
	}
	if (has_come(s)) {
		return 0;
	}
	r = ppoll(p, 2, left_ns == UINT64_MAX ? NULL : &span, NULL);
	if (r <= 0) {
		return r == 0 ? -ETIMEDOUT : errno == EINTR ? 0 : -errno;
	}
	if (p[0].revents) {
		look_at_socket(s);
	}
	return p[0].revents ? 0 : 1;
}

static int shm_wait(struct revc *s, uint64_t deadline_ns, int also_fd)
{
	uint64_t now = deadline_ns ? clock_now() : 0;
	uint64_t left = !deadline_ns ? UINT64_MAX : now < deadline_ns ? deadline_ns - now : 0;

	if (left > 0 && also_fd < 0 && s->out.len == 0) {
		return wait_by_futex(s, left);
	}
	return wait_by_fd(s, left, also_fd);
}

const struct transport transport_shm = {
	.name = "shm",
	.open = shm_open_session,
	.send = shm_send,
	.fill = shm_fill,
	.wait = shm_wait,
	.close = shm_close_session,
};
