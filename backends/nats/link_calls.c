#include "nats/link_calls.h"

#include <fcntl.h>

/* In our thread, with the connection. */
static natsStatus on_attach(void **ret, void *loop, natsConnection *nc, natsSock fd)
{
	struct nats_link *l = loop;

	(void)nc;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fd_close_p(&l->fd);
	l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	__atomic_store_n(&l->closed, false, __ATOMIC_RELEASE);
	*ret = l;
	return l->fd < 0 ? NATS_ERR : NATS_OK;
}

static natsStatus on_read(void *data, bool add)
{
	struct nats_link *l = data;

	if (!add) {
		__atomic_store_n(&l->closed, true, __ATOMIC_RELEASE);
	}
	return NATS_OK;
}

/* The worker writes after all that it does. */
static natsStatus on_write(void *data, bool add)
{
	struct nats_link *l = data;

	if (add && !pthread_equal(pthread_self(), l->worker)) {
		nats_link_tell_locked(l, NATS_LINK_WRITE, NULL);
	}
	return NATS_OK;
}

static natsStatus on_detach(void *data)
{
	return on_read(data, false);
}

/* In a thread of the library. */
static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *id)
{
	const char *why = NULL;

	(void)sub;
	if (natsConnection_GetLastError(nc, &why) == NATS_OK || !why || !*why) {
		why = natsStatus_GetText(status);
	}
	nats_link_tell_id((uintptr_t)id, NATS_LINK_ERROR, why);
}

natsStatus nats_link_set_callbacks(struct nats_link *l)
{
	natsStatus s =
		natsOptions_SetEventLoop(l->opts, l, on_attach, on_read, on_write, on_detach);

	return s == NATS_OK ? natsOptions_SetErrorHandler(l->opts, on_error, (void *)l->id) : s;
}
