#include "common/shm_link.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "common/wait.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/macro.h"

static void wake(const struct shm_link *l, uint32_t how)
{
	if (how != RV_RING_AWAKE) {
		fd_event_signal(l->map.wake);
	}
}

/* Takes what has come over the socket: bytes that say wake up, or its end. */
static void look_at_socket(struct shm_link *l)
{
	char bytes[64];
	ssize_t n;

	do {
		n = recv(l->sock, bytes, sizeof(bytes), MSG_DONTWAIT);
	} while (n > 0);
	l->ended |= n == 0 || errno != EAGAIN;
}

static ssize_t shm_send(void *ctx, const void *p, size_t n)
{
	struct shm_link *l = ctx;
	ssize_t room = rv_ring_free(&l->map.requests);

	look_at_socket(l);
	if (l->ended) {
		return -EPIPE;
	}
	ck_assert_int_ge(room, 0);
	n = MIN(n, (size_t)room);
	if (n == 0) {
		return -EAGAIN;
	}
	rv_ring_put(&l->map.requests, p, n);
	wake(l, rv_ring_wake_reader(&l->map.requests));
	return (ssize_t)n;
}

static ssize_t shm_recv(void *ctx, void *p, size_t size)
{
	struct shm_link *l = ctx;
	bool ended = l->ended;
	ssize_t n = rv_ring_filled(&l->map.replies);

	ck_assert_int_ge(n, 0);
	n = MIN(n, (ssize_t)size);
	if (n == 0) {
		return ended ? -ENOTCONN : -EAGAIN;
	}
	rv_ring_get(&l->map.replies, p, (size_t)n);
	wake(l, rv_ring_wake_writer(&l->map.replies));
	return n;
}

static bool shm_wait(void *ctx, bool for_send, int ms)
{
	struct shm_link *l = ctx;
	struct pollfd p = {.fd = l->sock, .events = POLLIN};
	uint64_t until = wait_until((unsigned)ms);

	for (;;) {
		rv_ring_want(for_send ? &l->map.requests.shared->writer_waits
				      : &l->map.replies.shared->reader_waits,
			RV_RING_BY_FD);
		if (l->ended || (for_send ? rv_ring_may_go_on(&l->map.requests)
					  : rv_ring_filled(&l->map.replies) != 0)) {
			return true;
		}
		if (poll(&p, 1, wait_left(until)) <= 0) {
			return false;
		}
		look_at_socket(l);
	}
}

static void shm_half_close(void *ctx)
{
	struct shm_link *l = ctx;

	ck_assert_int_eq(shutdown(l->sock, SHUT_WR), 0);
}

static void shm_close(void *ctx)
{
	struct shm_link *l = ctx;

	fd_close(l->sock);
	shm_map_finish(&l->map);
	free(l);
}

struct shm_link *shm_link_open(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct shm_link *l = calloc(1, sizeof(*l));

	ck_assert_ptr_nonnull(l);
	ck_assert_uint_lt(strlen(path), sizeof(sa.sun_path));
	memcpy(sa.sun_path, path, strlen(path));
	l->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(l->sock, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(
		shm_map_receive(&l->map, l->sock, clock_now() + WAIT_MS * UINT64_C(1000000)), 0);
	l->link = (struct client_link){.ctx = l,
		.stream = true,
		.send = shm_send,
		.recv = shm_recv,
		.wait = shm_wait,
		.half_close = shm_half_close,
		.close = shm_close};
	return l;
}
