/* The memory of one connection: made, sealed, handed over. */
#pragma once

#include <revd/base/util.h>
#include <revd/shm.h>

struct shm_memory {
	void *map;     /* NULL: there is none */
	uint32_t size; /* bytes of a ring */
	int wake;      /* the eventfd; there with the map */
	struct rv_ring requests, replies;
};

/* Makes it, and sends the greeting with its descriptors to whoever has just connected.
 * size: a power of two. 0 or -errno; then there is nothing to finish. */
int shm_memory_make(struct shm_memory *, uint32_t size, int sock) MUST_CHECK;
/* Fine if it was never made. */
void shm_memory_finish(struct shm_memory *);
