/*
 * <revd/base/handover.h>: how what the base knows of an endpoint and its peers gets to the
 * process that follows, for rv_backend_ops.hand_over() and the others. A backend writes
 * what is its own behind it, and reads in the same order.
 */
#pragma once

#include <revd/base/connection.h>
#include <revd/base/listener.h>
#include <revd/base/shared.h>

/* A connection with its descriptor. */
void rv_connection_hand_over(struct rv_connection *, struct rv_handover *);
/* info: as rv_connection_new() wants it. -errno: it is closed. */
int rv_connection_take_over(struct rv_connections *, int fd, const struct rv_peer_info *info,
	struct rv_takeover *, struct rv_connection **ret, bool *ret_closing) MUST_CHECK;

/* rv_backend_ops of a listening socket. */
void rv_listener_hand_over(void *listener, struct rv_handover *);
int rv_listener_take_over(void *listener, const struct rv_endpoint_info *, const void *cfg,
	const int *fds, size_t n_fds, struct rv_takeover *, struct rv_err *);

/* rv_backend_ops of peers that share an input. */
void rv_shared_hand_over_peer(void *instance, void *peer, struct rv_handover *);
int rv_shared_take_over_peer(
	void *instance, struct rv_takeover *, void **ret_peer, bool *ret_closing);

/* A name that was made: where it is and which object that was. */
void rv_names_hand_over(struct rv_handover *, const char *path, struct rv_names_id);
/* *ret_path is the caller's to free; NULL: there was none. 0 or -errno. */
int rv_names_take_over(
	struct rv_takeover *, char **ret_path, struct rv_names_id *ret_id) MUST_CHECK;
/* A lock, with its descriptor. */
void rv_names_lock_hand_over(struct rv_handover *, const struct rv_names_lock *);
int rv_names_lock_take_over(struct rv_takeover *, struct rv_names_lock *ret) MUST_CHECK;
