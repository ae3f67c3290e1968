/* Unix sockets, and the memory that comes through one. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "load/wire.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/macro.h"

static int connect_to(struct wire *w, int type)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t n = strlen(w->address);

	if (n >= sizeof(sa.sun_path)) {
		return -ENAMETOOLONG;
	}
	memcpy(sa.sun_path, w->address, n);
	w->in = w->out = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->in < 0 || connect(w->in, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		return -errno;
	}
	return 0;
}

static ssize_t socket_send(struct wire *w, const void *p, size_t n)
{
	ssize_t k = send(w->out, p, n, MSG_NOSIGNAL);

	return k < 0 ? -errno : k;
}

static int stream_open(struct wire *w)
{
	return connect_to(w, SOCK_STREAM);
}

static int seqpacket_open(struct wire *w)
{
	return connect_to(w, SOCK_SEQPACKET);
}

static int shm_open_(struct wire *w)
{
	int r = connect_to(w, SOCK_STREAM);

	return r < 0 ? r : shm_map_receive(&w->shm, w->in, clock_now() + UINT64_C(5) * NS_PER_S);
}

static void wake(const struct wire *w, uint32_t how)
{
	if (how != RV_RING_AWAKE) {
		fd_event_signal(w->shm.wake);
	}
}

/* Bytes on the socket say no more than look; its end ends all. */
static void look_at_socket(struct wire *w)
{
	char bytes[64];
	ssize_t n;

	do {
		n = recv(w->in, bytes, sizeof(bytes), MSG_DONTWAIT);
	} while (n > 0);
	w->shm_ended |= n == 0 || errno != EAGAIN;
}

static ssize_t shm_send(struct wire *w, const void *p, size_t n)
{
	ssize_t room = rv_ring_free(&w->shm.requests);

	if (w->shm_ended || room < 0) {
		return -EPIPE;
	}
	if (room == 0) {
		return -EAGAIN;
	}
	n = MIN(n, (size_t)room);
	rv_ring_put(&w->shm.requests, p, n);
	wake(w, rv_ring_wake_reader(&w->shm.requests));
	return (ssize_t)n;
}

static ssize_t shm_recv(struct wire *w, void *p, size_t size)
{
	ssize_t n;

	look_at_socket(w);
	n = rv_ring_filled(&w->shm.replies);
	if (n <= 0) {
		return n < 0 || w->shm_ended ? 0 : -EAGAIN;
	}
	n = MIN(n, (ssize_t)size);
	rv_ring_get(&w->shm.replies, p, (size_t)n);
	wake(w, rv_ring_wake_writer(&w->shm.replies));
	return n;
}

static void shm_close(struct wire *w)
{
	shm_map_finish(&w->shm);
	w->shm = (struct shm_map){.wake = -1};
}

#define LARGE .text_max = 16384, .budget = 56u << 10

const struct wire_kind wire_stream = {
	.name = "uds", LARGE, .open = stream_open, .send = socket_send, .recv = wire_read};
const struct wire_kind wire_seqpacket = {.name = "seqpacket",
	LARGE,
	.messages = true,
	.open = seqpacket_open,
	.send = socket_send,
	.recv = wire_read};
const struct wire_kind wire_shm = {.name = "shm",
	LARGE,
	.open = shm_open_,
	.send = shm_send,
	.recv = shm_recv,
	.close = shm_close};
