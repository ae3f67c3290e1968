/* One contender made ready: its server runs, its connections are open. */
#pragma once

#include "bench/proc.h"
#include "bench/slice.h"

#define RIG_PACKET_MAX 65536u        /* bytes of a packet that sockets surely take */
#define RIG_PIPE_BYTES (1024 * 1024) /* F_SETPIPE_SZ for everybody, pipe(7) */

struct rig {
	struct proc server;
	struct slice_target target;
	uint8_t *buf; /* what the links receive into */
};

/* Allocates the load's links, not open yet, and the buffer that they receive into. */
int rig_links(struct rig *, const struct bench_load *, enum bench_transport, size_t message_max,
	struct rv_err *) MUST_CHECK;

/* Link i sends by the first one's way: that of a FIFO or queue that all clients share. */
void rig_share_tx(struct rig *, size_t i);

/* Ends the server if it is ours, closes everything. Fine when half made. */
void rig_close(struct rig *);

/* Why a link could not be made: errno's own texts mislead for FIFOs and queues. */
const char *rig_why(enum bench_transport, int err);
