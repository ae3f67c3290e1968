#include "natslink/library.h"

#include <nats/nats.h>
#include <pthread.h>
#include <signal.h>
#include "natslink/options.h"

#define END_MS 1000 /* for the threads to end */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users;

/* Signals are for the program's own threads. */
static natsStatus open_deaf(void)
{
	sigset_t all, old;
	natsStatus s;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	s = nats_Open(-1);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return s;
}

int library_use(char why[NATSLINK_WHY])
{
	natsStatus s;

	pthread_mutex_lock(&lock);
	s = users == 0 ? open_deaf() : NATS_OK;
	users += s == NATS_OK;
	pthread_mutex_unlock(&lock);
	return s == NATS_OK ? 0 : options_explain(s, why);
}

void library_release(void)
{
	pthread_mutex_lock(&lock);
	if (--users == 0) {
		(void)nats_CloseAndWait(END_MS);
	}
	pthread_mutex_unlock(&lock);
}
