/*
 * Reply peers: which peer a token means, which one goes when there are too many, and
 * when one is opened again. See <revd/base/shared.h>.
 */
#pragma once

#include <revd/base/shared_peer.h>

/* rv_backend_ops: the peer behind a token, a cached one or a new one. -errno: logged. */
int rv_shared_reply_peer(void *instance, const char *token, size_t n, void **ret);
/* One that writes to fd, which it takes over on success. 0 or -errno. */
int rv_shared_reply_peer_new(struct rv_shared *, const char *token, size_t n, int fd,
	struct rv_shared_peer **ret) MUST_CHECK;
/* rv_backend_ops: its token; "" for the line peer. */
void rv_shared_peer_name(const void *instance, const void *peer, char *buf, size_t size);
/* May it be forgotten? */
bool rv_shared_is_idle(const struct rv_shared_peer *);
