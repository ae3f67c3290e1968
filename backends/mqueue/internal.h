/*
 * Transport "mqueue": one POSIX request queue /NAME for all senders; /NAME.out
 * for the replies to lines; and for each client of frames its own reply queue,
 * /NAME.TOKEN, which it makes and the daemon opens.
 *
 * A queue outlives its maker and has no reader to miss: a killed daemon leaves
 * its queues, requests and all, and they are used again; a client that dies
 * leaves a full queue. What says that a queue is being served is a read lock
 * (F_OFD_SETLK) on it: senders have no way to take one, and it ends with the
 * process. A queue that carries one is never opened as somebody's reply queue.
 *
 *	endpoint.c  the names		instance.c  input, drain
 *	peer.c      output		reply.c     the reply queues
 *	queue.c     mq_overview(7) made safe, mqueue.c  options and the table
 */
#pragma once

#include <mqueue.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include "common/names.h"
#include "common/replies.h"

#define MQUEUE_BATCH 64                 /* messages received before they are served */
#define MQUEUE_CHUNK ((size_t)64 << 10) /* and bytes, but for the last one */
#define MQUEUE_STREAK 16                /* single messages before two are tried for */
#define MQUEUE_MIN_MESSAGE 64           /* bytes; smaller reply queues are refused */

struct mqueue_config {
	const char *queue;
	uint64_t max_messages;
	uint64_t message_size;
};

struct mqueue_queue {
	mqd_t q;            /* -1: none */
	struct names_id id; /* all zero: not ours to remove */
	size_t message_size;
	size_t depth; /* messages that it holds */
	char *name;
};

struct mqueue_endpoint {
	bool live; /* the descriptors are ours */
	bool adopted;
	struct mqueue_queue in, out;
	uint64_t max_peers; /* atomic: changed by a reload while the instance runs */
};

struct mqueue_unsent;

struct mqueue_peer {
	struct mqueue_instance *in;
	mqd_t q; /* owned, but for the source's, which is the endpoint's */
	bool source, closing;
	uint32_t turn; /* of the instance, when its name was last looked at */
	size_t message_size;
	struct mqueue_unsent *unsent; /* one message that found the queue full */
	uint64_t used_ns;
	struct mqueue_peer *next_closing;
	struct reply reply; /* in in->replies unless it is the source or closing */
	struct event event; /* EV_WRITE, while there is an unsent message */
};

struct mqueue_instance {
	struct mqueue_endpoint *ep;
	const struct rv_host *host;
	struct rv_instance *handle;
	struct replies replies;
	struct mqueue_peer *source;
	struct mqueue_peer *closing; /* flushing, then ended */
	struct mqueue_peer *writing; /* has the reservation */
	struct event event;          /* the request queue */
	struct event sweep;          /* looks for reply queues that nobody needs */
	uint8_t *chunk;              /* MQUEUE_CHUNK and a message */
	uint8_t *room;               /* the reservation; room_size bytes */
	size_t room_size;
	size_t n_unsent; /* peers with an unsent message */
	unsigned budget; /* messages to try for in the next batch */
	unsigned streak; /* single messages in a row */
	uint32_t turn;   /* batches so far */
	bool attached, draining, drained, name_lost;
	size_t left; /* while draining: messages that had arrived and are not read */
	struct rv_msg msgs[MQUEUE_BATCH];
};

/* queue.c */

/* What went wrong, for people. */
const char *mqueue_strerror(int err);
/* A queue of ours, read-locked; q->name is set. One that a killed daemon left
 * is used again with what is in it if it has the wanted attributes. */
int mqueue_make(struct mqueue_queue *, int oflag, mode_t mode, const struct mqueue_config *,
	const struct rv_endpoint_info *, struct rv_err *) MUST_CHECK;
/* True if a revd receives from it. */
bool mqueue_is_served(mqd_t);
/* Removes the name if it is still ours. */
void mqueue_remove(struct mqueue_queue *);
/* Removes the name, closes, frees. */
void mqueue_finish(struct mqueue_queue *);
/* Who is behind the name now. */
struct names_id mqueue_id(const char *name);

/* endpoint.c */
int mqueue_open(void *ep, const struct rv_endpoint_info *, const void *cfg, const int *fds,
	size_t n_fds, struct rv_err *);
int mqueue_reconfigure(void *ep, const struct rv_endpoint_info *, const void *cfg, struct rv_err *);
void mqueue_close(void *ep);

/* instance.c */
int mqueue_attach(
	void *in, void *ep, const struct rv_host *, struct rv_instance *, struct rv_err *);
void mqueue_drain(void *in);
void mqueue_detach(void *in);
void mqueue_resume(void *in, void *peer);
/* Says drained() if it is time to. */
void mqueue_check_drained(struct mqueue_instance *);

/* peer.c */
int mqueue_reserve(void *in, void *peer, size_t min, struct rv_room *ret);
void mqueue_commit(void *in, void *peer, size_t used, uint32_t tag);
void mqueue_flush(void *in, void *peer);
void mqueue_peer_close(void *in, void *peer, enum rv_close);
/* Takes q over on success, but for the source. */
int mqueue_peer_new(struct mqueue_instance *, mqd_t q, size_t message_size, bool source,
	struct mqueue_peer **ret) MUST_CHECK;
int mqueue_source_new(struct mqueue_instance *) MUST_CHECK;
/* Ends it at once; a source is not followed by another one. */
void mqueue_peer_end(struct mqueue_peer *);

/* reply.c */
int mqueue_reply_peer(void *in, const char *token, size_t n, void **ret);
void mqueue_on_sweep(int fd, short what, void *in);
