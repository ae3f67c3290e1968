#include "server/admission.h"

#include <errno.h>
#include <stdlib.h>

struct admission_uid {
	uid_t uid;
	uint64_t peers;
};

void admission_init(struct admission *a, bool by_uid)
{
	*a = (struct admission){.by_uid = by_uid};
	pthread_mutex_init(&a->lock, NULL);
}

void admission_finish(struct admission *a)
{
	free(a->uids);
	pthread_mutex_destroy(&a->lock);
}

void admission_limit(struct admission *a, uint64_t max_peers, uint64_t max_per_uid)
{
	pthread_mutex_lock(&a->lock);
	a->max_peers = max_peers;
	a->max_per_uid = max_per_uid;
	pthread_mutex_unlock(&a->lock);
}

static struct admission_uid *find(struct admission *a, uid_t uid)
{
	for (size_t i = 0; i < a->n_uids; i++) {
		if (a->uids[i].uid == uid) {
			return &a->uids[i];
		}
	}
	return NULL;
}

static struct admission_uid *find_or_add(struct admission *a, uid_t uid)
{
	struct admission_uid *u = find(a, uid);

	if (u) {
		return u;
	}
	u = reallocarray(a->uids, a->n_uids + 1, sizeof(*u));
	if (!u) {
		return NULL;
	}
	a->uids = u;
	u[a->n_uids] = (struct admission_uid){.uid = uid};
	return &u[a->n_uids++];
}

static int enter(struct admission *a, uid_t uid)
{
	struct admission_uid *u;

	if (a->max_peers && a->peers >= a->max_peers) {
		return -EUSERS;
	}
	if (a->by_uid) {
		u = find_or_add(a, uid);
		if (!u || (a->max_per_uid && u->peers >= a->max_per_uid)) {
			return -EDQUOT;
		}
		u->peers++;
	}
	a->peers++;
	return 0;
}

int admission_enter(struct admission *a, uid_t uid)
{
	int r;

	pthread_mutex_lock(&a->lock);
	r = enter(a, uid);
	pthread_mutex_unlock(&a->lock);
	return r;
}

void admission_leave(struct admission *a, uid_t uid)
{
	struct admission_uid *u;

	pthread_mutex_lock(&a->lock);
	a->peers--;
	u = a->by_uid ? find(a, uid) : NULL;
	if (u && --u->peers == 0) {
		*u = a->uids[--a->n_uids];
	}
	pthread_mutex_unlock(&a->lock);
}
