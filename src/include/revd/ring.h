/*
 * <revd/ring.h>: a ring in memory that two processes share; a stream of bytes from one
 * writer to one reader. revd-protocol(7) says the same in words.
 *
 * Positions count all bytes ever written or read, modulo 2^32; byte i lies at i % size, and
 * the size is a power of two.
 *
 * Whoever finds nothing to do says in reader_waits or writer_waits how it is to be woken
 * (enum rv_ring_waits), looks once more, and sleeps. The other one, having moved its
 * position, clears the word and wakes it. In between is a full barrier on both sides, so
 * that one of them sees what the other did.
 *
 * Nothing in the memory is to be trusted: the other side may write to it at any time.
 * An end keeps its own position to itself, reads the other's once, and checks it.
 */
#pragma once

#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rv_ring_waits {
	RV_RING_AWAKE,
	/* By a descriptor: the daemon by the eventfd, a client by a byte on the socket. */
	RV_RING_BY_FD,
	RV_RING_BY_FUTEX, /* futex(2), on the word itself; clients alone */
};

/* Each word on a cache line of its own, so that the sides get in each other's way as
 * little as can be. */
struct rv_ring_shared {
	uint32_t written; /* the writer's position */
	uint32_t pad1[15];
	uint32_t read; /* the reader's */
	uint32_t pad2[15];
	uint32_t reader_waits; /* to be woken when something is written */
	uint32_t pad3[15];
	uint32_t writer_waits; /* to be woken when half of it is free */
	uint32_t pad4[15];
};

/* One end of a ring; it borrows the memory. */
struct rv_ring {
	struct rv_ring_shared *shared;
	uint8_t *data;
	uint32_t size;
	uint32_t at; /* own position */
};

/* An end at the beginning. */
static inline void rv_ring_init(
	struct rv_ring *r, struct rv_ring_shared *shared, uint8_t *data, uint32_t size)
{
	r->shared = shared;
	r->data = data;
	r->size = size;
	r->at = 0;
}

/* What the ends have in common. */

static inline uint32_t rv_ring_load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* Asks to be woken. What comes after sees what the other side did before. */
static inline void rv_ring_want(uint32_t *waits, enum rv_ring_waits how)
{
	__atomic_store_n(waits, how, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void rv_ring_want_not(uint32_t *waits)
{
	__atomic_store_n(waits, RV_RING_AWAKE, __ATOMIC_RELAXED);
}

/* Having moved: is the other side to be woken, and how? It is so once for each time it
 * asked. It may have written any number. */
static inline uint32_t rv_ring_must_wake(uint32_t *waits)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(waits, __ATOMIC_RELAXED)
		       ? __atomic_exchange_n(waits, RV_RING_AWAKE, __ATOMIC_RELAXED)
		       : (uint32_t)RV_RING_AWAKE;
}

/* Wakes who sleeps by futex; and: sleeps so, having asked for it, at most until the
 * timeout (NULL: none), perhaps for no reason. 0; -EAGAIN: it was woken before; -ETIMEDOUT,
 * -EINTR. */
static inline void rv_ring_futex_wake(uint32_t *waits)
{
	syscall(SYS_futex, waits, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static inline int rv_ring_futex_wait(uint32_t *waits, const struct timespec *timeout)
{
	long r = syscall(SYS_futex, waits, FUTEX_WAIT, RV_RING_BY_FUTEX, timeout, NULL, 0);

	return r < 0 ? -errno : 0;
}

/* The reader's end. */

/* Bytes to be read, or -EPROTO: the other side's position is none. */
static inline ssize_t rv_ring_filled(const struct rv_ring *r)
{
	uint32_t n = rv_ring_load(&r->shared->written) - r->at;

	return n <= r->size ? (ssize_t)n : -EPROTO;
}

/* Copies n bytes out, which are there, and gives their room back. */
static inline void rv_ring_get(struct rv_ring *r, void *p, size_t n)
{
	uint32_t off = r->at & (r->size - 1);
	size_t first = n < r->size - off ? n : r->size - off;

	memcpy(p, r->data + off, first);
	memcpy((uint8_t *)p + first, r->data, n - first);
	r->at += (uint32_t)n;
	__atomic_store_n(&r->shared->read, r->at, __ATOMIC_RELEASE);
}

/* Having got: is the writer to be woken? It waits for so much room that it is worth it. */
static inline uint32_t rv_ring_wake_writer(const struct rv_ring *r)
{
	uint32_t left = rv_ring_load(&r->shared->written) - r->at;

	return left <= r->size / 2 ? rv_ring_must_wake(&r->shared->writer_waits)
				   : (uint32_t)RV_RING_AWAKE;
}

/* The writer's end. */

/* Bytes that may be written, or -EPROTO. */
static inline ssize_t rv_ring_free(const struct rv_ring *r)
{
	uint32_t n = r->at - rv_ring_load(&r->shared->read);

	return n <= r->size ? (ssize_t)(r->size - n) : -EPROTO;
}

/* Having waited for room: is there so much, or none that makes sense? */
static inline bool rv_ring_may_go_on(const struct rv_ring *r)
{
	ssize_t n = rv_ring_free(r);

	return n < 0 || (size_t)n >= r->size / 2;
}

/* Copies n bytes in, for which there is room. */
static inline void rv_ring_put(struct rv_ring *r, const void *p, size_t n)
{
	uint32_t off = r->at & (r->size - 1);
	size_t first = n < r->size - off ? n : r->size - off;

	memcpy(r->data + off, p, first);
	memcpy(r->data, (const uint8_t *)p + first, n - first);
	r->at += (uint32_t)n;
	__atomic_store_n(&r->shared->written, r->at, __ATOMIC_RELEASE);
}

/* Having put: is the reader to be woken? */
static inline uint32_t rv_ring_wake_reader(const struct rv_ring *r)
{
	return rv_ring_must_wake(&r->shared->reader_waits);
}

#ifdef __cplusplus
}
#endif
