/* Who the peers of an instance are, for the main thread: a bounded number at a time. */
#pragma once

#include "traffic/instance.h"

#define LISTING_SLOTS 256u /* looked at in one turn, at most */

struct listed_peer {
	uint64_t client;
	uid_t uid;
	gid_t gid;
	pid_t pid;
	uint32_t inflight, requests, age_s;
	bool blocked;
	char name[RV_TOKEN_MAX + 1]; /* of its replies; "": it has none */
};

struct listing {
	uint32_t from, max; /* which slots to look at; set by the caller, max <= LISTING_SLOTS */
	uint32_t looked;    /* slots that were */
	bool more;          /* slots behind them */
	size_t n;
	struct listed_peer peers[LISTING_SLOTS];
};

/* Runs on the instance's worker and waits for it. */
void listing_make(struct listing *, const struct rv_instance *);
