#include "nats/link.h"

#include <stdlib.h>
#include <time.h>
#include "nats/link_calls.h"
#include "nats/link_work.h"
#include "nats/threads.h"

static void run(void *arg)
{
	struct nats_link *l = arg;

	pthread_mutex_lock(&l->lock);
	nats_link_work(l);
	nats_link_unref(l);
	nats_ReleaseThreadMemory();
}

static void init_locks(struct nats_link *l)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->wish, &attr);
	pthread_condattr_destroy(&attr);
}

int nats_link_create(natsOptions *opts, const struct rv_host *host, struct rv_instance *handle,
	void (*fn)(void *in, const struct nats_link_news *), struct nats_link **ret)
{
	struct nats_link *l = calloc(1, sizeof(*l));
	int r = l ? 0 : -ENOMEM;

	if (r < 0) {
		return r;
	}
	*l = (struct nats_link){.refs = 2,
		.worker = pthread_self(),
		.opts = opts,
		.host = host,
		.handle = handle,
		.fn = fn,
		.fd = -1,
		.wait = NATS_LINK_FIRST_MS};
	init_locks(l);
	nats_link_enlist(l);
	r = nats_link_set_callbacks(l) == NATS_OK ? nats_thread_start(run, l) : -ENOMEM;
	if (r < 0) {
		l->opts = NULL; /* the caller's, still */
		l->refs = 1;
		pthread_mutex_lock(&l->lock);
		nats_link_unref(l);
		return r;
	}
	*ret = l;
	return 0;
}

void nats_link_leave(struct nats_link *l, natsConnection *nc)
{
	if (!l) {
		return;
	}
	pthread_mutex_lock(&l->lock);
	l->handle = NULL;
	l->connect = false;
	l->leave = true;
	if (nc) {
		l->drop = nc;
		l->ask = NULL;
	}
	pthread_cond_signal(&l->wish);
	nats_link_unref(l);
}

void nats_link_connect(struct nats_link *l)
{
	pthread_mutex_lock(&l->lock);
	l->connect = true;
	pthread_cond_signal(&l->wish);
	pthread_mutex_unlock(&l->lock);
}

natsConnection *nats_link_take(struct nats_link *l, int *ret_fd)
{
	natsConnection *nc;

	pthread_mutex_lock(&l->lock);
	nc = l->made;
	l->made = NULL;
	*ret_fd = l->fd;
	pthread_mutex_unlock(&l->lock);
	return nc;
}

void nats_link_drop(struct nats_link *l, natsConnection *nc)
{
	pthread_mutex_lock(&l->lock);
	l->drop = nc;
	l->ask = NULL;
	pthread_cond_signal(&l->wish);
	pthread_mutex_unlock(&l->lock);
}

void nats_link_ask(struct nats_link *l, natsConnection *nc)
{
	pthread_mutex_lock(&l->lock);
	l->ask = nc;
	pthread_cond_signal(&l->wish);
	pthread_mutex_unlock(&l->lock);
}

bool nats_link_is_closed(const struct nats_link *l)
{
	return __atomic_load_n(&l->closed, __ATOMIC_ACQUIRE);
}
