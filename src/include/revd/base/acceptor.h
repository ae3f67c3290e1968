/*
 * <revd/base/acceptor.h>: takes connections from a listening socket, on one worker. In
 * batches, so that others need not wait for a flood; and where accept() runs out of
 * descriptors or memory, it rests instead of trying for ever.
 */
#pragma once

#include <revd/base/util.h>

struct event;

struct rv_acceptor {
	int fd; /* listening; not owned */
	const struct rv_host *host;
	struct rv_instance *handle;
	void (*start)(void *ctx, int fd); /* a connection, to be closed by whom it is given to */
	void *ctx;
	struct event *event, *retry; /* retry: after it has rested */
	bool draining;
	bool crowded;     /* several connected at once lately */
	unsigned singles; /* connections that came alone */
};

/* 0 or -ENOMEM; then rv_acceptor_finish() is still to be called. */
int rv_acceptor_init(struct rv_acceptor *, int fd, const struct rv_host *, struct rv_instance *,
	void (*start)(void *ctx, int fd), void *ctx) MUST_CHECK;
/* Accepts those who have connected, then no more. */
void rv_acceptor_drain(struct rv_acceptor *);
/* Fine on zeroed memory. */
void rv_acceptor_finish(struct rv_acceptor *);
