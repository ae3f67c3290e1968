/* The server's side of the loopback. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include "common/out.h"
#include "loopback/hub.h"

#define CHUNK ((size_t)64 << 10)
#define BATCH 64 /* messages served at once, and connections per wake-up */

struct endpoint {
	struct hub *hub; /* NULL: not open */
};

struct unsent {
	size_t len;
	uint32_t tag;
	uint8_t data[];
};

struct peer {
	struct out_peer out;   /* of a stream */
	struct unsent *unsent; /* a message that found the buffer full */
	struct instance *in;
	struct loopback *conn;
	bool stopped, at_end, closing;
	struct peer *prev, *next;
};

struct instance {
	struct hub *hub;
	const struct rv_host *host;
	struct rv_instance *handle;
	struct out out;
	struct event event;
	struct peer *peers;
	struct peer *writing; /* has the reservation of a message */
	uint8_t *chunk, *room;
	bool attached, draining, drained;
	struct rv_msg msgs[BATCH];
};

static bool is_stream(const struct instance *in)
{
	return in->hub->type == LOOPBACK_STREAM;
}

static bool is_unsent(const struct peer *p)
{
	return p->unsent || p->out.tail;
}

static void check_drained(struct instance *in)
{
	if (!in->draining || in->drained) {
		return;
	}
	for (struct peer *p = in->peers; p; p = p->next) {
		if (!p->at_end || is_unsent(p)) {
			return;
		}
	}
	in->drained = true;
	in->host->drained(in->handle);
}

static void peer_end(struct peer *p)
{
	struct instance *in = p->in;

	out_drop(&in->out, &p->out);
	free(p->unsent);
	p->unsent = NULL;
	if (in->writing == p) {
		in->writing = NULL;
	}
	*(p->prev ? &p->prev->next : &in->peers) = p->next;
	if (p->next) {
		p->next->prev = p->prev;
	}
	p->conn->peer = NULL;
	conn_close(p->conn);
	p->conn = NULL;
	in->host->peer_gone(in->handle, p);
	check_drained(in);
}

static void broken(struct peer *p, int err)
{
	p->in->host->dropped(p->in->handle, err == -EPIPE ? RV_DROP_PEER_GONE : RV_DROP_IO, 1);
	peer_end(p);
}

static void sent(struct peer *p)
{
	struct instance *in = p->in;

	if (p->closing) {
		peer_end(p);
		return;
	}
	in->host->writable(in->handle, p);
	check_drained(in);
}

/* Output of streams. */

static struct peer *peer_of(struct out_peer *out)
{
	return CONTAINER_OF(out, struct peer, out);
}

static ssize_t stream_send(struct out *out, struct out_peer *op, const void *p, size_t n)
{
	(void)out;
	return conn_put(peer_of(op)->conn, p, n, 0);
}

static int stream_watch(struct out *out, struct out_peer *op, bool on)
{
	(void)out;
	conn_want_write(peer_of(op)->conn, on);
	return 0;
}

static void stream_sent(struct out *out, struct out_peer *op)
{
	(void)out;
	sent(peer_of(op));
}

static void stream_broken(struct out *out, struct out_peer *op, int err)
{
	(void)out;
	broken(peer_of(op), err);
}

static const struct out_ops stream_ops = {
	.offset = offsetof(struct peer, out),
	.send = stream_send,
	.watch = stream_watch,
	.sent = stream_sent,
	.broken = stream_broken,
};

/* Output of messages. */

static int keep(struct peer *p, const void *data, size_t n, uint32_t tag)
{
	struct unsent *u = malloc(sizeof(*u) + n);

	if (!u) {
		return -ENOMEM;
	}
	u->len = n;
	u->tag = tag;
	memcpy(u->data, data, n);
	p->unsent = u;
	conn_want_write(p->conn, true);
	return 0;
}

static void message_send(struct peer *p, const void *data, size_t n, uint32_t tag)
{
	ssize_t k = conn_put(p->conn, data, n, tag);

	if (k == -EAGAIN) {
		k = keep(p, data, n, tag);
	}
	if (k < 0) {
		broken(p, (int)k);
	} else if (p->unsent) {
		p->in->host->blocked(p->in->handle, p);
	}
}

static void message_writable(struct peer *p)
{
	ssize_t k = conn_put(p->conn, p->unsent->data, p->unsent->len, p->unsent->tag);

	if (k == -EAGAIN) {
		return;
	}
	if (k < 0) {
		broken(p, (int)k);
		return;
	}
	free(p->unsent);
	p->unsent = NULL;
	conn_want_write(p->conn, false);
	sent(p);
}

/* Input. */

