/*
 * Peers: 56 bytes and the backend's block behind them, at addresses that stay. A peer
 * that ends is freed at the end of the turn, so that a callback may end any peer while
 * others up the stack still hold it. What only a peer with something unfinished needs
 * is in its backlog.
 */
#pragma once

#include "traffic/backlog.h"
#include "traffic/instance.h"

#define PEER_CHUNK 64
#define PEER_SINCE_MAX 0xffffffu

enum peer_bit {
	PEER_STREAM = RV_PEER_STREAM,
	PEER_SHARED = RV_PEER_SHARED,
	PEER_REPLY_ONLY = RV_PEER_REPLY_ONLY,
	PEER_USED = 1u << 3,
	PEER_GONE = 1u << 4,        /* ended; freed at the end of the turn */
	PEER_CLOSING = 1u << 5,     /* peer_close() was called */
	PEER_EOF = 1u << 6,         /* no more input; ends when all is answered */
	PEER_STOPPED = 1u << 7,     /* the backend does not read from it */
	PEER_BLOCKED = 1u << 8,     /* reserve() said -EAGAIN or the kernel is full */
	PEER_HELD = 1u << 9,        /* its next request waits for the service, see input.h */
	PEER_DIRTY = 1u << 10,      /* committed output is to be flushed */
	PEER_BUSY = 1u << 11,       /* its input is being served right now */
	PEER_ACCOUNTED = 1u << 12,  /* it was admitted by the endpoint */
	PEER_NO_READER = 1u << 13,  /* shared: nobody reads `.out`; replies to lines are dropped */
	PEER_UNCUTTABLE = 1u << 14, /* its input can't be cut any more: ignored */
	PEER_KNOWN = 1u << 15,      /* the service has seen it, and hears of its end */
};

struct peer {
	struct backlog *backlog; /* NULL: nothing unfinished */
	uint64_t client;         /* its id, of the process; never used again */
	uint32_t slot;
	union {
		uint32_t active_ms; /* when it last sent something, modulo 2^32 */
		uint32_t next;      /* slot + 1, in the free or dying list */
	};
	uid_t uid;
	gid_t gid;
	uint32_t inflight;     /* bytes of requests that wait for their reply */
	uint32_t max_message;  /* 0: any */
	uint32_t max_line;     /* 0: any */
	uint32_t requests;     /* so far; UINT32_MAX: that many or more */
	uint32_t since_s : 24; /* when it came, modulo 2^24, which is half a year */
	uint32_t refuse : 8;   /* not 0: every request gets this status, then the end */
	uint16_t kept;         /* slot + 1 in the worker's bag, or KEPT_LATER; 0: it is not */
	uint16_t bits;
};

#define PEER_SIZE ((sizeof(struct peer) + 7u) & ~(size_t)7u)

static inline void *peer_block(struct peer *p)
{
	return (char *)p + PEER_SIZE;
}

static inline struct peer *peer_of(const void *block)
{
	return (struct peer *)(void *)((char *)(uintptr_t)block - PEER_SIZE);
}

static inline struct peer *peer_at(const struct rv_instance *in, uint32_t slot)
{
	return (struct peer *)(void *)(in->chunks[slot / PEER_CHUNK] +
				       (slot % PEER_CHUNK) * in->stride);
}

static inline bool peer_is_shared(const struct peer *p)
{
	return p->bits & PEER_SHARED;
}

static inline bool peer_is_gone(const struct peer *p)
{
	return p->bits & (PEER_GONE | PEER_CLOSING);
}

/* Do replies wait, or is too much of it in the service? */
static inline bool peer_is_behind(const struct rv_instance *in, const struct peer *p)
{
	return p->bits & PEER_BLOCKED || p->inflight > in->limits.max_inflight ||
	       (p->backlog && (p->backlog->unsent.first ||
				      p->backlog->order.cost > in->limits.max_inflight));
}

/* May the next request of a dedicated peer be served? */
static inline bool peer_can_serve(const struct rv_instance *in, const struct peer *p)
{
	return !peer_is_gone(p) && !peer_is_behind(in, p);
}

/* May the next line be served? On a shared peer frames may always. */
static inline bool peer_can_serve_line(const struct rv_instance *in, const struct peer *p)
{
	return peer_is_shared(p) ? !peer_is_behind(in, p) : peer_can_serve(in, p);
}

/* Nothing of a shared peer waits that its next line would overtake. */
static inline bool peer_can_serve_new_line(const struct rv_instance *in, const struct peer *p)
{
	return !peer_is_shared(p) ||
	       (!peer_is_behind(in, p) && !(p->backlog && p->backlog->waiting.records.len));
}

/* Must the reply to a line wait for those of lines before it? */
static inline bool peer_keeps_order(const struct peer *p)
{
	return p->backlog && p->backlog->order.first;
}

/* Does the backend tell errors of its lines beside their text? */
static inline bool peer_is_told_errors(const struct rv_instance *in, const struct peer *p)
{
	return in->tells_errors && !(p->bits & PEER_STREAM);
}

/* Nothing of it is under way. */
static inline bool peer_is_idle(const struct peer *p)
{
	const struct backlog *b = p->backlog;

	return p->inflight == 0 && !(p->bits & (PEER_DIRTY | PEER_BUSY)) &&
	       !(b && (b->unsent.first || b->order.first || b->joining.n_messages || b->uncut.len ||
			      b->waiting.records.len));
}

static inline void peer_count(struct peer *p, size_t requests)
{
	if (__builtin_add_overflow(p->requests, requests, &p->requests)) {
		p->requests = UINT32_MAX;
	}
}

int peer_create(struct rv_instance *, struct peer **ret) MUST_CHECK;
/* It has ended. */
void peer_gone(struct rv_instance *, struct peer *);
/* Asks the backend to end it. */
void peer_close(struct rv_instance *, struct peer *, enum rv_close);
/* NULL: it has left, and perhaps another one has its slot. */
struct peer *peer_find(struct rv_instance *, uint32_t slot, uint64_t client);
/* Calls fn for each peer that is not gone. */
void peers_each(struct rv_instance *, void (*fn)(struct rv_instance *, struct peer *, void *arg),
	void *arg);
void peers_free_dying(struct rv_instance *);
void peers_finish(struct rv_instance *);

/* The peer's backlog, made if need be. NULL: no memory. */
struct backlog *peer_backlog(struct peer *);
/* Frees the backlog if nothing is in it any more. */
void peer_trim(struct rv_instance *, struct peer *);
/* A timeout may end the peer, or drop something of it. */
void peer_watch(struct rv_instance *, struct peer *);
/* Drops the replies that wait to be sent. */
void peer_drop_unsent(struct rv_instance *, struct peer *);
