/*
 * A bag: descriptors that outlive this process, however it ends, with a record of each, and marks
 * that say which of them are worth anything. It is itself two descriptors, which somebody else
 * keeps, the service manager as a rule: the receiving end of a socket pair, in which they are in
 * flight, and a memfd with the marks, which this process has mapped.
 *
 * What is put in stays in: a bag of which much has ended is replaced by a new one. Marks are
 * stored before and after what they tell of in the order of the program, and the kernel sees all
 * that a killed thread has stored.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "util/macro.h"
#include "util/pass.h"

#define BAG_SLOTS 2048u /* records; marks are a page */
#define BAG_MESSAGE ((size_t)32 << 10)

struct bag_marks {
	uint64_t magic, generation;
	void *volatile serving;            /* what is being read from or answered; NULL: nothing */
	volatile uint8_t clean[BAG_SLOTS]; /* true: it has nothing unfinished */
};

enum bag_end { BAG_SOCKET, BAG_MARKS, BAG_ENDS };

struct bag { /* zero is none */
	struct bag_marks *marks;
	int sock; /* the sending end */
};

/* generation: of two bags the one with the larger holds. ends: the caller's, to give away and to
 * close. 0 or -errno. */
int bag_create(struct bag *, uint64_t generation, int ends[BAG_ENDS]) MUST_CHECK;
/* Has its marks take the place of those at `at`, which have stood in a mapping like it. */
int bag_move_marks(struct bag *, struct bag_marks *at) MUST_CHECK;
/* Memory that looks like marks, for bag_move_marks(); NULL: no memory. */
struct bag_marks *bag_reserve_marks(void);
void bag_release_marks(struct bag_marks *);
/* A message: records of n bytes, and their descriptors. -EAGAIN: it is full. -EPIPE: nobody keeps
 * its ends. */
int bag_put(
	const struct bag *, const void *data, size_t n, const int *fds, size_t n_fds) MUST_CHECK;
/* Without its marks: they are unmapped with bag_release_marks(). */
void bag_finish(struct bag *);

/* The other side. */
struct bag_in {
	int sock;
	const struct bag_marks *marks; /* as they were left; a copy */
};

/* From the two ends, in any order, which are closed by bag_in_finish(), or here on failure. 0 or
 * -errno: it is no bag of this user's. */
int bag_open(struct bag_in *, const int ends[BAG_ENDS]) MUST_CHECK;
/* The next message; buf: BAG_MESSAGE bytes. Its length; 0: there is no more. */
size_t bag_next(const struct bag_in *, void *buf, struct passed_fds *ret);
void bag_in_finish(struct bag_in *);
