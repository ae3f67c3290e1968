/*
 * What a queue transport moves: requests that it receives, and replies to NAME.out and
 * to the reply queues of clients.
 *
 * The kernel's account of queue memory is small (800 KiB a user), and a queue that its
 * client has unlinked is charged until the last one closes it. So a descriptor of a reply
 * queue is kept only while it is in use: a sweep, which runs only while any is open,
 * closes those whose name is gone and those that were idle for a while. Opening one
 * again costs microseconds.
 */
#pragma once

#include <revd/base/shared.h>
#include "mqueue/endpoint.h"

#define MQUEUE_BATCH 64                 /* messages received before they are served */
#define MQUEUE_CHUNK ((size_t)64 << 10) /* and bytes, but for the last one */

struct mqueue_peer {
	struct rv_shared_peer shared; /* its fd is the queue */
	uint32_t turn;                /* of the instance, when its name was last looked at */
	uint64_t used_ns;
};

struct mqueue_instance {
	struct rv_shared shared;
	struct mqueue_endpoint *ep;
	struct event sweep; /* looks for reply queues that nobody needs */
	unsigned budget;    /* messages to try for in the next batch */
	unsigned streak;    /* single messages in a row */
	uint32_t turn;      /* batches so far */
	bool name_lost;
	struct rv_msg msgs[MQUEUE_BATCH];
};

extern const struct rv_shared_ops mqueue_shared_ops;

/* Looks for reply queues that nobody needs, from time to time. */
void mqueue_on_sweep(int fd, short what, void *in);
