/* What a FIFO transport writes to: PATH.out, and the reply FIFOs of clients. */
#pragma once

#include <revd/base/shared.h>
#include <revd/base/writer.h>
#include "fifo/endpoint.h"
#include "fifo/orphans.h"

struct fifo_peer {
	struct rv_shared_peer shared;
	struct rv_writer_peer out;
	struct event event; /* a reader that left reads as EV_READ; EV_WRITE behind a tail */
};

struct fifo_instance {
	struct rv_shared shared;
	struct rv_writer writer;
	struct fifo_endpoint *ep;
	int watch_fd; /* inotify: tells when the name is taken from us */
	struct event watch_event;
	struct fifo_orphans orphans;
	uint8_t *chunk; /* FIFO_CHUNK bytes */
};

#define FIFO_CHUNK ((size_t)64 << 10) /* bytes read at once: they stay in the cache */

extern const struct rv_shared_ops fifo_shared_ops;
extern const struct rv_writer_ops fifo_writer_ops;

/* rv_backend_ops */
int fifo_reserve(void *in, void *peer, size_t min, struct rv_room *ret);
void fifo_commit(void *in, void *peer, size_t used, uint32_t tag);
void fifo_flush(void *in, void *peer);
