#include "loopback/server.h"

static bool is_stream(const struct loopback_instance *in)
{
	return in->hub->type == LOOPBACK_STREAM;
}

void loopback_check_drained(struct loopback_instance *in)
{
	if (!in->draining || in->drained) {
		return;
	}
	for (struct loopback_peer *p = in->peers; p; p = p->next) {
		if (!p->at_end || p->out.tail) {
			return;
		}
	}
	in->drained = true;
	in->out.host->drained(in->out.handle);
}

void loopback_peer_end(struct loopback_peer *p)
{
	struct loopback_instance *in = p->in;

	rv_writer_drop(&in->out, &p->out);
	*(p->prev ? &p->prev->next : &in->peers) = p->next;
	if (p->next) {
		p->next->prev = p->prev;
	}
	p->conn->peer = NULL;
	conn_close(p->conn);
	p->conn = NULL;
	in->out.host->peer_gone(in->out.handle, p);
	loopback_check_drained(in);
}

/* Output. */

static ssize_t send_some(void *peer, const void *data, size_t n)
{
	struct loopback_peer *p = peer;
	struct rv_writer_message m;
	ssize_t k;

	if (is_stream(p->in)) {
		return conn_put(p->conn, data, n, 0);
	}
	m = rv_writer_message(data);
	k = conn_put(p->conn, m.data, m.len, m.tag);
	return k < 0 ? k : (ssize_t)RV_WRITER_HEAD + k;
}

static int watch(void *peer, bool on)
{
	struct loopback_peer *p = peer;

	conn_want_write(p->conn, on);
	return 0;
}

static void sent(void *peer)
{
	struct loopback_peer *p = peer;
	struct loopback_instance *in = p->in;

	if (p->closing) {
		loopback_peer_end(p);
		return;
	}
	in->out.host->writable(in->out.handle, p);
	loopback_check_drained(in);
}

static void broken(void *peer, int err)
{
	struct loopback_peer *p = peer;
	const struct rv_writer *out = &p->in->out;

	out->host->dropped(out->handle, err == -EPIPE ? RV_DROP_PEER_GONE : RV_DROP_IO, 1);
	loopback_peer_end(p);
}

void loopback_writer_init(
	struct loopback_instance *in, const struct rv_host *host, struct rv_instance *handle)
{
	const struct rv_writer_ops ops = {.messages = !is_stream(in),
		.send = send_some,
		.watch = watch,
		.sent = sent,
		.broken = broken};

	rv_writer_init(&in->out, host, handle, &ops);
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
	int r = in->out.host->peer_new(in->out.handle, &info, &block);

	if (r < 0) {
		in->out.host->dropped(in->out.handle, RV_DROP_ACCEPT, 1);
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
		in->out.host->down(in->out.handle, why);
	} else if (in) {
		in->out.host->up(in->out.handle);
	}
}

int loopback_down(struct loopback *conn, const char *why)
{
	struct loopback_instance *in = ((struct loopback_peer *)conn->peer)->in;

	return in->out.host->post(in->out.handle, tell, (void *)(uintptr_t)why);
}

/* Gives the host one batch. False if there was none. */
static bool give(struct loopback_peer *p, enum rv_next *ret_next, bool *ret_more)
{
	struct loopback_instance *in = p->in;
	size_t n;

	if (is_stream(in)) {
		n = conn_take(p->conn, in->chunk, LOOPBACK_CHUNK, ret_more);
		if (n > 0) {
			*ret_next =
				in->out.host->bytes(in->out.handle, p, in->chunk, n, !*ret_more);
		}
		return n > 0;
	}
	n = conn_take_messages(p->conn, in->chunk, LOOPBACK_CHUNK + in->hub->max_message, in->msgs,
		LOOPBACK_BATCH, ret_more);
	for (size_t i = 0; i < n; i++) {
		in->msgs[i].reply_peer = in->msgs[i].tag & LOOPBACK_TO_ANOTHER ? p->next : NULL;
	}
	if (n > 0) {
		*ret_next = in->out.host->messages(in->out.handle, p, in->msgs, n);
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
		in->out.host->eof(in->out.handle, p);
		loopback_check_drained(in);
	}
}

static void serve(struct loopback_instance *in, struct loopback *conn)
{
	struct loopback_peer *p;

	if (!conn->peer) {
		loopback_accept(in, conn);
	}
	p = conn->peer;
	if (p && p->out.tail) {
		rv_writer_writable(&in->out, &p->out);
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

	if (how == RV_CLOSE_FLUSH) {
		rv_writer_flush(in, p);
	}
	if (!p->conn) {
		return; /* it has ended in there */
	}
	if (how == RV_CLOSE_FLUSH && p->out.tail) {
		p->closing = true;
	} else {
		loopback_peer_end(p);
	}
}
