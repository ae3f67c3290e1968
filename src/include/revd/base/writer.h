/*
 * Output of byte-stream peers.
 *
 * One arena per instance takes the replies of a batch; a flush hands them to
 * the kernel with one system call. Only what the kernel does not take moves to
 * memory of the peer's own, its tail. So an idle peer owns one pointer, and
 * memory grows only behind a reader that is slow.
 *
 * The arena belongs to one peer at a time: reserving for another one flushes
 * the first. While a peer has a tail nothing more is accepted for it: reserve
 * says -EAGAIN, and the host stops serving what would be for this peer.
 *
 * A transport tells how to send and how to wait in a struct rv_writer_ops. Any of the
 * functions below may call any of these hooks, and through them end the peer;
 * its block stays in place until the end of the turn, so that is safe.
 */
#pragma once

#include <sys/types.h>
#include <revd/base/util.h>

#define RV_WRITER_ARENA ((size_t)256 << 10) /* bytes; more only while a reply needs it */

struct rv_writer;
struct rv_writer_tail;

struct rv_writer_peer { /* embedded in the transport's peer; all zero at first */
	struct rv_writer_tail *tail;
};

struct rv_writer_ops {
	size_t offset; /* of the struct rv_writer_peer in the peer block that the host knows */
	/* Sends up to n bytes: how many were taken, or -errno. Never 0. */
	ssize_t (*send)(struct rv_writer *, struct rv_writer_peer *, const void *p, size_t n);
	/* Whether to call rv_writer_writable() once the kernel has room. 0 or -errno. */
	int (*watch)(struct rv_writer *, struct rv_writer_peer *, bool on);
	/* The tail is sent; as a rule the transport calls host->writable(). */
	void (*sent)(struct rv_writer *, struct rv_writer_peer *);
	/* Sending failed for good and what was unsent is dropped: end the peer. */
	void (*broken)(struct rv_writer *, struct rv_writer_peer *, int err);
};

struct rv_writer {
	const struct rv_host *host;
	struct rv_instance *handle;
	const struct rv_writer_ops *ops;
	uint8_t *mem;                 /* lazily made; size bytes */
	size_t size, used;            /* used: committed by the owner */
	struct rv_writer_peer *owner; /* NULL: the arena is empty */
	size_t n_tails;               /* peers with a tail */
};

/* ops: static. */
void rv_writer_init(struct rv_writer *, const struct rv_host *, struct rv_instance *,
	const struct rv_writer_ops *);
/* The peers must have been dropped before. Fine on a zeroed one. */
void rv_writer_finish(struct rv_writer *);

/* As rv_backend_ops.reserve: -EAGAIN if the peer has a tail, -ENOMEM, or what
 * ended the peer in a flush that was needed first. */
int rv_writer_reserve(
	struct rv_writer *, struct rv_writer_peer *, size_t min, struct rv_room *ret) MUST_CHECK;
/* A peer that ended since it reserved is ignored. */
void rv_writer_commit(struct rv_writer *, struct rv_writer_peer *, size_t used);
/* Sends what is committed for the peer, if anything. 0; -EAGAIN: some of it is
 * in the tail; another error: broken() was called. */
int rv_writer_flush(struct rv_writer *, struct rv_writer_peer *);
/* The kernel has room again: sends from the tail. */
void rv_writer_writable(struct rv_writer *, struct rv_writer_peer *);
/* Forgets all that is unsent. The transport removes its event itself. */
void rv_writer_drop(struct rv_writer *, struct rv_writer_peer *);
/* True if something committed is not in the kernel's hands. */
bool rv_writer_unsent(const struct rv_writer *, const struct rv_writer_peer *);
