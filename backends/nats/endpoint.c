#include "nats/endpoint.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nats_endpoint *all; /* that are open */

/* The library's threads are not for our signals. */
static natsStatus start_library(void)
{
	sigset_t every, before;
	natsStatus s;

	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	s = nats_Open(0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return s;
}

/* Told at once: to try again would not help. */
static int check_network(struct rv_err *e)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 && errno == EAFNOSUPPORT) {
		return rv_fail(e, -EAFNOSUPPORT,
			"the sandbox has no network; a drop-in needs PrivateNetwork=no, "
			"RestrictAddressFamilies=AF_INET AF_INET6 and IPAddressAllow= below "
			"[Service], see revd-nats(5)");
	}
	fd_close_p(&fd);
	return 0;
}

static int copy_names(struct nats_endpoint *ep, const char *name, const struct nats_config *c)
{
	ep->name = strdup(name);
	ep->subject = strdup(c->subject);
	ep->queue = strdup(c->queue);
	return ep->name && ep->subject && ep->queue ? 0 : -ENOMEM;
}

static void enlist(struct nats_endpoint *ep)
{
	pthread_mutex_lock(&lock);
	ep->next = all;
	all = ep;
	pthread_mutex_unlock(&lock);
}

static void delist(const struct nats_endpoint *ep)
{
	pthread_mutex_lock(&lock);
	for (struct nats_endpoint **at = &all; *at; at = &(*at)->next) {
		if (*at == ep) {
			*at = ep->next;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
}

bool nats_endpoint_is_replaced(const struct nats_endpoint *ep)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (const struct nats_endpoint *o = all; o && o != ep; o = o->next) {
		found |= strcmp(o->subject, ep->subject) == 0 && strcmp(o->queue, ep->queue) == 0 &&
			 !__atomic_load_n(&o->ready, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&lock);
	return found;
}

static void set_limits(
	struct nats_endpoint *ep, const struct rv_endpoint_info *info, const struct nats_config *c)
{
	__atomic_store_n(&ep->max_peers, info->max_peers, __ATOMIC_RELAXED);
	__atomic_store_n(&ep->max_pending, c->max_pending, __ATOMIC_RELAXED);
}

int nats_open(void *block, const struct rv_endpoint_info *info, const void *config, const int *fds,
	size_t n_fds, struct rv_err *e)
{
	const struct nats_config *c = config;
	struct nats_endpoint *ep = block;
	natsOptions *tried = NULL;
	int r;

	(void)fds;
	(void)n_fds;
	*ep = (struct nats_endpoint){.cfg = c};
	r = check_network(e);
	if (r < 0) {
		return r;
	}
	if (start_library() != NATS_OK) {
		return rv_fail(e, -ENOMEM, "the NATS library does not start");
	}
	r = copy_names(ep, info->name, c);
	if (r < 0) {
		rv_fail(e, r, "no memory");
	} else {
		r = nats_options_make(c, &tried, e);
		natsOptions_Destroy(tried);
	}
	if (r < 0) {
		nats_close(ep);
		return r;
	}
	set_limits(ep, info, c);
	enlist(ep);
	return 0;
}

int nats_reconfigure(
	void *block, const struct rv_endpoint_info *info, const void *cfg, struct rv_err *e)
{
	struct nats_endpoint *ep = block;

	(void)e;
	ep->cfg = cfg;
	set_limits(ep, info, cfg);
	return 0;
}

void nats_close(void *block)
{
	struct nats_endpoint *ep = block;

	delist(ep);
	free(ep->name);
	free(ep->subject);
	free(ep->queue);
	*ep = (struct nats_endpoint){0};
}
