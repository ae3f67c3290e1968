#include <revd/base/connection.h>

#include <poll.h>
#include <stdlib.h>

#define DRAIN_READS 64 /* while draining; the rest comes with the next turn */

/* What the loop is to watch for. Once the input is over it is readable for good; what
 * changes then (EV_ET) is that the client closes its side, too. */
static short wanted(const struct rv_connection *c)
{
	short what = c->out.tail ? EV_WRITE : 0;

	if (c->reading) {
		what |= c->all->ops->watch_end ? EV_READ | EV_CLOSED : EV_READ;
	} else if (c->over && !what && c->state == RV_CONNECTION_OPEN) {
		what = EV_READ | EV_ET;
	}
	return what;
}

static int watch_event(struct rv_connection *c, short what)
{
	const struct rv_writer *out = &c->all->out;
	int fd = rv_connection_fd(c);

	event_del(&c->event);
	if (!what) {
		return 0;
	}
	event_assign(&c->event, out->host->event_base(out->handle), fd, (short)(what | EV_PERSIST),
		rv_connection_on_event, c);
	return event_add(&c->event, NULL) < 0 ? -ENOMEM : 0;
}

static int watch(struct rv_connection *c, short what)
{
	const struct rv_connection_ops *ops = c->all->ops;

	if (what == c->armed) {
		return 0;
	}
	c->armed = (uint8_t)what;
	return ops->watch ? ops->watch(c, what & EV_ET ? 0 : what) : watch_event(c, what);
}

int rv_connection_arm(struct rv_connection *c)
{
	return watch(c, wanted(c));
}

static void want_read(struct rv_connection *c, bool on)
{
	c->reading = on;
	if (rv_connection_arm(c) < 0) {
		rv_connection_end(c);
	}
}

/* Beginning and end. */

int rv_connection_new(struct rv_connections *all, int fd, const struct rv_peer_info *info,
	struct rv_connection **ret)
{
	const struct rv_writer *out = &all->out;
	struct rv_connection *c;
	void *block;
	int r = out->host->peer_new(out->handle, info, &block);

	if (r < 0) {
		return r;
	}
	c = block;
	c->all = all;
	event_assign(&c->event, out->host->event_base(out->handle), fd, EV_PERSIST,
		rv_connection_on_event, c);
	c->reading = true;
	if (rv_connection_arm(c) < 0) {
		out->host->peer_gone(out->handle, c);
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
		all->out.host->drained(all->out.handle);
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
	rv_writer_drop(&all->out, &c->out);
	c->reading = false;
	(void)watch(c, 0);
	if (all->ops->close) {
		all->ops->close(c);
	}
	c->state = RV_CONNECTION_CLOSED;
	all->out.host->peer_gone(all->out.handle, c);
	all->n--;
	check_none_left(all);
}

void rv_connection_close(void *instance, void *peer, enum rv_close how)
{
	struct rv_connection *c = peer;

	if (c->state == RV_CONNECTION_CLOSED) {
		return;
	}
	if (how == RV_CLOSE_FLUSH) {
		c->state = RV_CONNECTION_CLOSING;
		c->reading = false;
		rv_writer_flush(instance, c);
		if (c->state == RV_CONNECTION_CLOSED) {
			return;
		}
	}
	if (how == RV_CLOSE_NOW || !c->out.tail || rv_connection_arm(c) < 0) {
		rv_connection_end(c);
	}
}

/* Input. */

void rv_connection_took(struct rv_connection *c, enum rv_next next)
{
	if (next == RV_READ_STOP && c->state == RV_CONNECTION_OPEN && c->reading) {
		want_read(c, false);
	}
}

void rv_connection_input_over(struct rv_connection *c, bool ended)
{
	c->over = true;
	c->ended = ended;
	c->reading = false;
	if (c->state == RV_CONNECTION_OPEN) {
		c->all->out.host->eof(c->all->out.handle, c);
	}
	if (c->state != RV_CONNECTION_CLOSED && rv_connection_arm(c) < 0) {
		rv_connection_end(c);
	}
}

void rv_connection_no_input(struct rv_connection *c, int err)
{
	const struct rv_connections *all = c->all;

	if (err == EAGAIN || err == EINTR) {
		if (err == EAGAIN && all->draining) {
			rv_connection_input_over(c, false);
		}
		return;
	}
	all->out.host->dropped(all->out.handle, RV_DROP_PEER_GONE, err == ECONNRESET);
	rv_connection_end(c);
}

static void read_on(struct rv_connection *c)
{
	for (int i = 0; i < DRAIN_READS && c->state == RV_CONNECTION_OPEN && c->reading; i++) {
		if (!c->all->ops->input(c, false)) {
			break;
		}
	}
}

static void read_some(struct rv_connection *c, bool sure)
{
	if (c->all->draining) {
		read_on(c);
	} else if (c->reading) {
		(void)c->all->ops->input(c, sure);
	}
}

void rv_connection_start(struct rv_connections *all, int fd, const struct rv_peer_info *info)
{
	struct rv_connection *c;

	if (rv_connection_new(all, fd, info, &c) < 0) {
		close(fd);
	} else {
		read_some(c, false);
	}
}

static void broken(void *connection, int err)
{
	struct rv_connection *c = connection;

	(void)err;
	c->all->out.host->dropped(c->all->out.handle, RV_DROP_PEER_GONE, 1);
	rv_connection_end(c);
}

/* The client waits for answers; but if it has closed both ways, nobody does. */
static void check_hangup(struct rv_connection *c)
{
	struct pollfd p = {.fd = rv_connection_fd(c)};

	if (poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR)) {
		broken(c, -EPIPE);
	}
}

