/* The listener of a worker. */
#include "uds/uds.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <syslog.h>

#define ACCEPT_BATCH 16 /* connections per turn: the others must not wait for a flood */
#define SINGLES 8       /* connections that came alone before two are expected again */
#define RETRY_US 100000 /* accept() ran out of descriptors or memory */

/* For ever again means a busy loop: the listener rests instead. */
static void rest(struct uds_instance *in, int err)
{
	const struct timeval tv = {.tv_usec = RETRY_US};

	in->host->dropped(in->handle, RV_DROP_ACCEPT, 1);
	in->host->log(in->handle, LOG_WARNING, "accept: %s; trying again in 100 ms", strerror(err));
	event_del(in->listener);
	event_add(in->retry, &tv);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct uds_instance *in = arg;

	(void)fd;
	(void)what;
	if (!in->draining) {
		event_add(in->listener, NULL);
	}
}

/* Returns false when there is nobody left to accept. */
static bool accept_one(struct uds_instance *in)
{
	int fd = accept4(in->ep->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		(void)uds_conn_start(in, fd);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		rest(in, errno);
		return false;
	}
	return errno == ECONNABORTED || errno == EINTR;
}

static void on_listener(evutil_socket_t fd, short what, void *arg)
{
	struct uds_instance *in = arg;
	unsigned n = 0, most = in->crowded ? ACCEPT_BATCH : 1;

	(void)fd;
	(void)what;
	while (n < most && accept_one(in)) {
		n++;
	}
	if (n == 1 && most == 1) {
		/* asking again costs a call; the loop asks by itself */
		in->crowded = ++in->singles % SINGLES == 0;
	} else {
		in->crowded = n > 1;
	}
}

static int make_buffer(struct uds_instance *in)
{
	size_t size = uds_is_stream(in) ? UDS_READ : UDS_SLOT * UDS_SLOTS;

	in->buf = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (in->buf == MAP_FAILED) {
		in->buf = NULL;
		return -ENOMEM;
	}
	return 0;
}

int uds_attach(void *block, void *ep, const struct rv_host *host, struct rv_instance *handle,
	struct rv_err *e)
{
	struct uds_instance *in = block;
	struct event_base *base = host->event_base(handle);
	int r;

	in->ep = ep;
	in->host = host;
	in->handle = handle;
	in->batch = 1;
	in->type = in->ep->cfg->type;
	r = make_buffer(in);
	if (r == 0 && uds_is_stream(in)) {
		out_init(&in->out, host, handle, &uds_out_ops);
	} else if (r == 0) {
		r = packets_init(&in->packets, &uds_packets_ops);
	}
	in->listener = event_new(base, in->ep->fd, EV_READ | EV_PERSIST, on_listener, in);
	in->retry = event_new(base, -1, 0, on_retry, in);
	if (r < 0 || !in->listener || !in->retry || event_add(in->listener, NULL) < 0) {
		uds_detach(in);
		return rv_fail(e, -ENOMEM, "out of memory");
	}
	in->ep->n_listening++;
	return 0;
}

void uds_conn_is_gone(struct uds_instance *in)
{
	in->n_conns--;
	if (in->draining && !in->scanning && in->n_conns == 0) {
		in->host->drained(in->handle);
	}
}

static void drain_conn(void *peer, void *arg)
{
	(void)arg;
	uds_conn_read(peer);
}

void uds_drain(void *block)
{
	struct uds_instance *in = block;

	while (accept_one(in)) { /* who has connected is served */
	}
	in->draining = true;
	event_del(in->listener);
	event_del(in->retry);
	uds_stop_listening(in->ep);
	in->scanning = true;
	in->host->each_peer(in->handle, drain_conn, NULL);
	in->scanning = false;
	if (in->n_conns == 0) {
		in->host->drained(in->handle);
	}
}

static void drop_conn(void *peer, void *arg)
{
	uds_peer_close(arg, peer, RV_CLOSE_NOW);
}

void uds_detach(void *block)
{
	struct uds_instance *in = block;

	in->draining = false; /* nothing to report any more */
	in->host->each_peer(in->handle, drop_conn, in);
	if (in->listener) {
		event_free(in->listener);
	}
	if (in->retry) {
		event_free(in->retry);
	}
	out_finish(&in->out);
	packets_finish(&in->packets);
	if (in->buf) {
		munmap(in->buf, uds_is_stream(in) ? UDS_READ : UDS_SLOT * UDS_SLOTS);
	}
	*in = (struct uds_instance){0};
}
