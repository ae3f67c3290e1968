/*
 * What a load sends and what it must get back, made beforehand, so that sending
 * is a write() from this memory and checking is a memcmp().
 *
 * A script holds n different requests; request i of a connection is number i % n.
 * n is larger than what is in flight, so a reply out of place is noticed. All
 * requests of a script have the same number of bytes, and so have the replies.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <revd/wire.h>
#include "util/macro.h"

enum script_form {
	SCRIPT_BARE,      /* the text alone: one message each, or a fixed record */
	SCRIPT_LINE,      /* the text with LF as its last byte: a line on a stream */
	SCRIPT_FRAME,     /* frames; replies are frames too */
	SCRIPT_ECHO,      /* redis: ECHO text */
	SCRIPT_EVAL,      /* redis: EVAL of a script that reverses text */
	SCRIPT_MEMCACHED, /* get of a key whose value is stored beforehand */
};

struct script_shape {
	enum script_form form;
	size_t size;        /* bytes of text */
	unsigned in_flight; /* at most */
	unsigned client;    /* its number goes into the text */
	bool reverse;       /* what the service does; else it echoes */
	size_t message_max; /* largest message or frame; 0: any */
	const char *token;  /* SCRIPT_FRAME: the reply name; NULL: none */
};

struct script {
	size_t n;               /* requests */
	uint8_t *tx;            /* the requests, one after the other */
	size_t tx_each, tx_len; /* bytes of one and of all */
	uint32_t *cuts;         /* where messages start in tx, and tx_len at the end */
	size_t messages;        /* per request */
	uint8_t *rx;            /* the replies; for frames, their payloads */
	size_t rx_each, rx_len;
	bool frames;       /* replies come as frames with ids 0..n-1 */
	size_t index_each; /* SCRIPT_BARE: every so many bytes the client's number stands */
};

int script_init(struct script *, const struct script_shape *) MUST_CHECK;
void script_finish(struct script *);

/* The client's number in the first two bytes of a message of a bare server that
 * has many clients and no other way of knowing them apart. */
static inline void script_put_index(uint8_t p[2], unsigned client)
{
	p[0] = (uint8_t)('0' + client / 64);
	p[1] = (uint8_t)('0' + client % 64);
}

static inline unsigned script_get_index(const uint8_t p[2])
{
	return (unsigned)(p[0] - '0') * 64 + (unsigned)(p[1] - '0');
}
