/*
 * Pseudo-terminals: one name that programs open for reading and writing.
 *
 * Over one FIFO that can't work: each side may read its own words back. The two directions
 * of a terminal are separate queues. Each client that opens the name, a link, gets a terminal
 * of its own: as soon as one is opened the link leads to another. So nobody's bytes get into
 * anybody else's answers, and a hang-up says that the client has left.
 *
 * That somebody has opened the terminal is what inotify(7) tells; from then on it can't be opened
 * any more. Others who were about to would share it, and get each other's answers: where they are
 * seen they are hung up before anything that they have written is looked at. (Two who open it
 * on two CPUs at the same instant inotify tells as one.) Clients who know of that lock it with
 * flock(2), see revd-protocol(7), and whoever has the lock has the terminal.
 *
 * The slave is held here until the first one closes it, to look at its lock.
 */
#include <event2/event.h>
#include <revd/base/stream.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <syslog.h>
#include "pty/endpoint.h"
#include "pty/held.h"

#define READ ((size_t)64 << 10)
#define CHUNK_END "end" /* the chunk that ends a session */
#define TICK_US 10000
#define RETRY_US 100000
#define LINGER_TICKS 100 /* how long a client that is hung up may take to read its last replies */

struct session {
	struct rv_connection connection; /* its descriptor is the master */
	int slave;                       /* -1: somebody has closed it */
	int watch;                       /* for who opens and closes it */
	bool shared;                     /* by more than one: it is to be hung up */
	uint16_t lingering;              /* ticks left; 0: it does not */
	bool read_up;                    /* nothing was unread at the last tick */
	bool said_end;                   /* it is about to leave by itself */
};

struct instance {
	struct rv_connections connections;
	struct pty_endpoint *ep;
	struct event *opened, *tick;
	size_t n_lingering;
	bool retry; /* there is no terminal for the next one */
};

static const struct rv_option options[] = {
	{.key = "path",
		.def = "/run/revd/revd.tty",
		.help = "a symbolic link to the terminal that the next client gets",
		.type = RV_PATH,
		.offset = offsetof(struct pty_config, path)},
	{.key = "framing",
		.def = "line",
		.help = "what a request is: a line, or whatever is read at once",
		.type = RV_ENUM,
		.choices = (const char *const[]){"line", "chunk", NULL},
		.offset = offsetof(struct pty_config, framing)},
	{0},
};

static void address(const void *config, char *buf, size_t size)
{
	const struct pty_config *c = config;

	snprintf(buf, size, "pty:%s", c->path);
}

static struct instance *instance_of(const struct rv_connection *c)
{
	return CONTAINER_OF(c->all, struct instance, connections);
}

/* What inotify tells. */

struct told {
	int watch;
	bool opened; /* else closed */
};

static void tell_session(void *peer, void *arg)
{
	const struct told *told = arg;
	struct session *s = peer;

	if (s->watch != told->watch || s->lingering > 0) {
		return;
	}
	if (!told->opened) {
		fd_close_p(&s->slave);
	} else if (s->slave < 0 || !terminal_is_claimed(s->slave)) {
		s->shared = true;
	}
}

static void tell(struct instance *in, const struct inotify_event *e)
{
	const struct rv_writer *out = &in->connections.out;
	struct told told = {.watch = e->wd, .opened = e->mask & IN_OPEN};

	if (e->len > 0 || !(e->mask & (IN_OPEN | IN_CLOSE))) {
		return; /* of the directory; or a watch is no more */
	}
	if (e->wd == in->ep->watch) {
		in->ep->openers += told.opened;
		in->ep->left |= !told.opened;
	} else {
		out->host->each_peer(out->handle, tell_session, &told);
	}
}

static void end_shared(void *peer, void *arg)
{
	struct session *s = peer;
	const struct rv_writer *out = &s->connection.all->out;

	(void)arg;
	if (s->shared) {
		out->host->log(out->handle, LOG_INFO,
			"several clients opened one terminal at once: they are hung up");
		out->host->dropped(out->handle, RV_DROP_ACCEPT, 1);
		rv_connection_end(&s->connection);
	}
}

