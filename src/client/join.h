/* Joins the fragments of replies, which may come interleaved. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/buf.h"
#include "util/macro.h"

#define JOIN_MAX ((size_t)1 << 31) /* bytes of a reply; more is nonsense */

struct join_part {
	uint64_t id;
	struct buf text;
};

/* Zero is an empty joiner. Parts are few: a search through them is the fastest. */
struct joiner {
	struct join_part *parts;
	size_t n, size;
	struct buf done; /* the last whole reply, until the next call */
};

void joiner_finish(struct joiner *);

/* A frame of reply `id`; more: it is not the last. 1: the reply is whole, and
 * *ret and *ret_n, borrowed until the next call, are its text. 0: not yet.
 * -ENOMEM, -EMSGSIZE. A reply of one frame is handed through without a copy. */
int joiner_add(struct joiner *, uint64_t id, bool more, const uint8_t *p, size_t n,
	const uint8_t **ret, size_t *ret_n) MUST_CHECK;
