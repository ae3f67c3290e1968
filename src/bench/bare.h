/*
 * The bare servers that revd is compared with: as little code as can answer over a
 * transport. Each is the body of a child process; it returns when its input ends
 * and has nobody to report to. None of them parses, limits, or checks anything,
 * which is why nobody should use them.
 */
#pragma once

#include <stddef.h>
#include "bench/bench.h"

struct bare {
	enum bench_transport transport;
	bool batch;         /* many messages per call where there is such a call */
	size_t each;        /* bytes of one message at most, of a record exactly */
	int rx;             /* shared by all clients, or the first one's */
	const int *clients; /* connections, or where to reply: clients[number] */
	size_t n_clients;
	int listener;
};

/* Blocking echo to one client: the floor of one round trip, and, for its 64 KiB reads and
 * writes or its batches, the ceiling of throughput. Over a FIFO or queue that many share, each
 * message starts with its sender's number, and goes back to clients[number]. */
void bare_echo(void *bare);
/* epoll echo over n_clients sockets. */
void bare_epoll(void *bare);
/* Blocking accept, read, write, close. */
void bare_accept(void *bare);
/* libevent, raw events: cuts lines, reverses them by bytes. */
void bare_libevent(void *bare);
