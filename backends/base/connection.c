#include <revd/base/connection.h>

#include <event2/event.h>

#define DRAIN_READS 64 /* while draining; the rest comes with the next turn */

void rv_connections_init(struct rv_connections *all, const struct rv_host *host,
	struct rv_instance *handle, const struct rv_connection_ops *ops)
{
	*all = (struct rv_connections){.host = host, .handle = handle, .ops = ops};
}

static int watch_event(struct rv_connection *c, short what)
{
	const struct rv_connections *all = c->all;
	int fd = rv_connection_fd(c);

	event_del(&c->event);
	if (!what) {
		return 0;
	}
	event_assign(&c->event, all->host->event_base(all->handle), fd, (short)(what | EV_PERSIST),
		rv_connection_on_event, c);
	return event_add(&c->event, NULL) < 0 ? -ENOMEM : 0;
}

/* Makes the loop watch what is wanted now. */
static int arm(struct rv_connection *c)
{
	const struct rv_connection_ops *ops = c->all->ops;
	short input = ops->input_events ? ops->input_events : EV_READ;
	short what;

	if (c->reading == c->armed_read && c->writing == c->armed_write) {
		return 0;
	}
	c->armed_read = c->reading;
	c->armed_write = c->writing;
	what = (short)((c->reading ? input : 0) | (c->writing ? EV_WRITE : 0));
	return ops->watch ? ops->watch(c, what) : watch_event(c, what);
}

static void want_read(struct rv_connection *c, bool on)
{
	c->reading = on;
	if (arm(c) < 0) {
		rv_connection_end(c);
	}
}

int rv_connection_want_write(struct rv_connection *c, bool on)
{
	c->writing = on;
	return arm(c);
}

/* Beginning and end. */

int rv_connection_start(struct rv_connections *all, int fd, const struct rv_peer_info *info,
	struct rv_connection **ret)
{
	struct rv_connection *c;
	void *block;
	int r = all->host->peer_new(all->handle, info, &block);

	if (r < 0) {
		return r;
	}
	c = block;
	c->all = all;
	event_assign(&c->event, all->host->event_base(all->handle), fd, EV_PERSIST,
		rv_connection_on_event, c);
	c->reading = true;
	if (arm(c) < 0) {
		all->host->peer_gone(all->handle, c);
		return -ENOMEM;
	}
	all->n++;
	*ret = c;
	return 0;
}

static void check_none_left(struct rv_connections *all)
{
	if (all->n > 0 || all->scanning || all->detaching) {
		return;
	}
	if (all->draining) {
		all->host->drained(all->handle);
	} else if (all->ops->none_left) {
		all->ops->none_left(all);
	}
}

void rv_connection_end(struct rv_connection *c)
{
	struct rv_connections *all = c->all;

	if (c->state == RV_CONNECTION_CLOSED) {
		return;
	}
	c->state = RV_CONNECTION_CLOSED;
	c->reading = c->writing = false;
	(void)arm(c);
	all->ops->end(c);
	all->host->peer_gone(all->handle, c);
	all->n--;
	check_none_left(all);
}

static void close_when_sent(struct rv_connection *c)
{
	const struct rv_connection_ops *ops = c->all->ops;

	if (c->state == RV_CONNECTION_CLOSING && !ops->is_unsent(c)) {
		if (ops->discard && !c->ended) {
			ops->discard(c);
		}
		rv_connection_end(c);
	}
}

void rv_connection_close(void *instance, void *peer, enum rv_close how)
{
	struct rv_connection *c = peer;

	(void)instance;
	if (c->state == RV_CONNECTION_CLOSED) {
		return;
	}
	if (how == RV_CLOSE_NOW) {
		rv_connection_end(c);
		return;
	}
	c->state = RV_CONNECTION_CLOSING;
	rv_connection_flush(instance, c);
	if (c->state == RV_CONNECTION_CLOSING) {
		c->reading = false;
		if (arm(c) < 0) {
			rv_connection_end(c);
			return;
		}
		close_when_sent(c);
	}
}

