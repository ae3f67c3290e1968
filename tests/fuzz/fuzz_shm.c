/*
 * The daemon's end of shared memory, on a host that echoes. One client does to its memory,
 * eventfd and socket whatever the input says; another is honest, and must get its echo
 * each time. In the end neither is left.
 */
#include <event2/event.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "fuzz/feed.h"
#include "librevc/shm_map.h"
#include "shm/client.h"

#define RING RV_SHM_SIZE_MIN
#define WORDS (sizeof(struct rv_shm) / sizeof(uint32_t))

/* The host. */

struct rv_instance {
	struct event_base *base;
	struct shm_clients clients;
	struct shm_client *peers[2]; /* NULL: ended */
	void *dying[2];
	enum rv_next next; /* what the first one's input is answered with */
	unsigned n;
};

static struct event_base *host_event_base(struct rv_instance *in)
{
	return in->base;
}

static int host_peer_new(struct rv_instance *in, const struct rv_peer_info *info, void **ret)
{
	(void)info;
	*ret = in->peers[in->n++] = calloc(1, sizeof(struct shm_client));
	FUZZ_CHECK(*ret);
	return 0;
}

static unsigned index_of(const struct rv_instance *in, const void *peer)
{
	unsigned i = in->peers[0] == peer ? 0 : 1;

	FUZZ_CHECK(in->peers[i] == peer);
	return i;
}

static void host_peer_gone(struct rv_instance *in, void *peer)
{
	unsigned i = index_of(in, peer);

	in->dying[i] = peer;
	in->peers[i] = NULL;
}

/* Sends as much of it back as there is room for. */
static enum rv_next host_bytes(
	struct rv_instance *in, void *peer, const void *data, size_t n, bool whole)
{
	unsigned i = index_of(in, peer);
	struct rv_room room;

	(void)whole;
	if (rv_writer_reserve(&in->clients, peer, n, &room) == 0) {
		memcpy(room.data, data, n);
		rv_writer_commit(&in->clients, peer, n, 0);
		rv_writer_flush(&in->clients, peer);
	}
	return !in->peers[i] ? RV_READ_GONE : i == 0 ? in->next : RV_READ_ON;
}

static void host_eof(struct rv_instance *in, void *peer)
{
	rv_connection_close(&in->clients, peer, RV_CLOSE_FLUSH);
}

static void host_nothing(struct rv_instance *in, void *peer)
{
	(void)index_of(in, peer);
}

static void host_dropped(struct rv_instance *in, enum rv_drop why, uint64_t n)
{
	(void)in;
	(void)n;
	FUZZ_CHECK(why < RV_DROP_COUNT);
}

static void host_log(struct rv_instance *in, int prio, const char *fmt, ...)
{
	(void)in;
	(void)prio;
	FUZZ_CHECK(fmt[0]);
}

static void host_each_peer(struct rv_instance *in, void (*fn)(void *peer, void *arg), void *arg)
{
	for (int i = 0; i < 2; i++) {
		if (in->peers[i]) {
			fn(in->peers[i], arg);
		}
	}
}

static const struct rv_host host = {.size = sizeof(host),
	.event_base = host_event_base,
	.peer_new = host_peer_new,
	.peer_gone = host_peer_gone,
	.bytes = host_bytes,
	.eof = host_eof,
	.blocked = host_nothing,
	.writable = host_nothing,
	.each_peer = host_each_peer,
	.dropped = host_dropped,
	.log = host_log};

static void end_turn(struct rv_instance *in)
{
	for (int i = 0; i < 2; i++) {
		free(in->dying[i]);
		in->dying[i] = NULL;
	}
}

static void turn(struct rv_instance *in, bool sleep)
{
	(void)shm_clients_poll(&in->clients, sleep);
	end_turn(in);
	if (sleep) {
		event_base_loop(in->base, EVLOOP_NONBLOCK);
		end_turn(in);
	}
}

/* The clients. */

struct client {
	struct shm_map map;
	int sock;
};

