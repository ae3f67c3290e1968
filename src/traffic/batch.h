/*
 * A batch of input and the output that comes of it: many replies to one stream share a
 * reservation of the transport's memory, which is committed and flushed once.
 */
#pragma once

#include "traffic/peer.h"

#define REPLY_SENTENCE 256 /* bytes that rv_reply_fail() asks for */

struct batch {
	struct rv_instance *in;
	struct peer *source; /* whose input it is */
	struct peer *out;    /* whose reservation is open; NULL: none */
	struct rv_room room; /* the reservation */
	uint8_t *tail;       /* where the next reply goes in it, */
	size_t left;         /* and how many bytes there are */
	bool filled;         /* a reply (perhaps empty) is in it */
	uint32_t tag;
	uint8_t error; /* what stands at the tail is a status told beside the text; 0: it is not */
	uint64_t answered, start_ns;
};

void batch_begin(struct batch *, struct rv_instance *, struct peer *source);

/* Opens (or keeps) a reservation for the peer with at least min bytes left, at
 * b->tail. 0; -EAGAIN: the reply has to be put aside; or what ended the peer. */
int batch_reserve(struct batch *, struct peer *, size_t min) MUST_CHECK;
/* A reservation of its own, though replies wait: it is for the first of them. */
int batch_reserve_next(struct batch *, struct peer *, size_t min) MUST_CHECK;

/* Counts a reply, or n of them, of so many bytes of text. */
void batch_count(struct batch *, unsigned status, size_t bytes);
void batch_count_many(struct batch *, unsigned status, size_t bytes, size_t n);

/* A reply of n bytes, or several, stand at the tail. Where replies are messages it is
 * sent now. */
void batch_advance(struct batch *, size_t n, uint32_t tag);

/* What b->error has to be for the reply to a line with that status. */
static inline uint8_t batch_error(const struct batch *b, const struct peer *p, unsigned status)
{
	return peer_is_told_errors(b->in, p) ? (uint8_t)status : 0;
}

/* Commits what is written and flushes all peers that got something, unless that is held. */
void batch_finish(struct batch *);
/* Flushes those whose flush was held. */
void batch_flush(struct rv_instance *);
