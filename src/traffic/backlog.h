/*
 * What is unfinished of a peer, in the order in which it passes from one to the next:
 *
 *	uncut    bytes of a stream that are no whole line or frame yet, or may not be served
 *	joining  fragments of messages
 *	waiting  whole messages, or lines, that may not be served yet
 *	addressed  the same, of a shared peer: messages that are answered elsewhere
 *	order    lines in a deferring service, whose replies must keep their order
 *	unsent   replies that the transport did not take yet
 *
 * Each of them has a limit; what they cost is counted with its bookkeeping.
 */
#pragma once

#include <sys/queue.h>
#include "proto/cut.h"
#include "proto/join.h"
#include "traffic/order.h"
#include "traffic/unsent.h"
#include "traffic/waiting.h"
#include "util/bytes.h"

LIST_HEAD(backlog_head, backlog);
TAILQ_HEAD(backlog_queue, backlog);
struct peer;

/* Backlogs that are gone through while any of them may leave. */
struct backlog_list {
	struct backlog_head all;
	struct backlog *next; /* whose turn it is then */
};

struct backlog {
	struct peer *peer;
	LIST_ENTRY(backlog) watch; /* of the instance: timeouts look at it */
	TAILQ_ENTRY(backlog) hold; /* of the instance: it waits for the service */
	struct backlog_list *watched;
	struct backlog_queue *held; /* both NULL: it is in none */
	struct cutter cutter;       /* the state that belongs to uncut */
	struct bytes uncut;
	struct joiner joining;
	struct waiting waiting, addressed;
	struct order order;
	struct unsent unsent;
	uint32_t tickets;    /* requests in the service: the first of the chain */
	uint64_t blocked_ns; /* since when no output moved; 0: not blocked */
	uint64_t input_ns;   /* when the incomplete input last grew; 0: none */
	uint64_t stalled_ns; /* shared: since when its input is held up by `.out`; 0: not */
};

/* Nothing is in it. */
static inline bool backlog_is_empty(const struct backlog *b)
{
	return !b->unsent.first && !b->order.first && !b->joining.messages && !b->uncut.len &&
	       !b->waiting.records.len && !b->addressed.records.len && !b->tickets && !b->held &&
	       !b->blocked_ns && !b->joining.lossy_ns && !b->cutter.open;
}

/* The bytes that it takes, about. */
static inline size_t backlog_cost(const struct backlog *b)
{
	return sizeof(*b) + b->uncut.size + b->joining.cost + b->waiting.records.size +
	       b->addressed.records.size + b->order.cost + b->unsent.cost;
}

void backlog_watch(struct backlog *, struct backlog_list *);
void backlog_unwatch(struct backlog *);
/* At the end of the queue, unless it is in there already. */
void backlog_hold(struct backlog *, struct backlog_queue *);
void backlog_release(struct backlog *);
/* Frees it with all that is in it. */
void backlog_destroy(struct backlog *);
