/*
 * Reply FIFOs: the names that clients give. Whatever stands behind one, nothing
 * but a FIFO is opened, nothing is made, and no open() waits.
 */
#pragma once

#include <revd/base/shared.h>
#include "fifo/endpoint.h"

struct fifo_instance {
	struct rv_shared shared;
	struct fifo_endpoint *ep;
	int watch_fd; /* inotify: tells when the name is taken from us */
	struct event watch_event;
	uint64_t swept_ns;
	long swept_at; /* how far, in the directory */
};

/* Removes the names of clients that have died. */
void fifo_sweep(struct fifo_instance *);

extern const struct rv_shared_ops fifo_shared_ops;
