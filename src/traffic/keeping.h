/* What a worker knows of the connections that it keeps for the process after a crash, see
 * keeper.h. */
#pragma once

#include "util/bag.h"

#define KEEPER_NAME "revd-connections-" /* what the names of bags begin with */

/* Who keeps a bag while no process is there: the service manager. Any thread. */
struct keeper_store {
	int (*store)(const char *name, const int *fds, size_t n); /* 0 or -errno */
	void (*forget)(const char *name);
};

struct keeping {                          /* zero: nothing is kept */
	const struct keeper_store *store; /* NULL: nothing is kept */
	struct bag bag;                   /* none before the first connection is kept */
	struct bag_marks *marks;          /* where those of the bag are */
	uint64_t generation;              /* of the bag */
	size_t used, live, limit;         /* its records; of those, open connections; at most */
	uint64_t old;                     /* the last client that was there at the tick before */
	bool young;                       /* some are to be kept at the next tick */
	bool full;                        /* it takes no more */
};

#define KEPT_LATER UINT16_MAX /* instead of a slot + 1: once it has nothing unfinished */

/* Who was kept has ended: its slot is used no more. True: there may be room, or a new bag to be
 * made, at the next tick. */
static inline bool keeping_end(struct keeping *k, uint32_t kept)
{
	if (!kept || kept == KEPT_LATER) {
		return false;
	}
	k->marks->clean[kept - 1] = false;
	k->live--;
	return k->live < k->used / 2 || k->live == k->limit - k->limit / 8;
}
