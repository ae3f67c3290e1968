/*
 * <revd/base/connection.h>: a peer that is a descriptor of its own, from its beginning
 * to its end: what it waits for, how it is closed, how all of them drain.
 *
 * Embed struct rv_connection at the beginning of the peer block and struct
 * rv_connections at the beginning of the instance block; then rv_connection_resume()
 * and rv_connection_close() stand in the ops table as they are. What moves is the
 * user's: bytes (<revd/base/stream.h>) or messages, see struct rv_connection_ops.
 *
 * It has one event, whose interest follows two wishes: the host wants input, and some
 * output is unsent.
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <revd/base/util.h>

struct rv_connection;
struct rv_connections;

/* How a transport reads and writes. Any of these may end the connection, whose block
 * stays in place until the end of the turn. */
struct rv_connection_ops {
	/* Reads once, and gives it to the host. sure: the kernel has just said that there
	 * is something, and not that the input has ended. True: there may be more. */
	bool (*read)(struct rv_connection *, bool sure);
	/* Sends what is unsent. */
	void (*writable)(struct rv_connection *);
	bool (*is_unsent)(const struct rv_connection *);
	/* Room for output, as rv_backend_ops says; and: sends what is committed; what the
	 * kernel does not take is unsent. */
	int (*reserve)(struct rv_connection *, size_t min, struct rv_room *ret);
	void (*commit)(struct rv_connection *, size_t used);
	void (*flush)(struct rv_connection *);
	/* It ends: drops what is unsent, and closes the descriptor. */
	void (*end)(struct rv_connection *);
	/* The rest may be NULL. */
	/* It ended, and all is sent: reads what nobody will serve, for unread input would
	 * make close() a reset for the client. */
	void (*discard)(struct rv_connection *);
	/* Waits for what (EV_READ, EV_WRITE, both or 0) in another way than by c->event. */
	int (*watch)(struct rv_connection *, short what);
	/* The last one has ended. Not while detaching. */
	void (*none_left)(struct rv_connections *);
	/* What to wait for where input is wanted; 0: EV_READ. */
	short input_events;
};

struct rv_connections {
	const struct rv_host *host;
	struct rv_instance *handle;
	const struct rv_connection_ops *ops;
	size_t n; /* open ones */
	bool draining, scanning, detaching;
};

enum rv_connection_state { RV_CONNECTION_OPEN, RV_CONNECTION_CLOSING, RV_CONNECTION_CLOSED };

struct rv_connection {
	struct event event; /* its descriptor is the connection's */
	struct rv_connections *all;
	uint8_t state; /* enum rv_connection_state */
	bool reading, writing, armed_read, armed_write;
	bool ended; /* the end of the input was read */
};

static inline int rv_connection_fd(const struct rv_connection *c)
{
	return event_get_fd(&c->event);
}

/* ops: static. */
void rv_connections_init(struct rv_connections *, const struct rv_host *, struct rv_instance *,
	const struct rv_connection_ops *ops);
/* A peer begins. On failure, 0 > r = -errno, fd is still the caller's. Call
 * rv_connection_read() then: most clients have sent something by now. */
int rv_connection_start(struct rv_connections *, int fd, const struct rv_peer_info *,
	struct rv_connection **ret) MUST_CHECK;

/* Reads once, while draining until nothing is left. */
void rv_connection_read(struct rv_connection *);
/* For ops->read(): what the host said; the end of the input; nothing could be read
 * because of a positive errno. */
void rv_connection_took(struct rv_connection *, enum rv_next);
void rv_connection_input_ended(struct rv_connection *);
void rv_connection_no_input(struct rv_connection *, int err);

/* For output: whether to wait for room; all is sent; sending failed. */
int rv_connection_want_write(struct rv_connection *, bool on) MUST_CHECK;
void rv_connection_sent(struct rv_connection *);
void rv_connection_broken(struct rv_connection *);

/* The events of the event loop, or of ops->watch(). */
void rv_connection_on_event(evutil_socket_t fd, short what, void *connection);

/* Ends it at once. */
void rv_connection_end(struct rv_connection *);

/* rv_backend_ops. The transport has stopped taking new ones before it drains. */
void rv_connection_resume(void *instance, void *peer);
void rv_connection_close(void *instance, void *peer, enum rv_close);
int rv_connection_reserve(void *instance, void *peer, size_t min, struct rv_room *ret);
void rv_connection_commit(void *instance, void *peer, size_t used, uint32_t tag);
void rv_connection_flush(void *instance, void *peer);

#define RV_CONNECTION_OPS                                                  \
	.resume = rv_connection_resume, .peer_close = rv_connection_close, \
	.reserve = rv_connection_reserve, .commit = rv_connection_commit,  \
	.flush = rv_connection_flush

void rv_connections_drain(struct rv_connections *);
void rv_connections_detach(struct rv_connections *);
