/*
 * <revd/base/stream.h>: connections that carry bytes. With it a transport says how it
 * gets its descriptors, and how they are read and written; the rest is here.
 *
 * Embed struct rv_stream at the beginning of the peer block (or take it as the block),
 * and struct rv_streams at the beginning of the instance block. In the ops table stand
 * RV_CONNECTION_OPS, and the transport's own attach, drain and detach.
 */
#pragma once

#include <revd/base/connection.h>
#include <revd/base/writer.h>

#define RV_STREAM_READ ((size_t)64 << 10) /* bytes read at once: they stay in the cache */

struct rv_stream {
	struct rv_connection connection;
	struct rv_writer_peer out;
};

struct rv_stream_ops {
	/* As read(2) and write(2), but -errno where they fail. Neither may wait. */
	ssize_t (*read)(struct rv_stream *, void *p, size_t n);
	ssize_t (*write)(struct rv_stream *, const void *p, size_t n);
	/* Closes the descriptor. NULL: it stays open. */
	void (*close)(struct rv_stream *);
	struct rv_connection_ops connection; /* zero, but for what may be NULL in there */
};

struct rv_streams {
	struct rv_connections connections;
	const struct rv_stream_ops *ops;
	struct rv_writer writer;
	uint8_t *buf; /* RV_STREAM_READ bytes, for all of them */
	struct rv_connection_ops connection_ops;
};

/* For struct rv_stream_ops, with non-blocking descriptors of any kind. */
ssize_t rv_stream_read(struct rv_stream *, void *p, size_t n);
ssize_t rv_stream_write(struct rv_stream *, const void *p, size_t n);

/* The same for sockets. */
ssize_t rv_stream_recv(struct rv_stream *, void *p, size_t n);
ssize_t rv_stream_send(struct rv_stream *, const void *p, size_t n);
void rv_stream_shut(struct rv_stream *);
void rv_stream_discard(struct rv_connection *);

#define RV_STREAM_SOCKET                                                          \
	.read = rv_stream_recv, .write = rv_stream_send, .close = rv_stream_shut, \
	.connection = {.discard = rv_stream_discard}

/* ops: static. 0 or -ENOMEM. */
int rv_streams_init(struct rv_streams *, const struct rv_host *, struct rv_instance *,
	const struct rv_stream_ops *ops) MUST_CHECK;
/* A connection begins; it is closed if there is no room for it. */
void rv_stream_start(struct rv_streams *, int fd, const struct rv_peer_info *);
/* Ends all of them; fine on zeroed memory. rv_backend_ops.detach, where it is all. */
void rv_streams_finish(void *instance);