/* Input. */

void rv_connection_took(struct rv_connection *c, enum rv_next next)
{
	if (next == RV_READ_STOP && c->state == RV_CONNECTION_OPEN && c->reading) {
		want_read(c, false);
	}
}

void rv_connection_input_ended(struct rv_connection *c)
{
	want_read(c, false);
	if (c->state == RV_CONNECTION_OPEN) {
		c->all->host->eof(c->all->handle, c);
	}
}

void rv_connection_no_input(struct rv_connection *c, int err)
{
	const struct rv_connections *all = c->all;

	if (err == EAGAIN || err == EINTR) {
		if (err == EAGAIN && all->draining) {
			rv_connection_input_ended(c);
		}
		return;
	}
	all->host->dropped(all->handle, RV_DROP_PEER_GONE, err == ECONNRESET);
	rv_connection_end(c);
}

static void read_some(struct rv_connection *c, bool sure)
{
	int reads = c->all->draining ? DRAIN_READS : 1;

	while (reads-- > 0 && c->state == RV_CONNECTION_OPEN && c->reading) {
		if (!c->all->ops->read(c, sure)) {
			break;
		}
		sure = false;
	}
}

void rv_connection_read(struct rv_connection *c)
{
	read_some(c, false);
}

void rv_connection_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct rv_connection *c = arg;

	(void)fd;
	if (what & EV_WRITE && c->writing) {
		c->all->ops->writable(c);
	}
	if (what & (EV_READ | EV_CLOSED) && c->reading && c->state == RV_CONNECTION_OPEN) {
		/* what else was done, or is, may have read on already */
		read_some(c, what == EV_READ && !c->all->draining);
	}
}

void rv_connection_resume(void *instance, void *peer)
{
	struct rv_connection *c = peer;

	(void)instance;
	if (c->state == RV_CONNECTION_OPEN) {
		want_read(c, true);
		if (c->all->draining) {
			rv_connection_read(c); /* nothing may come any more to wake us */
		}
	}
}

/* Output. */

void rv_connection_sent(struct rv_connection *c)
{
	if (c->state == RV_CONNECTION_CLOSING) {
		close_when_sent(c);
	} else if (c->state == RV_CONNECTION_OPEN) {
		c->all->host->writable(c->all->handle, c);
	}
}

void rv_connection_broken(struct rv_connection *c)
{
	c->all->host->dropped(c->all->handle, RV_DROP_PEER_GONE, 1);
	rv_connection_end(c);
}

int rv_connection_reserve(void *instance, void *peer, size_t min, struct rv_room *ret)
{
	struct rv_connection *c = peer;

	(void)instance;
	return c->all->ops->reserve(c, min, ret);
}

void rv_connection_commit(void *instance, void *peer, size_t used, uint32_t tag)
{
	struct rv_connection *c = peer;

	(void)instance;
	(void)tag; /* connections have no priorities */
	c->all->ops->commit(c, used);
}

void rv_connection_flush(void *instance, void *peer)
{
	struct rv_connection *c = peer;

	(void)instance;
	if (c->writing) {
		c->all->ops->writable(c); /* poll() waits for much room, send() for any */
	} else {
		c->all->ops->flush(c);
	}
}

/* All of them. */

static void drain_one(void *peer, void *arg)
{
	(void)arg;
	rv_connection_read(peer);
}

void rv_connections_drain(struct rv_connections *all)
{
	all->draining = true;
	all->scanning = true;
	all->host->each_peer(all->handle, drain_one, NULL);
	all->scanning = false;
	check_none_left(all);
}

static void end_one(void *peer, void *arg)
{
	(void)arg;
	rv_connection_end(peer);
}

void rv_connections_detach(struct rv_connections *all)
{
	all->detaching = true; /* nothing to report any more */
	if (all->host) {
		all->host->each_peer(all->handle, end_one, NULL);
	}
}
