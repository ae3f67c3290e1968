/*
 * Output of message-socket peers: the replies of a batch are laid side by side
 * in the instance's memory and sent with one sendmmsg(). What the kernel does
 * not take moves to memory of the peer's own; until it is gone, nothing more
 * is accepted for that peer.
 */
#pragma once

#include <sys/socket.h>
#include <revd/base/util.h>

#define PACKETS_MAX 64
#define PACKETS_ARENA ((size_t)256 << 10)

struct packets;
struct packets_tail;

struct packets_peer {
	struct packets_tail *tail;
};

struct packets_ops {
	int (*fd)(struct packets_peer *);
	/* Whether to call packets_writable() once the kernel has room. */
	int (*watch)(struct packets *, struct packets_peer *, bool on);
	/* Some of the tail could be sent, or it has just come to be. */
	void (*progress)(struct packets *, struct packets_peer *);
	void (*sent)(struct packets *, struct packets_peer *);
	void (*broken)(struct packets *, struct packets_peer *, int err);
};

struct packets {
	const struct packets_ops *ops;
	uint8_t *mem;
	size_t size, used; /* used: of all messages that are committed */
	struct packets_peer *owner;
	struct mmsghdr *msgs; /* [PACKETS_MAX] */
	struct iovec *iov;    /* [PACKETS_MAX] */
	unsigned n;
};

int packets_init(struct packets *, const struct packets_ops *) MUST_CHECK;
void packets_finish(struct packets *);
/* Room for one message of at least min bytes. -EAGAIN: the peer has a tail. */
int packets_reserve(
	struct packets *, struct packets_peer *, size_t min, struct rv_room *ret) MUST_CHECK;
/* As rv_backend_ops.commit. */
void packets_commit(struct packets *, struct packets_peer *, size_t used);
/* 0; -EAGAIN: some of it is in the tail; another error: broken() was called. */
int packets_flush(struct packets *, struct packets_peer *);
void packets_writable(struct packets *, struct packets_peer *);
void packets_drop(struct packets *, struct packets_peer *);
