/* The client's end of the memory that an shm endpoint shares, <revd/shm.h>. */
#pragma once

#include <revd/shm.h>

struct shm_map {
	void *memory;  /* NULL: not mapped */
	uint32_t size; /* bytes of a ring */
	int wake;      /* the eventfd that wakes the daemon */
	struct rv_ring requests, replies;
};

/* Receives the memory from the socket, which has just been connected; waits until the
 * deadline, CLOCK_MONOTONIC in ns. 0; -EPROTO: what came is no such thing; -errno. */
int shm_map_receive(struct shm_map *, int sock, uint64_t deadline)
	__attribute__((warn_unused_result));
/* Fine if it was never received. */
void shm_map_finish(struct shm_map *);