/* Who has opened or closed what; those who share a terminal are hung up. */
static void look_around(struct instance *in)
{
	_Alignas(struct inotify_event) char buf[4096];
	const struct rv_writer *out = &in->connections.out;
	bool any = false;
	ssize_t n;

	while ((n = read(in->ep->inotify, buf, sizeof(buf))) > 0) {
		for (const char *p = buf; p < buf + n;) {
			const struct inotify_event *e = (const void *)p;

			tell(in, e);
			p += sizeof(*e) + e->len;
		}
		any = true;
	}
	if (any) {
		out->host->each_peer(out->handle, end_shared, NULL);
	}
	if (in->ep->openers > 0 && !in->connections.draining) {
		event_active(in->opened, EV_READ, 0); /* a session is to begin */
	}
}

/* Sessions: struct rv_connection_ops. */

static bool took_chunk(struct rv_connection *c, size_t n)
{
	const struct rv_writer *out = &c->all->out;
	const struct rv_msg m = {.data = c->all->buf, .len = n};

	if (n == strlen(CHUNK_END) && memcmp(c->all->buf, CHUNK_END, n) == 0) {
		((struct session *)c)->said_end = true;
		rv_connection_input_over(c, false);
		return false;
	}
	rv_connection_took(c, out->host->messages(out->handle, c, &m, 1));
	return true;
}

static bool input(struct rv_connection *c, bool sure)
{
	ssize_t n = read(rv_connection_fd(c), c->all->buf, READ);

	(void)sure;
	n = n < 0 ? -errno : n;
	look_around(instance_of(c)); /* whoever has written it has opened the terminal before */
	if (c->state != RV_CONNECTION_OPEN) {
		return false;
	}
	if (n > 0) {
		terminal_keep_raw(rv_connection_fd(c)); /* a reply that is echoed is a request */
	}
	if (n > 0 && instance_of(c)->ep->framing == PTY_CHUNK) {
		return took_chunk(c, (size_t)n);
	}
	return rv_stream_took(c, n == -EIO ? 0 : n); /* EIO: it has hung up */
}

static ssize_t send_replies(void *session, const void *p, size_t n)
{
	ssize_t k = write(rv_connection_fd(session), p, n);

	return k < 0 ? -errno : k > 0 ? k : -EAGAIN;
}

static void close_session(struct rv_connection *c)
{
	struct session *s = (struct session *)c;
	struct instance *in = instance_of(c);
	int master = rv_connection_fd(c);
	bool left = s->said_end || terminal_hung_up(master);

	in->n_lingering -= s->lingering > 0;
	s->lingering = 0;
	inotify_rm_watch(in->ep->inotify, s->watch);
	fd_close_p(&s->slave);
	if (!left || c->all->detaching || !held_take(&in->ep->held, master)) {
		close(master);
	}
}

/* What was written and not read is gone when the master is closed, so that waits. So does the
 * end of one who said so, and who leaves by itself most likely. */

static void start_tick(struct instance *in)
{
	const struct timeval tv = {.tv_usec = in->n_lingering > 0 ? TICK_US : RETRY_US};

	if (in->n_lingering > 0 || in->retry) {
		event_add(in->tick, &tv);
	}
}

/* True if it is to be ended. What is on its way is not seen, hence twice. */
static bool has_lingered(struct session *s)
{
	int master = rv_connection_fd(&s->connection);
	bool left = terminal_hung_up(master);
	bool empty = !left && !s->connection.out.tail && terminal_unread(master, s->slave) == 0;
	bool over = left || (empty && s->read_up && !s->said_end) || --s->lingering == 0;

	s->read_up = empty;
	if (over) {
		s->lingering = 1; /* until it is closed */
	}
	return over;
}

static void linger_on(void *peer, void *arg)
{
	struct session *s = peer;

	(void)arg;
	if (s->lingering > 0 && has_lingered(s)) {
		rv_connection_end(&s->connection);
	}
}