static void accept_one(struct instance *in, struct loopback *conn)
{
	struct rv_peer_info info = {
		.flags = is_stream(in) ? RV_PEER_STREAM : 0,
		.max_message = is_stream(in) ? 0 : in->hub->max_message,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
	};
	struct peer *p;
	void *block;
	int r = in->host->peer_new(in->handle, &info, &block);

	if (r < 0) {
		in->host->dropped(in->handle, RV_DROP_ACCEPT, 1);
		conn_close(conn);
		return;
	}
	p = block;
	p->in = in;
	p->conn = conn;
	p->next = in->peers;
	if (p->next) {
		p->next->prev = p;
	}
	in->peers = p;
	conn->peer = p;
}

/* Gives the host one batch. False if there was none. */
static bool give(struct peer *p, enum rv_next *ret_next, bool *ret_more)
{
	struct instance *in = p->in;
	size_t n;

	if (is_stream(in)) {
		n = conn_take(p->conn, in->chunk, CHUNK, ret_more);
		if (n > 0) {
			*ret_next = in->host->bytes(in->handle, p, in->chunk, n, !*ret_more);
		}
		return n > 0;
	}
	n = conn_take_messages(
		p->conn, in->chunk, CHUNK + in->hub->max_message, in->msgs, BATCH, ret_more);
	if (n > 0) {
		*ret_next = in->host->messages(in->handle, p, in->msgs, n);
	}
	return n > 0;
}

static void read_input(struct peer *p)
{
	struct instance *in = p->in;
	struct loopback *conn = p->conn;
	enum rv_next next = RV_READ_ON;
	bool more = false;

	if (p->stopped || p->at_end || p->closing) {
		return;
	}
	if (give(p, &next, &more) && next == RV_READ_GONE) {
		return;
	}
	p->stopped = next == RV_READ_STOP;
	if (more && !p->stopped) {
		hub_wake(conn); /* after the others */
	} else if (!more && !p->stopped && conn_at_end(conn)) {
		p->at_end = true;
		in->host->eof(in->handle, p);
		check_drained(in);
	}
}

static void write_output(struct peer *p)
{
	if (is_stream(p->in)) {
		out_writable(&p->in->out, &p->out);
	} else {
		message_writable(p);
	}
}

static void serve(struct instance *in, struct loopback *conn)
{
	struct peer *p;

	if (!conn->peer) {
		accept_one(in, conn);
	}
	p = conn->peer;
	if (p && is_unsent(p)) {
		write_output(p);
	}
	if (p && p->conn) { /* not ended in there */
		read_input(p);
	}
}

static void on_wake(int fd, short what, void *arg)
{
	struct instance *in = arg;
	struct loopback *conn;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	for (int i = 0; i < BATCH && in->attached; i++) {
		conn = hub_next(in->hub);
		if (!conn) {
			return;
		}
		serve(in, conn);
	}
	count = 1; /* there may be more: in another turn */
	(void)!write(fd, &count, sizeof(count));
}

/* The table's functions. */

static int check(const void *config, struct rv_err *e)
{
	const struct loopback_config *c = config;

	if (!*c->name) {
		return rv_fail(e, -EINVAL, "name is missing");
	}
	if (c->type == LOOPBACK_MESSAGE &&
		c->max_message + sizeof(struct pipe_head) > c->capacity) {
		return rv_fail(e, -EINVAL, "capacity is too small for a message");
	}
	return 0;
}

static void address(const void *config, char *buf, size_t size)
{
	const struct loopback_config *c = config;

	snprintf(buf, size, "loopback:%s", c->name);
}

static int open_endpoint(void *block, const struct rv_endpoint_info *info, const void *config,
	const int *fds, size_t n_fds, struct rv_err *e)
{
	const struct loopback_config *c = config;
	struct endpoint *ep = block;
	int r;

	(void)info;
	(void)fds; /* without RV_CAP_ADOPT_FD there are none */
	(void)n_fds;
	r = hub_create(c->name, (enum loopback_type)c->type, c->max_message, c->capacity, &ep->hub);
	if (r < 0) {
		return rv_fail(e, r, "loopback:%s: %s", c->name, strerror(-r));
	}
	return 0;
}

static int reconfigure(
	void *block, const struct rv_endpoint_info *info, const void *config, struct rv_err *e)
{
	(void)block; /* nothing is live, and a name in memory has no mode */
	(void)info;
	(void)config;
	(void)e;
	return 0;
}

static void close_endpoint(void *block)
{
	struct endpoint *ep = block;

	if (ep->hub) {
		hub_destroy(ep->hub);
		ep->hub = NULL;
	}
}

static void detach(void *block)
{
	struct instance *in = block;
	struct loopback *conn;

	if (!in->attached) {
		return;
	}
	in->drained = true; /* nobody asks any more */
	hub_listen(in->hub, false);
	event_del(&in->event);
	while (in->peers) {
		peer_end(in->peers);
	}
	while ((conn = hub_next(in->hub))) {
		conn_close(conn);
	}
	out_finish(&in->out);
	free(in->chunk);
	free(in->room);
	*in = (struct instance){0};
}

