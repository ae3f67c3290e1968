/*
 * Where the two sides of the loopback meet: a hub per endpoint, and the
 * connections on it. The hub's mutex guards all of it; a hub lives as long as
 * the endpoint or a connection does, a connection as long as either side.
 *
 * The server is told by an eventfd that connections are in the ready list; the
 * client waits on its connection's condition.
 */
#pragma once

#include <pthread.h>
#include <revd/base/util.h>
#include "loopback/loopback.h"

struct loopback_config {
	const char *name;
	int type;                       /* enum loopback_type */
	uint64_t max_message, capacity; /* bytes */
};

struct pipe_buf { /* bytes, or records of a struct pipe_head and a message */
	uint8_t *data;
	size_t size, head, len;
};

struct pipe_head {
	uint32_t len, tag;
};

struct hub {
	pthread_mutex_t lock;
	unsigned refs;
	char *name;
	enum loopback_type type;
	size_t max_message, capacity;
	bool listening; /* an instance is attached and not draining */
	int wake_fd;    /* eventfd */
	struct loopback *ready, **ready_end;
	struct hub *next; /* in the registry */
};

struct loopback {
	struct hub *hub;
	pthread_cond_t cond;
	struct pipe_buf up, down; /* client to server, server to client */
	bool shut, client_closed; /* by the client: sends no more; is gone */
	bool up_closed;           /* by the server: takes no more */
	bool server_closed;
	bool want_write; /* the server waits for room in `down` */
	bool is_ready;
	struct loopback *next_ready;
	void *peer; /* the server's; NULL: not accepted yet */
};

/* Registers the name; -EADDRINUSE. */
int hub_create(const char *name, enum loopback_type, size_t max_message, size_t capacity,
	struct hub **ret) MUST_CHECK;
/* Takes the name away, if it still has it: another endpoint may have it then. */
void hub_unregister(struct hub *);
/* That, and drops the endpoint's reference. */
void hub_destroy(struct hub *);
void hub_unref(struct hub *);

/* Server's side; these lock. */

/* Puts the connection in the ready list. */
void hub_wake(struct loopback *);
/* Takes the first one from it, or NULL. */
struct loopback *hub_next(struct hub *);
/* Starts or stops accepting. */
void hub_listen(struct hub *, bool on);
/* Up to n bytes of the input; *ret_more says whether some is left. */
size_t conn_take(struct loopback *, void *p, size_t n, bool *ret_more);
/* Up to max whole messages, copied to p of n bytes. */
size_t conn_take_messages(
	struct loopback *, uint8_t *p, size_t n, struct rv_msg *, size_t max, bool *ret_more);
/* True if the client sends no more (or may not) and all input was taken. */
bool conn_at_end(struct loopback *);
/* As loopback_send(), the other way. */
ssize_t conn_put(struct loopback *, const void *p, size_t n, uint32_t tag);
void conn_want_write(struct loopback *, bool on);
/* The server takes no more input. */
void conn_close_input(struct loopback *);
/* The server's side ends; the connection is gone if the client's has too. */
void conn_close(struct loopback *);