static void peer_close(void *instance, void *peer, enum rv_close how)
{
	struct instance *in = instance;
	struct session *s = peer;
	struct rv_connection *c = &s->connection;

	if (how == RV_CLOSE_NOW || c->state == RV_CONNECTION_CLOSED) {
		rv_connection_close(instance, peer, how);
		return;
	}
	rv_writer_flush(instance, c);
	if (c->state != RV_CONNECTION_OPEN || s->lingering > 0) {
		return;
	}
	if (terminal_hung_up(rv_connection_fd(c))) {
		rv_connection_end(c);
		return;
	}
	rv_connection_took(c, RV_READ_STOP);
	c->over = false; /* nothing is lost when it leaves now */
	s->lingering = LINGER_TICKS;
	in->n_lingering++;
	start_tick(in);
}

/* The next client. */

/* There is no terminal for the next one. */
static void go_down(struct instance *in, int err)
{
	const struct rv_writer *out = &in->connections.out;
	char why[128];

	snprintf(why, sizeof(why), "%s",
		err == -ESTALE ? "the name is not ours any more" : strerror(-err));
	out->host->down(out->handle, why);
	in->retry = err != -ESTALE; /* a reload makes the name again */
	start_tick(in);
}

static void come_up(struct instance *in)
{
	const struct rv_writer *out = &in->connections.out;

	if (pty_refill(in->ep) == 0) {
		in->retry = false;
		out->host->up(out->handle);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct instance *in = arg;
	const struct rv_writer *out = &in->connections.out;

	(void)fd;
	(void)what;
	if (in->n_lingering > 0) {
		out->host->each_peer(out->handle, linger_on, NULL);
	}
	if (in->retry && !in->connections.draining) {
		come_up(in);
	}
	in->retry &= !in->connections.draining;
	start_tick(in);
}

static struct rv_peer_info describe(const struct instance *in)
{
	return (struct rv_peer_info){.flags = in->ep->framing == PTY_LINE ? RV_PEER_STREAM : 0,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1};
}

static struct rv_connection *new_session(struct instance *in, const struct terminal *t)
{
	const struct rv_peer_info info = describe(in);
	struct rv_connection *c;

	return rv_connection_new(&in->connections, t->master, &info, &c) < 0 ? NULL : c;
}

static void begin_session(struct instance *in)
{
	bool shared = in->ep->openers > 1, left = in->ep->left;
	struct rv_connection *c;
	struct session *s;
	struct terminal t;
	int watch, r;

	in->ep->openers = 0;
	in->ep->left = false;
	r = pty_take(in->ep, &t, &watch);
	if (r < 0) {
		go_down(in, r);
	}
	c = new_session(in, &t);
	if (!c) {
		inotify_rm_watch(in->ep->inotify, watch);
		terminal_close(&t);
		return;
	}
	s = (struct session *)c;
	s->watch = watch;
	s->slave = t.slave;
	s->shared = shared && !terminal_is_claimed(s->slave);
	if (left) {
		fd_close_p(&s->slave);
	}
	if (s->shared) {
		end_shared(s, NULL);
		return;
	}
	rv_connection_on_event(-1, EV_READ, c); /* most clients have written something by now */
}

static void on_opened(evutil_socket_t fd, short what, void *arg)
{
	struct instance *in = arg;

	(void)fd;
	(void)what;
	look_around(in);
	if (in->ep->openers > 0 && !in->connections.draining) {
		begin_session(in);
	}
}

/* From one process to the next. */

static void hand_over_peer(void *instance, void *peer, struct rv_handover *h)
{
	struct session *s = peer;

	(void)instance;
	rv_connection_hand_over(&s->connection, h);
	rv_pack_u64(&h->data, s->slave >= 0);
	if (s->slave >= 0) {
		rv_handover_fd(h, s->slave);
	}
	rv_pack_u64(&h->data, (uint64_t)s->watch);
	rv_pack_u64(&h->data, s->lingering);
	rv_pack_u64(&h->data, s->said_end);
}

static int restore(struct instance *in, struct session *s, struct rv_takeover *t)
{
	bool has_slave = rv_unpack_u64(&t->data) != 0;

	s->slave = has_slave ? rv_takeover_fd(t) : -1;
	s->watch = (int)rv_unpack_u64(&t->data);
	s->lingering = (uint16_t)rv_unpack_u64(&t->data);
	s->said_end = rv_unpack_u64(&t->data) != 0;
	if (!rv_unpack_ok(&t->data) || s->lingering > LINGER_TICKS) {
		s->lingering = 0;
		return -EBADMSG;
	}
	in->n_lingering += s->lingering > 0;
	start_tick(in);
	return 0;
}

static int take_over_peer(void *instance, struct rv_takeover *t, void **ret_peer, bool *ret_closing)
{
	struct instance *in = instance;
	const struct rv_peer_info info = describe(in);
	int master = rv_takeover_fd(t), r;
	struct rv_connection *c;

	if (master < 0) {
		return -EBADF;
	}
	r = rv_connection_take_over(&in->connections, master, &info, t, &c, ret_closing);
	if (r < 0) {
		return r;
	}
	((struct session *)c)->slave = -1;
	r = restore(in, (struct session *)c, t);
	if (r < 0) {
		rv_connection_end(c);
		return r;
	}
	*ret_closing |= ((struct session *)c)->lingering > 0;
	*ret_peer = c;
	return 0;
}

/* The instance. */

static void detach(void *block)
{
	struct instance *in = block;

	rv_connections_finish(in);
	held_finish(&in->ep->held);
	if (in->opened) {
		event_free(in->opened);
	}
	if (in->tick) {
		event_free(in->tick);
	}
	in->opened = in->tick = NULL;
}

static int attach(void *block, void *endpoint, const struct rv_host *host,
	struct rv_instance *handle, struct rv_err *e)
{
	static const struct rv_connection_ops ops = {
		.input = input, .send = send_replies, .close = close_session};
	struct event_base *base = host->event_base(handle);
	struct instance *in = block;
	int r = rv_connections_init(&in->connections, host, handle, &ops, READ);

	in->ep = endpoint;
	held_watch(&in->ep->held, base, in->ep->info.max_peers);
	if (r == 0) {
		in->opened = event_new(base, in->ep->inotify, EV_READ | EV_PERSIST, on_opened, in);
		in->tick = event_new(base, -1, 0, on_tick, in);
		r = in->opened && in->tick && event_add(in->opened, NULL) == 0 ? 0 : -ENOMEM;
	}
	if (r < 0) {
		detach(in);
		return rv_fail(e, r, "%s: cannot serve: %s", in->ep->path, strerror(-r));
	}
	in->retry = in->ep->next.master < 0;
	start_tick(in);
	if (in->ep->openers > 0) {
		event_active(in->opened, EV_READ, 0); /* seen by the process before */
	}
	return 0;
}

static void drain(void *block)
{
	struct instance *in = block;

	on_opened(-1, 0, in); /* who has opened it is served */
	pty_release_name(in->ep);
	rv_connections_drain(&in->connections);
}

const struct rv_backend_ops pty_backend = {
	REVD_BACKEND_HEAD,
	.name = "pty",
	.version = REVD_VERSION,
	.default_mode = 0660,
	.config_size = sizeof(struct pty_config),
	.endpoint_size = sizeof(struct pty_endpoint),
	.instance_size = sizeof(struct instance),
	.peer_size = sizeof(struct session),
	.options = options,
	.check = pty_check,
	.address = address,
	.open = pty_open,
	.reconfigure = pty_reconfigure,
	.close = pty_close,
	.attach = attach,
	.drain = drain,
	.detach = detach,
	.resume = rv_connection_resume,
	.peer_close = peer_close,
	.name_at = pty_name_at,
	RV_WRITER_OPS,
	.handover_version = 1,
	.hand_over = pty_hand_over,
	.take_over = pty_take_over,
	.hand_over_peer = hand_over_peer,
	.take_over_peer = take_over_peer,
};
