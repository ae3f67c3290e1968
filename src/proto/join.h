/*
 * Joins the fragments of messages, as revd-protocol(7) says; requests in the daemon,
 * replies in its clients. Pure: no clock and no descriptor of its own.
 *
 * A joiner holds what one peer has in progress, told apart by id: a short list, for
 * honest peers have one or two. What is in it is limited in number and bytes. A
 * message that was refused, or whose next fragment was late, is remembered as a
 * *marker*, so that its rest is not taken for a message of its own. Where even that
 * is too many, the joiner is *lossy* for a while: no new message can be told from
 * the rest of a refused one, so all are refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <revd/handover.h>
#include <revd/wire.h>
#include "util/bytes.h"

#define JOIN_MESSAGES 64 /* in progress at a time */
#define JOIN_MARKERS 64  /* refused ones whose rest is still to come */

struct join_message;

struct joiner {                        /* zero is an empty one */
	struct join_message *messages; /* those in progress, and markers */
	size_t n_messages, n_markers;  /* how many of either kind */
	size_t cost;                   /* bytes that they take, bookkeeping included */
	uint64_t lossy_ns;             /* since when it is lossy; 0: it is not */
};

/* What it may hold; a client that trusts its server says SIZE_MAX. */
struct join_limits {
	size_t message;  /* bytes of one text */
	size_t cost;     /* bytes of all that is in progress, see struct joiner */
	size_t messages; /* in progress at a time */
};

enum join_result {
	JOIN_WAIT,      /* more fragments to come */
	JOIN_DONE,      /* the message is whole */
	JOIN_LATE,      /* the fragments before it were dropped by joiner_expire() */
	JOIN_MALFORMED, /* its fragments name different operations */
	JOIN_TOO_LARGE, /* over limits->message */
	JOIN_BUSY,      /* over one of the other limits */
	JOIN_NO_MEMORY,
};

/*
 * A frame: a fragment, the last one of a message, or a message by itself. text, n: its
 * body without the token. now_ns: of any clock that does not go back.
 *
 * JOIN_DONE: what is in *ret, which the caller frees, is the whole text; if ret->data
 * is NULL, it is the n bytes at `text`. JOIN_TOO_LARGE: ret->len is how many bytes
 * there were so far. After any refusal the rest of the message is discarded: see
 * joiner_swallow().
 */
enum join_result joiner_add(struct joiner *, const struct join_limits *, uint64_t now_ns,
	const struct rv_frame *, const uint8_t *text, size_t n, struct bytes *ret);

/* True if the frame belongs to a message that was refused before: it is gone. */
bool joiner_swallow(struct joiner *, const struct rv_frame *, uint64_t now_ns);

/* An error was answered to a frame: if it is a fragment, the rest of its message is to
 * be discarded. */
void joiner_discard(struct joiner *, const struct rv_frame *, uint64_t now_ns);

/* Drops messages whose last fragment is timeout_ns old; returns how many. forget: a
 * marker is forgotten after 16 times that, for a peer that has no end of its own. */
size_t joiner_expire(struct joiner *, uint64_t now_ns, uint64_t timeout_ns, bool forget);

/* For another process, which goes on with all of it; an empty joiner is filled from what was
 * packed. 0; -EBADMSG, -ENOMEM: and joiner_finish() is still to be called. */
void joiner_pack(const struct joiner *, struct rv_pack *);
int joiner_unpack(struct joiner *, struct rv_unpack *) MUST_CHECK;

void joiner_finish(struct joiner *);
