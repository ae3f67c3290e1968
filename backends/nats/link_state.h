/*
 * A link, as its worker and its thread see it: what is to be done, what came of it, and how
 * the worker hears of it. Any thread.
 */
#pragma once

#include <nats/nats.h>
#include <pthread.h>
#include <revd/base/util.h>
#include "nats/link_news.h"

struct nats_link {
	struct nats_link *next; /* of all, under their lock */
	uintptr_t id;
	pthread_mutex_t lock;
	pthread_cond_t wish;
	pthread_t worker;
	unsigned refs;
	natsOptions *opts;
	const struct rv_host *host;
	struct rv_instance *handle; /* NULL: the instance has let go */
	void (*fn)(void *in, const struct nats_link_news *);
	struct nats_link_news news; /* not told yet */

	/* What the thread is to do. */
	bool connect, leave;
	natsConnection *ask, *drop;
	uint64_t not_before, made_at; /* to connect; when one was made last, ms */
	unsigned wait;                /* after the next one, ms */

	natsConnection *made; /* not taken yet */
	int fd;
	bool closed; /* atomic: the library is done with the connection */
};

void nats_link_enlist(struct nats_link *);
/* The lock is held; it is free afterwards. */
void nats_link_unref(struct nats_link *);

/* The lock is held. why: NULL keeps what was said before. */
void nats_link_tell(struct nats_link *, unsigned event, const char *why);
/* The same without the lock; and by number, if there is still such a link. */
void nats_link_tell_locked(struct nats_link *, unsigned event, const char *why);
void nats_link_tell_id(uintptr_t id, unsigned event, const char *why);