static int attach(void *block, void *endpoint, const struct rv_host *host,
	struct rv_instance *handle, struct rv_err *e)
{
	struct instance *in = block;
	struct endpoint *ep = endpoint;

	*in = (struct instance){.hub = ep->hub, .host = host, .handle = handle, .attached = true};
	out_init(&in->out, host, handle, &stream_ops);
	in->chunk = malloc(CHUNK + in->hub->max_message);
	in->room = malloc(in->hub->max_message);
	event_assign(&in->event, host->event_base(handle), in->hub->wake_fd, EV_READ | EV_PERSIST,
		on_wake, in);
	if (!in->chunk || !in->room || event_add(&in->event, NULL) < 0) {
		detach(in);
		return rv_fail(e, -ENOMEM, "loopback:%s: no memory", ep->hub->name);
	}
	hub_listen(in->hub, true);
	return 0;
}

static void drain(void *block)
{
	struct instance *in = block;
	struct loopback *conn;

	in->draining = true;
	hub_listen(in->hub, false);
	hub_unregister(in->hub);
	while ((conn = hub_next(in->hub))) {
		if (!conn->peer) {
			accept_one(in, conn); /* it connected before */
		}
	}
	for (struct peer *p = in->peers; p; p = p->next) {
		conn_close_input(p->conn);
		hub_wake(p->conn);
	}
	check_drained(in);
}

static void resume(void *block, void *peer)
{
	struct peer *p = peer;

	(void)block;
	p->stopped = false;
	hub_wake(p->conn);
}

static void peer_close(void *block, void *peer, enum rv_close how)
{
	struct instance *in = block;
	struct peer *p = peer;
	int r = how == RV_CLOSE_FLUSH ? out_flush(&in->out, &p->out) : 0;

	if (r < 0 && r != -EAGAIN) {
		return; /* it has ended in there */
	}
	if (how == RV_CLOSE_FLUSH && is_unsent(p)) {
		p->closing = true;
	} else {
		peer_end(p);
	}
}

static int reserve(void *block, void *peer, size_t min, struct rv_room *ret)
{
	struct instance *in = block;
	struct peer *p = peer;

	if (is_stream(in)) {
		return out_reserve(&in->out, &p->out, min, ret);
	}
	if (p->unsent) {
		return -EAGAIN;
	}
	if (min > in->hub->max_message) {
		return -EMSGSIZE;
	}
	in->writing = p;
	*ret = (struct rv_room){.data = in->room, .size = in->hub->max_message};
	return 0;
}

static void commit(void *block, void *peer, size_t used, uint32_t tag)
{
	struct instance *in = block;
	struct peer *p = peer;

	if (is_stream(in)) {
		out_commit(&in->out, &p->out, used);
	} else if (in->writing == p) { /* else it ended since it reserved */
		in->writing = NULL;
		if (used != RV_COMMIT_NONE) {
			message_send(p, in->room, used, tag);
		}
	}
}

static void flush(void *block, void *peer)
{
	struct instance *in = block;
	struct peer *p = peer;

	(void)out_flush(&in->out, &p->out); /* messages went at commit */
}

static const char *const types[] = {"stream", "message", NULL};

static const struct rv_option options[] = {
	{.key = "name",
		.def = "",
		.help = "what loopback_connect() is given",
		.type = RV_STRING,
		.offset = offsetof(struct loopback_config, name)},
	{.key = "type",
		.def = "stream",
		.help = "what a connection carries",
		.type = RV_ENUM,
		.choices = types,
		.offset = offsetof(struct loopback_config, type)},
	{.key = "max_message",
		.def = "8K",
		.help = "largest message",
		.type = RV_SIZE,
		.min = 64,
		.max = 16u << 20,
		.offset = offsetof(struct loopback_config, max_message)},
	{.key = "capacity",
		.def = "64K",
		.help = "what a connection holds in each direction",
		.type = RV_SIZE,
		.min = 1,
		.max = 64u << 20,
		.offset = offsetof(struct loopback_config, capacity)},
	{0},
};

const struct rv_backend_ops loopback_backend = {
	.magic = REVD_BACKEND_MAGIC,
	.abi = REVD_BACKEND_ABI,
	.size = sizeof(struct rv_backend_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "loopback",
	.version = REVD_VERSION,
	.caps = 0,
	.default_mode = 0600,
	.config_size = sizeof(struct loopback_config),
	.endpoint_size = sizeof(struct endpoint),
	.instance_size = sizeof(struct instance),
	.peer_size = sizeof(struct peer),
	.options = options,
	.check = check,
	.address = address,
	.open = open_endpoint,
	.reconfigure = reconfigure,
	.close = close_endpoint,
	.attach = attach,
	.drain = drain,
	.detach = detach,
	.resume = resume,
	.peer_close = peer_close,
	.reserve = reserve,
	.commit = commit,
	.flush = flush,
};