static void connect_client(struct rv_instance *in, struct client *c)
{
	const struct rv_peer_info info = {.flags = RV_PEER_STREAM};
	int fd[2];

	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
	shm_client_start(&in->clients, fd[1], &info);
	c->sock = fd[0];
	FUZZ_CHECK(shm_map_receive(&c->map, c->sock, UINT64_MAX) == 0);
}

static void close_socket(struct client *c)
{
	if (c->sock >= 0) {
		close(c->sock);
	}
	c->sock = -1;
}

static void wake(const struct client *c)
{
	const uint64_t one = 1;

	FUZZ_CHECK(write(c->map.wake, &one, sizeof(one)) == sizeof(one));
}

/* The honest one asks, and has its answer after two turns. */
static void ask(struct rv_instance *in, struct client *c)
{
	char got[8];

	rv_ring_put(&c->map.requests, "hola", 4);
	if (rv_ring_wake_reader(&c->map.requests) != RV_RING_AWAKE) {
		wake(c);
	}
	turn(in, true);
	turn(in, true);
	FUZZ_CHECK(rv_ring_filled(&c->map.replies) == 4);
	rv_ring_get(&c->map.replies, got, 4);
	FUZZ_CHECK(memcmp(got, "hola", 4) == 0);
}

static uint32_t word(struct feed *f)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		v = v << 8 | feed_byte(f);
	}
	return v;
}

static void scribble(struct client *c, struct feed *f)
{
	uint32_t *words = c->map.memory;
	uint32_t *w = &words[feed_byte(f) % WORDS];

	*w = feed_byte(f) % 2 ? word(f) : *w + feed_byte(f) - 128u;
}

static void put(struct client *c, struct feed *f)
{
	const uint8_t *p;
	ssize_t room = rv_ring_free(&c->map.requests);
	size_t n = feed_bytes(f, (size_t)feed_byte(f) * 16, &p);

	if (room >= (ssize_t)n) {
		rv_ring_put(&c->map.requests, p, n);
	}
}

static void take(struct client *c)
{
	uint8_t buf[RING];
	ssize_t n = rv_ring_filled(&c->map.replies);

	if (n > 0) {
		rv_ring_get(&c->map.replies, buf, (size_t)n);
	}
}

static void step(struct rv_instance *in, struct client *c, struct feed *f)
{
	switch (feed_byte(f) % 12) {
	case 0:
	case 1:
		scribble(c, f);
		break;
	case 2:
	case 3:
		put(c, f);
		break;
	case 4:
		wake(c);
		break;
	case 5:
	case 6:
		turn(in, feed_byte(f) % 2);
		break;
	case 7:
		take(c);
		break;
	case 8:
		in->next = in->next == RV_READ_ON ? RV_READ_STOP : RV_READ_ON;
		if (in->peers[0] && in->next == RV_READ_ON) {
			rv_connection_resume(&in->clients, in->peers[0]);
		}
		break;
	case 9:
		(void)!send(c->sock, "x", feed_byte(f) % 16 == 0, MSG_NOSIGNAL);
		break;
	case 10:
		if (feed_byte(f) % 16 == 0) {
			shutdown(c->sock, SHUT_WR);
		}
		break;
	default:
		if (feed_byte(f) % 32 == 0) {
			close_socket(c);
		}
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rv_instance in = {.base = event_base_new(), .next = RV_READ_ON};
	struct client clients[2] = {0};
	struct feed f = {data, size};

	FUZZ_CHECK(in.base && shm_clients_init(&in.clients, &host, &in, RING) == 0);
	connect_client(&in, &clients[0]);
	connect_client(&in, &clients[1]);
	while (f.n > 0 && clients[0].sock >= 0) {
		for (int i = 0; i < 4; i++) {
			if (clients[0].sock >= 0) {
				step(&in, &clients[0], &f);
			}
		}
		ask(&in, &clients[1]);
	}
	rv_connections_finish(&in.clients);
	end_turn(&in);
	FUZZ_CHECK(!in.peers[0] && !in.peers[1]);
	for (int i = 0; i < 2; i++) {
		close_socket(&clients[i]);
		shm_map_finish(&clients[i].map);
	}
	event_base_free(in.base);
	return 0;
}
