#include "nats/threads.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define STACK ((size_t)256 << 10) /* names and TLS need some */

struct thread {
	struct thread *next;
	void (*fn)(void *arg);
	void *arg;
	pthread_t id;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fewer = PTHREAD_COND_INITIALIZER;
static struct thread *ended; /* and not joined */
static unsigned n_running;

static void *run(void *arg)
{
	struct thread *t = arg;

	t->fn(t->arg);
	pthread_mutex_lock(&lock);
	t->next = ended;
	ended = t;
	n_running--;
	pthread_cond_broadcast(&fewer);
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* The lock is held. They wait for nothing any more. */
static void join_ended(void)
{
	while (ended) {
		struct thread *t = ended;

		ended = t->next;
		pthread_join(t->id, NULL);
		free(t);
	}
}

static int create(struct thread *t)
{
	sigset_t every, before;
	pthread_attr_t attr;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	r = -pthread_create(&t->id, &attr, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return r;
}

int nats_thread_start(void (*fn)(void *arg), void *arg)
{
	struct thread *t = calloc(1, sizeof(*t));
	int r;

	if (!t) {
		return -ENOMEM;
	}
	t->fn = fn;
	t->arg = arg;
	pthread_mutex_lock(&lock);
	join_ended();
	r = create(t);
	n_running += r == 0;
	pthread_mutex_unlock(&lock);
	if (r < 0) {
		free(t);
	}
	return r;
}

void nats_threads_wait(unsigned ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&lock);
	while (n_running > 0 && pthread_cond_timedwait(&fewer, &lock, &until) == 0) {
	}
	join_ended();
	pthread_mutex_unlock(&lock);
}
