/*
 * From the text of a reply to its bytes. One that does not fit the transport now
 * (larger than a message, or a queue that is full) is put aside, see aside.h.
 */
#pragma once

#include "traffic/batch.h"

/* One request on its way to its reply. */
struct request {
	struct batch *batch;
	struct peer *peer; /* whom to answer */
	bool line;
	uint8_t head; /* bytes before the text of the reply: a frame's header, */
	uint8_t term; /* and behind it: a line's terminator */
	uint8_t op;
	uint64_t id;    /* of a frame */
	uint32_t tag;   /* of its message */
	uint32_t bytes; /* what it counts for in peer->inflight */
};

/* Answers with n bytes of text; they may be anywhere and are copied. */
void reply_text(struct request *, unsigned status, const uint8_t *text, size_t n);
/* Answers with a sentence. */
void reply_status(struct request *, enum rv_status status, const char *fmt, ...) PRINTF(3, 4);

/* Answers a line that has been in the service: its reply takes its place among the others. */
void reply_late_line(
	struct request *, struct order_line *, unsigned status, const void *text, size_t n);

/* Answers the next `lines` lines of a run: n bytes, which are whole lines; or with an error,
 * whose sentence they are. left: how many were not answered before. */
void reply_late_lines(struct request *, struct order_line *run, size_t lines, size_t left,
	unsigned status, const void *text, size_t n);

/* Sends the replies of lines whose turn has come. */
void reply_ordered(struct batch *, struct peer *);
