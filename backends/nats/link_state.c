#include "nats/link_state.h"

#include <stdio.h>
#include <stdlib.h>

/* The library calls about errors whenever it gets to it, even after the end of a
 * connection. So it knows a link by number alone. */
static pthread_mutex_t links_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nats_link *links;
static uintptr_t last_id;

void nats_link_enlist(struct nats_link *l)
{
	pthread_mutex_lock(&links_lock);
	l->id = ++last_id;
	l->next = links;
	links = l;
	pthread_mutex_unlock(&links_lock);
}

static void delist(const struct nats_link *l)
{
	struct nats_link **at = &links;

	pthread_mutex_lock(&links_lock);
	while (*at != l) {
		at = &(*at)->next;
	}
	*at = l->next;
	pthread_mutex_unlock(&links_lock);
}

void nats_link_unref(struct nats_link *l)
{
	bool last = --l->refs == 0;

	pthread_mutex_unlock(&l->lock);
	if (last) {
		delist(l);
		natsOptions_Destroy(l->opts);
		fd_close_p(&l->fd);
		pthread_cond_destroy(&l->wish);
		pthread_mutex_destroy(&l->lock);
		free(l);
	}
}

/* Telling the worker. */

static void deliver(void *in, void *arg)
{
	struct nats_link *l = arg;
	struct nats_link_news news;
	bool told;

	pthread_mutex_lock(&l->lock);
	news = l->news;
	l->news = (struct nats_link_news){0};
	told = in && l->handle;
	nats_link_unref(l);
	if (told) {
		l->fn(in, &news); /* the instance still holds the link */
	}
}

void nats_link_tell(struct nats_link *l, unsigned event, const char *why)
{
	bool first = !l->news.events;

	if (!l->handle) {
		return;
	}
	if (first && l->host->post(l->handle, deliver, l) < 0) {
		return; /* no memory: the next news tries again */
	}
	l->refs += first;
	l->news.events |= event;
	if (why) {
		snprintf(l->news.why, sizeof(l->news.why), "%s", why);
	}
}

void nats_link_tell_locked(struct nats_link *l, unsigned event, const char *why)
{
	pthread_mutex_lock(&l->lock);
	nats_link_tell(l, event, why);
	pthread_mutex_unlock(&l->lock);
}

void nats_link_tell_id(uintptr_t id, unsigned event, const char *why)
{
	pthread_mutex_lock(&links_lock);
	for (struct nats_link *l = links; l; l = l->next) {
		if (l->id == id) {
			nats_link_tell_locked(l, event, why);
		}
	}
	pthread_mutex_unlock(&links_lock);
}
