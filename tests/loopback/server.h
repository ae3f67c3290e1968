/*
 * The server's side of the loopback.
 *
 *	backend.c  the endpoint and the table	peer.c  input and output of peers
 *	hub.c      what both sides share
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <revd/base/writer.h>
#include "loopback/hub.h"

#define LOOPBACK_CHUNK ((size_t)64 << 10)
#define LOOPBACK_BATCH 64 /* messages served at once, and connections per wake-up */

struct loopback_peer {
	struct rv_writer_peer out;
	struct loopback_instance *in;
	struct loopback *conn;
	bool stopped, at_end, closing;
	struct loopback_peer *prev, *next;
};

struct loopback_instance {
	struct rv_writer out;
	struct hub *hub;
	struct event event;
	struct loopback_peer *peers;
	uint8_t *chunk;
	bool attached, draining, drained;
	struct rv_msg msgs[LOOPBACK_BATCH];
};

/* peer.c */
void loopback_writer_init(struct loopback_instance *, const struct rv_host *, struct rv_instance *);
/* A connection that was made becomes a peer, or is closed. */
void loopback_accept(struct loopback_instance *, struct loopback *);
/* The event of the hub's wake_fd; arg is the instance. */
void loopback_on_wake(int fd, short what, void *arg);
void loopback_peer_end(struct loopback_peer *);
/* Says drained() if it is time to. */
void loopback_check_drained(struct loopback_instance *);
void loopback_resume(void *in, void *peer);
void loopback_peer_close(void *in, void *peer, enum rv_close);
