/*
 * The client's end of one connection, on any transport: it sends requests of its
 * script and checks the replies, byte for byte, as they come.
 *
 * The kinds of link differ in what one system call can carry: as many bytes as fit
 * (sockets, FIFOs of one writer), whole frames up to PIPE_BUF (a shared FIFO), many
 * messages (seqpacket), one message (mqueue); shared memory needs none at all.
 */
#pragma once

#include <mqueue.h>
#include "bench/bench.h"
#include "bench/script_check.h"
#include "librevc/shm_map.h"

#define LINK_BATCH 64u /* messages of one sendmmsg() or recvmmsg() */
#define LINK_READ 65536u

struct link;

struct link_ops {
	/* Sends up to link->goal. 0, -EAGAIN if some is left, or another -errno. */
	int (*send)(struct link *);
	/* Receives once. The number of replies finished, -EAGAIN, -EINTR, -EBADMSG,
	 * -ECONNRESET. */
	int (*receive)(struct link *, struct rv_err *);
	/* Sleeps until there is something to receive, or, if some is unsent, room for more;
	 * until the moment (clock_now(); 0: none). 0, -EINTR, -ECONNRESET. NULL: polls rx
	 * and tx. */
	int (*wait)(struct link *, uint64_t until);
	/* May be NULL. Ends what the ops alone know of. */
	void (*finish)(struct link *);
};

struct link {
	const struct link_ops *ops;
	int rx, tx;     /* equal on sockets; closed by link_finish() */
	bool tx_shared; /* tx belongs to another link */
	bool single;    /* never more than one request in flight */
	bool many;      /* it is one of several, which are waited for together */
	bool blocking;  /* receive() may sleep */
	bool bytes;     /* a stream of them: messages have no boundaries */
	struct script script;
	struct script_check check;
	uint64_t goal, sent; /* messages, or bytes for byte streams, since the start */
	size_t at;           /* where in the script `sent` stands: message or byte */
	uint8_t *buf;        /* room to receive: borrowed, link_buffer_size() */
	size_t buf_each;     /* bytes of one message in it */
	char unlink[128];    /* the reply name, "" if none */
	struct shm_map shm;  /* of link_shm; rx is the socket then */
	void *library;       /* of a library's link: its connection */
	int waited;          /* replies that came when it was waited for them */
	struct rv_err waited_err;
};

extern const struct link_ops link_bytes, link_atomic, link_packets, link_queue;

/* Bytes of receive buffer for a link whose messages have up to `message` bytes. */
static inline size_t link_buffer_size(size_t message)
{
	return MAX((size_t)LINK_READ, LINK_BATCH * message);
}

static inline void link_allow(struct link *l, size_t n)
{
	l->goal += n * (l->bytes ? l->script.tx_each : l->script.messages);
}

/* Allows n more requests and sends what the kernel takes of them. */
static inline int link_send(struct link *l, size_t n)
{
	link_allow(l, n);
	return l->ops->send(l);
}

static inline bool link_unsent(const struct link *l)
{
	return l->sent < l->goal;
}

static inline int link_receive(struct link *l, struct rv_err *err)
{
	return l->ops->receive(l, err);
}

/* Switches O_NONBLOCK of both directions. */
int link_set_blocking(struct link *, bool on) MUST_CHECK;

/* Closes, unlinks the reply name, frees the script. Fine when half made. */
void link_finish(struct link *);
