/* The memory of one connection: made, sealed, handed over. */
#pragma once

#include <revd/base/util.h>
#include <revd/shm.h>

struct shm_memory {
	void *map;     /* NULL: there is none */
	uint32_t size; /* bytes of a ring */
	int wake;      /* the eventfd; there with the map, */
	int fd;        /* as is the memfd, for a process that goes on */
	struct rv_ring requests, replies;
};

/* Makes it, and sends the greeting with its descriptors to whoever has just connected.
 * size: a power of two. 0 or -errno; then there is nothing to finish. */
int shm_memory_make(struct shm_memory *, uint32_t size, int sock) MUST_CHECK;
/* That of the process before, with its descriptors, which are closed if this fails, and where our
 * ends of the rings were. 0 or -errno. */
int shm_memory_take(struct shm_memory *, uint32_t size, int fd, int wake, uint32_t requests_at,
	uint32_t replies_at) MUST_CHECK;
/* Fine if it was never made. */
void shm_memory_finish(struct shm_memory *);
