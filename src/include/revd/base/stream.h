/*
 * <revd/base/stream.h>: connections that carry bytes; and sockets, of any kind. With it
 * and RV_STREAM_SOCKET a transport says how it gets its sockets, and no more.
 */
#pragma once

#include <revd/base/connection.h>

#define RV_STREAM_READ ((size_t)64 << 10) /* bytes read at once: they stay in the cache */

/* For an input() of bytes: n were read to all->buf, or none for -n = errno. */
bool rv_stream_took(struct rv_connection *, ssize_t n);

/* Parts of struct rv_connection_ops, for sockets. */
bool rv_socket_input(struct rv_connection *, bool sure); /* bytes */
ssize_t rv_socket_send(void *connection, const void *p, size_t n);
/* As recv(2), but -errno, and it never waits. */
ssize_t rv_socket_recv(const struct rv_connection *, void *p, size_t n, int flags);
void rv_socket_close(struct rv_connection *);

#define RV_STREAM_SOCKET .input = rv_socket_input, .send = rv_socket_send, .close = rv_socket_close
