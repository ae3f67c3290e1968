/*
 * Transport "loopback": endpoints in memory, for tests and benchmarks that run in
 * the daemon's process. This header is for the client's side.
 *
 * An endpoint has a name that is known to the whole process. Its connections
 * carry bytes (type = stream) or messages (type = message), each way through a
 * buffer of `capacity` bytes, so that a full one can be provoked.
 *
 * Threads: a connection may be used from any one thread at a time, the one
 * that runs the endpoint's event base included (there nothing but
 * loopback_wait() could hang, since the other side would never run).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <revd/backend.h>

struct loopback;

/* Not among the builtin ones, since nobody outside of the process could reach it:
 * who links it adds it to the registry. */
extern const struct rv_backend_ops loopback_backend;

enum loopback_type {
	LOOPBACK_STREAM,
	LOOPBACK_MESSAGE,
};

/* -ECONNREFUSED: nobody serves the name. *ret: closed by the caller. */
int loopback_connect(const char *name, struct loopback **ret) __attribute__((warn_unused_result));

/* With this bit in the tag of a message its reply goes elsewhere, as a transport may say
 * beside the message: to the connection that was made just before this one. */
#define LOOPBACK_TO_ANOTHER 0x80000000u

/* A stream: how many bytes were taken. Messages: n, all or nothing; tag comes
 * back with the reply. -EAGAIN: full; -EPIPE: the other side takes no more;
 * -EMSGSIZE. */
ssize_t loopback_send(struct loopback *, const void *p, size_t n, uint32_t tag);

/* Bytes of a stream, or one whole message and its tag (ret_tag may be NULL).
 * -EAGAIN: nothing there yet; -ENOTCONN: the other side has closed and all is
 * read; -EMSGSIZE: the message is larger than n, and stays. */
ssize_t loopback_recv(struct loopback *, void *p, size_t n, uint32_t *ret_tag);

/* Waits until recv (or, if for_send, send) says something other than -EAGAIN.
 * 0, or -ETIMEDOUT. */
int loopback_wait(struct loopback *, bool for_send, int timeout_ms);

/* The endpoint of a connection that has been served can't be served for now (why: a
 * sentence that stays), or is served again (NULL). 0 or -ENOMEM. */
int loopback_down(struct loopback *, const char *why);

/* No more will be sent; replies can still be read. */
void loopback_shutdown(struct loopback *);
/* NULL is fine. */
void loopback_close(struct loopback *);
