/*
 * <revd/base/shared.h>: transports without connections. One input carries the requests
 * of all clients. Lines are answered by one *line peer* at a place that all may read;
 * frames by *reply peers*, each behind a name that its client made and whose token is in
 * the frame.
 *
 * Embed struct rv_shared at the beginning of the instance block and struct
 * rv_shared_peer at the beginning of the peer block. Here is which peer a token means,
 * which one goes when there are too many, how they end, and when all is drained; the
 * transport opens names, and reads and writes.
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <revd/base/peer_cache.h>

struct rv_shared;
struct rv_shared_peer;

struct rv_shared_ops {
	const char *reply_name; /* what is opened, for the log: "reply FIFO" */
	/* Opens the name behind a token for writing; never waits, makes nothing. The
	 * descriptor or -errno. */
	int (*open_reply)(struct rv_shared *, const char *token, size_t n);
	/* Why it could not, as a sentence. */
	const char *(*why)(int err);
	/* Fills in the flags and sizes of a peer that writes to fd. */
	void (*describe)(struct rv_shared *, int fd, bool line, struct rv_peer_info *);
	/* A peer has begun; peer->fd is set. 0 or -errno. */
	int (*begin)(struct rv_shared_peer *);
	/* It ends: drops what is unsent, waits for nothing any more. */
	void (*end)(struct rv_shared_peer *);
	/* Sends what is committed. 0; -EAGAIN: some of it is unsent; another error: the
	 * peer has ended in there. */
	int (*flush)(struct rv_shared_peer *);
	/* True if something of it is unsent, or being written. */
	bool (*is_busy)(const struct rv_shared_peer *);
	/* How many peers have something unsent. */
	size_t (*n_unsent)(const struct rv_shared *);
	/* Nobody has read the replies to lines for long: what is in there goes. */
	void (*discard_lines)(struct rv_shared *);
	/* May be NULL. A cached peer is asked for: has its client made the name anew?
	 * Another peer in its place, NULL where that failed, or the same. */
	struct rv_shared_peer *(*renew)(struct rv_shared_peer *);
};

struct rv_shared_peer {
	struct rv_shared *all;
	int fd; /* owned by reply peers; the line peer's is the endpoint's */
	bool line, closing;
	struct rv_shared_peer *next_closing;
	struct rv_peer_cache_entry entry; /* in all->cache unless it is the line peer or closing */
};

struct rv_shared {
	const struct rv_host *host;
	struct rv_instance *handle;
	const struct rv_shared_ops *ops;
	const uint64_t *max_peers; /* the endpoint's; atomic */
	struct rv_peer_cache cache;
	struct rv_shared_peer *line;
	struct rv_shared_peer *closing; /* flushing, then ended */
	struct event input;             /* of the requests */
	int line_fd;
	bool attached, draining, drained;
	size_t left; /* while draining: bytes or messages that had arrived and are not read */
};

/* Begins to read from input_fd: on_input(fd, what, all) is called. 0 or -errno; then
 * rv_shared_detach() is still to be called. */
int rv_shared_attach(struct rv_shared *, const struct rv_host *, struct rv_instance *,
	const struct rv_shared_ops *ops, int input_fd, event_callback_fn on_input, int line_fd,
	const uint64_t *max_peers) MUST_CHECK;
/* Ends all peers. */
void rv_shared_detach(struct rv_shared *);
/* Nothing but the `left` that has arrived is read any more. */
void rv_shared_drain(struct rv_shared *, size_t left);

/* How much may be read at once, of n; n of it was read; the host said what to do. */
size_t rv_shared_may_read(const struct rv_shared *, size_t n);
void rv_shared_took(struct rv_shared *, size_t n, enum rv_next);
/* It cannot be read: for good. err: -errno. */
void rv_shared_input_failed(struct rv_shared *, const char *name, int err);

/* The peer behind a token: a cached one, or a new one. -errno: logged. */
int rv_shared_reply_peer(void *instance, const char *token, size_t n, void **ret);
/* A reply peer on fd, which it takes over on success. */
int rv_shared_reply_new(struct rv_shared *, const char *token, size_t n, int fd,
	struct rv_shared_peer **ret) MUST_CHECK;
/* Ends it at once. The line peer is replaced by another one. */
void rv_shared_end(struct rv_shared_peer *);
/* All that was unsent of it is sent. */
void rv_shared_sent(struct rv_shared_peer *);
/* May it be forgotten? */
bool rv_shared_is_idle(const struct rv_shared_peer *);

/* rv_backend_ops */
void rv_shared_resume(void *instance, void *peer);
void rv_shared_close(void *instance, void *peer, enum rv_close);
