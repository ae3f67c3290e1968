/*
 * <revd/shm.h>: the memory that an endpoint of the transport shm shares with a client.
 * revd-protocol(7) says the same in words.
 *
 * It begins with struct rv_shm. Behind its page lie the bytes of the requests, and behind
 * these the bytes of the replies: `size` of each.
 */
#pragma once

#include <revd/ring.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RV_SHM_MAGIC 0x6d687376u /* the bytes "vshm" */
#define RV_SHM_VERSION 1u
#define RV_SHM_DATA 4096u                   /* bytes from the start to the requests */
#define RV_SHM_SIZE_MIN (UINT32_C(1) << 12) /* bytes of a ring */
#define RV_SHM_SIZE_MAX (UINT32_C(1) << 26)
/* What comes first over the socket, from there: a line that other clients take for the
 * error that it is to them, and the descriptors with it. */
#define RV_SHM_GREETING "\x15unsupported: this endpoint is shared memory: shm:PATH is its address\n"
enum rv_shm_fd {
	RV_SHM_MEMORY,
	RV_SHM_WAKE, /* eventfd(2): what the client writes to it wakes the daemon */
	RV_SHM_FDS,
};

struct rv_shm {
	uint32_t magic, version;
	uint32_t size; /* bytes of each ring */
	uint32_t pad[13];
	struct rv_ring_shared requests, replies;
};

/* Bytes of the whole memory. */
static inline size_t rv_shm_bytes(uint32_t size)
{
	return RV_SHM_DATA + 2 * (size_t)size;
}

/* An end, at the beginning, of the ring of the requests or of the replies. */
static inline void rv_shm_ring(struct rv_ring *r, void *memory, uint32_t size, bool replies)
{
	struct rv_shm *m = (struct rv_shm *)memory;

	rv_ring_init(r, replies ? &m->replies : &m->requests,
		(uint8_t *)memory + RV_SHM_DATA + (replies ? size : 0), size);
}

#ifdef __cplusplus
}
#endif
