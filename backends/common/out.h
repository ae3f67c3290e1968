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
 * A transport tells how to send and how to wait in a struct out_ops. Any of the
 * functions below may call any of these hooks, and through them end the peer;
 * its block stays in place until the end of the turn, so that is safe.
 */
#pragma once

#include <sys/types.h>
#include "common/macro.h"

#define OUT_ARENA ((size_t)256 << 10) /* bytes; more only while a reply needs it */

struct out;
struct out_tail;

struct out_peer { /* embedded in the transport's peer; all zero at first */
	struct out_tail *tail;
};

struct out_ops {
	size_t offset; /* of the struct out_peer in the peer block that the host knows */
	/* Sends up to n bytes: how many were taken, or -errno. Never 0. */
	ssize_t (*send)(struct out *, struct out_peer *, const void *p, size_t n);
	/* Whether to call out_writable() once the kernel has room. 0 or -errno. */
	int (*watch)(struct out *, struct out_peer *, bool on);
	/* The tail is sent; as a rule the transport calls host->writable(). */
	void (*sent)(struct out *, struct out_peer *);
	/* Sending failed for good and what was unsent is dropped: end the peer. */
	void (*broken)(struct out *, struct out_peer *, int err);
};

struct out {
	const struct rv_host *host;
	struct rv_instance *handle;
	const struct out_ops *ops;
	uint8_t *mem;           /* lazily made; size bytes */
	size_t size, used;      /* used: committed by the owner */
	struct out_peer *owner; /* NULL: the arena is empty */
	size_t n_tails;         /* peers with a tail */
};

/* ops: static. */
void out_init(struct out *, const struct rv_host *, struct rv_instance *, const struct out_ops *);
/* The peers must have been dropped before. Fine on a zeroed one. */
void out_finish(struct out *);

/* As rv_backend_ops.reserve: -EAGAIN if the peer has a tail, -ENOMEM, or what
 * ended the peer in a flush that was needed first. */
int out_reserve(struct out *, struct out_peer *, size_t min, struct rv_room *ret) MUST_CHECK;
/* A peer that ended since it reserved is ignored. */
void out_commit(struct out *, struct out_peer *, size_t used);
/* Sends what is committed for the peer, if anything. 0; -EAGAIN: some of it is
 * in the tail; another error: broken() was called. */
int out_flush(struct out *, struct out_peer *);
/* The kernel has room again: sends from the tail. */
void out_writable(struct out *, struct out_peer *);
/* Forgets all that is unsent. The transport removes its event itself. */
void out_drop(struct out *, struct out_peer *);
/* True if something committed is not in the kernel's hands. */
bool out_unsent(const struct out *, const struct out_peer *);
