#include "loopback/server.h"

#include <stdlib.h>

struct loopback_unsent {
	size_t len;
	uint32_t tag;
	uint8_t data[];
};

static bool is_stream(const struct loopback_instance *in)
{
	return in->hub->type == LOOPBACK_STREAM;
}

static bool is_unsent(const struct loopback_peer *p)
{
	return p->unsent || p->out.tail;
}

void loopback_check_drained(struct loopback_instance *in)
{
	if (!in->draining || in->drained) {
		return;
	}
	for (struct loopback_peer *p = in->peers; p; p = p->next) {
		if (!p->at_end || is_unsent(p)) {
			return;
		}
	}
	in->drained = true;
	in->host->drained(in->handle);
}

void loopback_peer_end(struct loopback_peer *p)
{
	struct loopback_instance *in = p->in;

	rv_writer_drop(&in->out, &p->out);
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
	loopback_check_drained(in);
}

static void broken(struct loopback_peer *p, int err)
{
	p->in->host->dropped(p->in->handle, err == -EPIPE ? RV_DROP_PEER_GONE : RV_DROP_IO, 1);
	loopback_peer_end(p);
}

static void sent(struct loopback_peer *p)
{
	struct loopback_instance *in = p->in;

	if (p->closing) {
		loopback_peer_end(p);
		return;
	}
	in->host->writable(in->handle, p);
	loopback_check_drained(in);
}

/* Output of streams. */

static struct loopback_peer *peer_of(struct rv_writer_peer *out)
{
	return CONTAINER_OF(out, struct loopback_peer, out);
}

static ssize_t stream_send(struct rv_writer *out, struct rv_writer_peer *op, const void *p, size_t n)
{
	(void)out;
	return conn_put(peer_of(op)->conn, p, n, 0);
}

static int stream_watch(struct rv_writer *out, struct rv_writer_peer *op, bool on)
{
	(void)out;
	conn_want_write(peer_of(op)->conn, on);
	return 0;
}

static void stream_sent(struct rv_writer *out, struct rv_writer_peer *op)
{
	(void)out;
	sent(peer_of(op));
}

static void stream_broken(struct rv_writer *out, struct rv_writer_peer *op, int err)
{
	(void)out;
	broken(peer_of(op), err);
}

const struct rv_writer_ops loopback_out_ops = {
	.offset = offsetof(struct loopback_peer, out),
	.send = stream_send,
	.watch = stream_watch,
	.sent = stream_sent,
	.broken = stream_broken,
};

/* Output of messages. */

static int keep(struct loopback_peer *p, const void *data, size_t n, uint32_t tag)
{
	struct loopback_unsent *u = malloc(sizeof(*u) + n);

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

static void message_send(struct loopback_peer *p, const void *data, size_t n, uint32_t tag)
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

static void message_writable(struct loopback_peer *p)
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

void loopback_accept(struct loopback_instance *in, struct loopback *conn)
{
	struct rv_peer_info info = {
		.flags = is_stream(in) ? RV_PEER_STREAM : 0,
		.max_message = is_stream(in) ? 0 : in->hub->max_message,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
	};
	struct loopback_peer *p;
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

static void tell(void *instance, void *why)
{
	struct loopback_instance *in = instance;

	if (in && why) {
		in->host->down(in->handle, why);
	} else if (in) {
		in->host->up(in->handle);
	}
}

int loopback_down(struct loopback *conn, const char *why)
{
	struct loopback_instance *in = ((struct loopback_peer *)conn->peer)->in;

	return in->host->post(in->handle, tell, (void *)(uintptr_t)why);
}

/* Gives the host one batch. False if there was none. */
static bool give(struct loopback_peer *p, enum rv_next *ret_next, bool *ret_more)
{
	struct loopback_instance *in = p->in;
	size_t n;

	if (is_stream(in)) {
		n = conn_take(p->conn, in->chunk, LOOPBACK_CHUNK, ret_more);
		if (n > 0) {
			*ret_next = in->host->bytes(in->handle, p, in->chunk, n, !*ret_more);
		}
		return n > 0;
	}
	n = conn_take_messages(p->conn, in->chunk, LOOPBACK_CHUNK + in->hub->max_message, in->msgs,
		LOOPBACK_BATCH, ret_more);
	for (size_t i = 0; i < n; i++) {
		in->msgs[i].reply_peer = in->msgs[i].tag & LOOPBACK_TO_ANOTHER ? p->next : NULL;
	}
	if (n > 0) {
		*ret_next = in->host->messages(in->handle, p, in->msgs, n);
	}
	return n > 0;
}

static void read_input(struct loopback_peer *p)
{
	struct loopback_instance *in = p->in;
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
		loopback_check_drained(in);
	}
}

static void write_output(struct loopback_peer *p)
{
	if (is_stream(p->in)) {
		rv_writer_writable(&p->in->out, &p->out);
	} else {
		message_writable(p);
	}
}

static void serve(struct loopback_instance *in, struct loopback *conn)
{
	struct loopback_peer *p;

	if (!conn->peer) {
		loopback_accept(in, conn);
	}
	p = conn->peer;
	if (p && is_unsent(p)) {
		write_output(p);
	}
	if (p && p->conn) { /* not ended in there */
		read_input(p);
	}
}

void loopback_on_wake(int fd, short what, void *arg)
{
	struct loopback_instance *in = arg;
	struct loopback *conn;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	for (int i = 0; i < LOOPBACK_BATCH && in->attached; i++) {
		conn = hub_next(in->hub);
		if (!conn) {
			return;
		}
		serve(in, conn);
	}
	count = 1; /* there may be more: in another turn */
	(void)!write(fd, &count, sizeof(count));
}

void loopback_resume(void *block, void *peer)
{
	struct loopback_peer *p = peer;

	(void)block;
	p->stopped = false;
	hub_wake(p->conn);
}

void loopback_peer_close(void *block, void *peer, enum rv_close how)
{
	struct loopback_instance *in = block;
	struct loopback_peer *p = peer;
	int r = how == RV_CLOSE_FLUSH ? rv_writer_flush(&in->out, &p->out) : 0;

	if (r < 0 && r != -EAGAIN) {
		return; /* it has ended in there */
	}
	if (how == RV_CLOSE_FLUSH && is_unsent(p)) {
		p->closing = true;
	} else {
		loopback_peer_end(p);
	}
}

int loopback_reserve(void *block, void *peer, size_t min, struct rv_room *ret)
{
	struct loopback_instance *in = block;
	struct loopback_peer *p = peer;

	if (is_stream(in)) {
		return rv_writer_reserve(&in->out, &p->out, min, ret);
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

void loopback_commit(void *block, void *peer, size_t used, uint32_t tag)
{
	struct loopback_instance *in = block;
	struct loopback_peer *p = peer;

	if (is_stream(in)) {
		rv_writer_commit(&in->out, &p->out, used);
	} else if (in->writing == p) { /* else it ended since it reserved */
		in->writing = NULL;
		if (used != RV_COMMIT_NONE) {
			message_send(p, in->room, used, tag);
		}
	}
}

void loopback_flush(void *block, void *peer)
{
	struct loopback_instance *in = block;
	struct loopback_peer *p = peer;

	(void)rv_writer_flush(&in->out, &p->out); /* messages went at commit */
}