void rv_connection_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct rv_connection *c = arg;

	(void)fd;
	if (what & EV_WRITE) {
		rv_writer_writable(&c->all->out, &c->out);
	}
	if (!(what & (EV_READ | EV_CLOSED)) || c->state != RV_CONNECTION_OPEN) {
		return;
	}
	if (c->over) {
		check_hangup(c);
	} else {
		read_some(c, what == EV_READ); /* else what was sent may have read on already */
	}
}

void rv_connection_resume(void *instance, void *peer)
{
	struct rv_connection *c = peer;

	(void)instance;
	if (c->state == RV_CONNECTION_OPEN && !c->over) {
		want_read(c, true);
		if (c->all->draining) {
			read_some(c, false); /* nothing may come any more to wake us */
		}
	}
}

/* Output. */

static int watch_output(void *connection, bool on)
{
	(void)on;
	return rv_connection_arm(connection);
}

static void sent(void *connection)
{
	struct rv_connection *c = connection;

	if (c->state == RV_CONNECTION_CLOSING) {
		rv_connection_end(c);
	} else if (c->state == RV_CONNECTION_OPEN) {
		c->all->out.host->writable(c->all->out.handle, c);
	}
}

/* All of them. */

int rv_connections_init(struct rv_connections *all, const struct rv_host *host,
	struct rv_instance *handle, const struct rv_connection_ops *ops, size_t buf_size)
{
	const struct rv_writer_ops out = {.messages = ops->messages,
		.send = ops->send,
		.watch = watch_output,
		.sent = sent,
		.broken = broken};

	*all = (struct rv_connections){.ops = ops, .buf = malloc(buf_size)};
	rv_writer_init(&all->out, host, handle, &out);
	return all->buf ? 0 : -ENOMEM;
}

static void drain_one(void *peer, void *arg)
{
	(void)arg;
	read_some(peer, false);
}

void rv_connections_drain(struct rv_connections *all)
{
	all->draining = true;
	all->scanning = true;
	all->out.host->each_peer(all->out.handle, drain_one, NULL);
	all->scanning = false;
	check_none_left(all);
}

static void end_one(void *peer, void *arg)
{
	(void)arg;
	rv_connection_end(peer);
}

void rv_connections_finish(void *instance)
{
	struct rv_connections *all = instance;

	all->detaching = true; /* nothing to report any more */
	if (all->out.host) {
		all->out.host->each_peer(all->out.handle, end_one, NULL);
	}
	rv_writer_finish(&all->out);
	free(all->buf);
	all->buf = NULL;
}

pid_t rv_connection_pid(const void *instance, const void *connection)
{
	struct ucred cred = {0};
	socklen_t n = sizeof(cred);

	(void)instance;
	return getsockopt(rv_connection_fd(connection), SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0
		       ? cred.pid
		       : 0;
}
