#include <revd/base/acceptor.h>

#include <event2/event.h>
#include <syslog.h>

#define ACCEPT_BATCH 16 /* connections per turn: the others must not wait for a flood */
#define SINGLES 8       /* connections that came alone before two are expected again */
#define RETRY_US 100000 /* accept() ran out of descriptors or memory */

/* For ever again would be a busy loop. */
static void rest(struct rv_acceptor *a, int err)
{
	const struct timeval tv = {.tv_usec = RETRY_US};

	a->host->dropped(a->handle, RV_DROP_ACCEPT, 1);
	a->host->log(a->handle, LOG_WARNING, "accept: %s; trying again in 100 ms", strerror(err));
	event_del(a->event);
	event_add(a->retry, &tv);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct rv_acceptor *a = arg;

	(void)fd;
	(void)what;
	if (!a->draining) {
		event_add(a->event, NULL);
	}
}

/* Returns false when there is nobody left to accept. */
static bool accept_one(struct rv_acceptor *a)
{
	int fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		a->start(a->ctx, fd);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		rest(a, errno);
		return false;
	}
	return errno == ECONNABORTED || errno == EINTR;
}

static void on_listener(evutil_socket_t fd, short what, void *arg)
{
	struct rv_acceptor *a = arg;
	unsigned n = 0, most = a->crowded ? ACCEPT_BATCH : 1;

	(void)fd;
	(void)what;
	while (n < most && accept_one(a)) {
		n++;
	}
	if (n == 1 && most == 1) {
		/* asking again costs a call; the loop asks by itself */
		a->crowded = ++a->singles % SINGLES == 0;
	} else {
		a->crowded = n > 1;
	}
}

int rv_acceptor_init(struct rv_acceptor *a, int fd, const struct rv_host *host,
	struct rv_instance *handle, void (*start)(void *ctx, int fd), void *ctx)
{
	struct event_base *base = host->event_base(handle);

	*a = (struct rv_acceptor){
		.fd = fd, .host = host, .handle = handle, .start = start, .ctx = ctx};
	a->event = event_new(base, fd, EV_READ | EV_PERSIST, on_listener, a);
	a->retry = event_new(base, -1, 0, on_retry, a);
	return a->event && a->retry && event_add(a->event, NULL) == 0 ? 0 : -ENOMEM;
}

void rv_acceptor_drain(struct rv_acceptor *a)
{
	while (accept_one(a)) { /* who has connected is served */
	}
	a->draining = true;
	event_del(a->event);
	event_del(a->retry);
}

void rv_acceptor_finish(struct rv_acceptor *a)
{
	if (a->event) {
		event_free(a->event);
	}
	if (a->retry) {
		event_free(a->retry);
	}
	*a = (struct rv_acceptor){0};
}
