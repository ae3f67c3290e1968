/* Bare servers of shared memory, see bare.h: a ring and a futex for one client, rings and
 * epoll for many. */
#pragma once

#include "bench/bare.h"
#include "bench/link.h"

struct bare_shm {
	const struct link *links; /* of the clients; their memory is the server's too */
	const int *socks;         /* the server's ends */
	size_t n;
};

void bare_shm_echo(void *bare_shm);
void bare_shm_epoll(void *bare_shm);
