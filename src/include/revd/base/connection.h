/*
 * <revd/base/connection.h>: a peer that is a descriptor of its own, from its beginning
 * to its end: what it waits for, how it is closed, how all of them drain. What they carry
 * is the transport's: bytes (<revd/base/stream.h>), or messages.
 *
 * Embed struct rv_connection at the beginning of the peer block (or take it as the block)
 * and struct rv_connections at the beginning of the instance block. Then
 * RV_CONNECTION_OPS stands in the ops table. Where there is nothing else to undo,
 * rv_connections_finish() is detach().
 *
 * A connection has one event, whose interest follows from what is wanted of it: the host
 * wants input, some output is unsent, and, once its input is over, whether the client is
 * still there to be answered.
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <revd/base/writer.h>

struct rv_connection;
struct rv_connections;

/* How a transport reads and writes. Any of these may end the connection, whose block
 * stays in place until the end of the turn. */
struct rv_connection_ops {
	bool messages; /* as in struct rv_writer_ops */
	/* Reads once, and gives it to the host. sure: the kernel has just said that there
	 * is something, and (with watch_end) that the input has not ended. True: there may
	 * be more. */
	bool (*input)(struct rv_connection *, bool sure);
	ssize_t (*send)(void *connection, const void *p, size_t n); /* of struct rv_writer_ops */
	/* The rest may be 0 or NULL. */
	bool watch_end; /* see input() */
	/* It has ended; its descriptor is to be closed, or not. */
	void (*close)(struct rv_connection *);
	/* Waits for what (EV_READ, EV_WRITE, both or 0) in another way than by c->event. */
	int (*watch)(struct rv_connection *, short what);
	/* The last one has ended. Not while draining or detaching. */
	void (*none_left)(struct rv_connections *);
};

struct rv_connections {
	struct rv_writer out;
	const struct rv_connection_ops *ops;
	uint8_t *buf; /* what is read; one for all of them */
	size_t n;     /* open ones */
	bool draining, scanning, detaching;
};

enum rv_connection_state { RV_CONNECTION_OPEN, RV_CONNECTION_CLOSING, RV_CONNECTION_CLOSED };

struct rv_connection {
	struct rv_writer_peer out;
	struct event event; /* its descriptor is the connection's */
	struct rv_connections *all;
	uint8_t state; /* enum rv_connection_state */
	uint8_t armed; /* what the event waits for */
	bool reading;  /* the host wants input */
	bool over;     /* nothing more is read */
	bool ended;    /* since it has ended, which was read */
};

static inline int rv_connection_fd(const struct rv_connection *c)
{
	return c->event.ev_fd;
}

/* ops: static; buf_size: of all->buf. 0 or -ENOMEM; then rv_connections_finish() is still
 * to be called. */
int rv_connections_init(struct rv_connections *, const struct rv_host *, struct rv_instance *,
	const struct rv_connection_ops *ops, size_t buf_size) MUST_CHECK;
/* The transport has stopped taking new ones before. */
void rv_connections_drain(struct rv_connections *);
/* Ends all of them. Fine on zeroed memory. */
void rv_connections_finish(void *instance);

/* A connection begins, and is read at once: most clients have sent something by now. It
 * is closed if there is no room for it. */
void rv_connection_start(struct rv_connections *, int fd, const struct rv_peer_info *);
/* A peer begins. On failure, 0 > r = -errno, fd is still the caller's. */
int rv_connection_new(struct rv_connections *, int fd, const struct rv_peer_info *,
	struct rv_connection **ret) MUST_CHECK;

/* Makes the loop watch what is wanted now. 0 or -ENOMEM. */
int rv_connection_arm(struct rv_connection *) MUST_CHECK;

/* For ops->input(): what the host said; nothing more is read, or (ended) will come;
 * nothing could be read because of a positive errno. */
void rv_connection_took(struct rv_connection *, enum rv_next);
void rv_connection_input_over(struct rv_connection *, bool ended);
void rv_connection_no_input(struct rv_connection *, int err);

/* The events of the event loop, or of ops->watch(). */
void rv_connection_on_event(evutil_socket_t fd, short what, void *connection);

/* Ends it at once. */
void rv_connection_end(struct rv_connection *);

/* rv_backend_ops. */
void rv_connection_resume(void *instance, void *peer);
void rv_connection_close(void *instance, void *peer, enum rv_close);

pid_t rv_connection_pid(const void *instance, const void *connection);
#define RV_CONNECTION_OPS                                                           \
	.resume = rv_connection_resume, .peer_close = rv_connection_close,          \
	.peer_pid = rv_connection_pid, RV_WRITER_OPS
