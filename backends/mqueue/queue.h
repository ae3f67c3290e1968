/*
 * One queue: mq_overview(7) made safe.
 *
 * A queue outlives its maker and has no reader to miss: a killed daemon leaves
 * its queues, requests and all, and they are used again; a client that dies
 * leaves a full queue. What says that a queue is being served is a read lock
 * (F_OFD_SETLK) on it: senders have no way to take one, and it ends with the
 * process. A queue that carries one is never opened as somebody's reply queue.
 */
#pragma once

#include <mqueue.h>
#include <revd/base/names.h>

struct mqueue_config {
	const char *queue;
	uint64_t max_messages;
	uint64_t message_size;
};

struct mqueue_queue {
	mqd_t q;               /* -1: none */
	struct rv_names_id id; /* all zero: not ours to remove */
	size_t message_size;
	size_t depth; /* messages that it holds */
	char *name;
};

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
struct rv_names_id mqueue_id(const char *name);
