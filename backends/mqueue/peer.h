/* What a queue transport writes to: /NAME.out, and the reply queues of clients. */
#pragma once

#include <revd/base/shared.h>
#include "mqueue/endpoint.h"

#define MQUEUE_BATCH 64                 /* messages received before they are served */
#define MQUEUE_CHUNK ((size_t)64 << 10) /* and bytes, but for the last one */

struct mqueue_unsent;

struct mqueue_peer {
	struct rv_shared_peer shared; /* its fd is the queue */
	uint32_t turn;                /* of the instance, when its name was last looked at */
	size_t message_size;
	struct mqueue_unsent *unsent; /* one message that found the queue full */
	uint64_t used_ns;
	struct event event; /* EV_WRITE, while there is an unsent message */
};

struct mqueue_instance {
	struct rv_shared shared;
	struct mqueue_endpoint *ep;
	struct mqueue_peer *writing; /* has the reservation */
	struct event sweep;          /* looks for reply queues that nobody needs */
	uint8_t *chunk;              /* MQUEUE_CHUNK and a message */
	uint8_t *room;               /* the reservation; room_size bytes */
	size_t room_size;
	size_t n_unsent; /* peers with an unsent message */
	unsigned budget; /* messages to try for in the next batch */
	unsigned streak; /* single messages in a row */
	uint32_t turn;   /* batches so far */
	bool name_lost;
	struct rv_msg msgs[MQUEUE_BATCH];
};

extern const struct rv_shared_ops mqueue_shared_ops;

/* Looks for reply queues that nobody needs, from time to time. */
void mqueue_on_sweep(int fd, short what, void *in);

/* rv_backend_ops */
int mqueue_reserve(void *in, void *peer, size_t min, struct rv_room *ret);
void mqueue_commit(void *in, void *peer, size_t used, uint32_t tag);
void mqueue_flush(void *in, void *peer);
