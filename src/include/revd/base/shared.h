/*
 * <revd/base/shared.h>: transports without connections. One input carries the requests
 * of all clients. Lines are answered by one *line peer* at a place that all may read;
 * frames by *reply peers*, each behind a name that its client made and whose token is in
 * the frame. A transport that has no such names (a terminal) has the line peer alone.
 *
 * Embed struct rv_shared at the beginning of the instance block and struct
 * rv_shared_peer at the beginning of the peer block (or take it as the block). Then
 * RV_SHARED_OPS stands in the ops table. The base reads and writes bytes, waits, and
 * knows when all is drained; the transport opens names, and moves messages.
 */
#pragma once

#include <revd/base/reply_peers.h>

#define RV_SHARED_READ ((size_t)64 << 10) /* bytes read at once: they stay in the cache */

/* Begins to serve; the transport has set its part of struct rv_shared. 0, or -errno and
 * the sentence; then there is nothing to detach. */
int rv_shared_attach(struct rv_shared *, const struct rv_host *, struct rv_instance *,
	struct rv_err *) MUST_CHECK;
/* Ends all peers. Fine on zeroed memory. */
void rv_shared_detach(void *instance);
/* Nothing but the `left` that has arrived is read any more; and: that is what FIONREAD says. */
void rv_shared_drain(struct rv_shared *, size_t left);
void rv_shared_drain_bytes(struct rv_shared *);

/* While draining: n of what is left were read. */
void rv_shared_took_last(struct rv_shared *, size_t n);

/* For ops->input(): how many may be read at once, of n; n were read, and what the host
 * said to it. */
static inline size_t rv_shared_may_read(const struct rv_shared *all, size_t n)
{
	return all->draining && all->left < n ? all->left : n; /* later ones are not ours */
}

static inline void rv_shared_took(struct rv_shared *all, size_t n, enum rv_next next)
{
	if (next == RV_READ_STOP) {
		event_del(&all->input);
	}
	if (all->draining) {
		rv_shared_took_last(all, n);
	}
}

/* For ops->send() of bytes: as write(2), but -errno. */
ssize_t rv_shared_write(void *peer, const void *p, size_t n);

#define RV_SHARED_OPS .resume = rv_shared_resume, .peer_close = rv_shared_close, RV_WRITER_OPS
#define RV_SHARED_REPLY_OPS \
	RV_SHARED_OPS, .reply_peer = rv_shared_reply_peer, .peer_name = rv_shared_peer_name
