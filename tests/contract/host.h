/*
 * The contract suite's daemon: the core within the test's own process, with one
 * endpoint `it` of the kind under test and one, `ask`, for questions; and the
 * clients that belong to each kind. This is all that knows of transports here:
 * another backend joins the suite by another row in host.c.
 */
#pragma once

#include "common/client.h"
#include "common/nats_broker.h"
#include "server/server.h"

enum kind {
	KIND_STREAM,
	KIND_SEQPACKET,
	KIND_SHM,
	KIND_FIFO,
	KIND_MQUEUE,
	KIND_LOOPBACK_STREAM,
	KIND_LOOPBACK_MESSAGE,
	KIND_TCP, /* examples/tcp */
	KIND_PTY,
	KINDS_SEEN, /* a client that leaves, or takes no replies, is noticed with those before */
	KIND_NATS = KINDS_SEEN,
	KINDS_ALL,
};

/* Without a broker there is nothing to test. */
#ifdef REVD_TEST_NATS
#define KINDS KINDS_ALL
#else
#define KINDS KINDS_SEEN
#endif

#define KINDS_ADOPTING KIND_LOOPBACK_STREAM /* those before it take inherited descriptors */

/* A connection is one client's own and is pushed back; else all share an input. */
bool kind_is_connection(enum kind);
/* Lines and frames of a client come from one and the same. */
bool kind_is_one_client(enum kind);
/* Bytes, that may be cut anywhere. */
bool kind_is_stream(enum kind);

#define HOST_LINKS 32 /* connections that a test may make in all */

struct host {
	struct rig rig; /* its directory and names; no daemon */
	enum kind kind;
	struct event_base *base;
	struct registry *registry;
	struct server *server;
	bool drained, timed_out;
	struct client_link links[HOST_LINKS]; /* of the loopback's clients */
	size_t n_links;
	uint16_t port; /* of KIND_TCP */
	struct nats_broker broker;
};

/* Keys, each with its newline, that go into [revd], [endpoint.it], [service.late]. */
struct host_keys {
	const char *global, *endpoint, *service;
	unsigned workers; /* 0: one */
};

void host_init(struct host *, enum kind);
/* keys may be NULL. fd: an inherited descriptor for `it`, or -1. */
void host_open(struct host *, const struct host_keys *, int fd);
/* host_init() and host_open(). */
void host_start(struct host *, enum kind, const struct host_keys *);
void host_reload(struct host *, const struct host_keys *);
/* Waits for the end of a drain that server_drain() began. */
void host_wait_drained(struct host *);
/* server_destroy(). */
void host_close(struct host *);
/* That, and removes the directory. */
void host_finish(struct host *);

void host_connect(struct host *, struct client *);
/* What a supervisor would hand over: made, bound, listening. */
int host_make_fd(struct host *);
/* True if the name of `it` exists. */
bool host_has_name(const struct host *);

/* A counter of `it`. */
int64_t host_stat(const struct host *, const char *key);
void host_wait_stat(const struct host *, const char *key, int64_t want);
