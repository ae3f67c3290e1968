/* Who may be a peer of an endpoint: how many in all, and how many of one user. Any
 * thread. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "util/macro.h"

struct admission_uid;

struct admission {
	pthread_mutex_t lock;
	bool by_uid;                     /* uids are vouched for; else all are alike */
	uint64_t max_peers, max_per_uid; /* 0: any number */
	uint64_t peers;
	struct admission_uid *uids;
	size_t n_uids;
};

void admission_init(struct admission *, bool by_uid);
void admission_finish(struct admission *);

/* Those who are in stay. 0: any number. */
void admission_limit(struct admission *, uint64_t max_peers, uint64_t max_per_uid);

/* 0, and admission_leave() has to follow; -EUSERS: there are too many; -EDQUOT: of this
 * user. */
int admission_enter(struct admission *, uid_t uid) MUST_CHECK;
void admission_leave(struct admission *, uid_t uid);
