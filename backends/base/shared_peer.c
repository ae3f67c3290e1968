#include <revd/base/shared_peer.h>

#include <syslog.h>

#define STALE_NS 60000000000u /* who has not read a reply by then has forgotten it */

void rv_shared_check_drained(struct rv_shared *all)
{
	if (all->draining && !all->drained && all->left == 0 && all->out.n_tails == 0) {
		all->drained = true;
		all->out.host->drained(all->out.handle);
	}
}

int rv_shared_read_on(struct rv_shared *all)
{
	if (all->draining && all->left == 0) {
		return 0;
	}
	return event_add(&all->input, NULL) < 0 ? -ENOMEM : 0;
}

/* Waiting. */

static void on_event(int fd, short what, void *arg)
{
	struct rv_shared_peer *p = arg;
	struct rv_shared *all = p->all;

	(void)fd;
	if (!(what & EV_READ)) {
		rv_writer_writable(&all->out, &p->out);
		return;
	}
	/* nothing can be read there: the reader has left */
	all->out.host->dropped(
		all->out.handle, RV_DROP_PEER_GONE, rv_writer_unsent(&all->out, &p->out));
	rv_shared_end(p);
}

static void unwatch(struct rv_shared_peer *p)
{
	if (p->armed) {
		event_del(&p->event);
	}
	p->armed = 0;
}

/* For the reader to leave, and for room if there is a tail. */
static int watch(struct rv_shared_peer *p)
{
	const struct rv_writer *out = &p->all->out;
	short what = (short)((p->all->ops->tells_hangup && !p->line ? EV_READ : 0) |
			     (p->out.tail ? EV_WRITE : 0));

	if (what == p->armed) {
		return 0;
	}
	unwatch(p);
	p->armed = (uint8_t)what;
	if (!what) {
		return 0;
	}
	event_assign(&p->event, out->host->event_base(out->handle), p->fd,
		(short)(what | EV_PERSIST), on_event, p);
	return event_add(&p->event, NULL) < 0 ? -ENOMEM : 0;
}

int rv_shared_set_fd(struct rv_shared_peer *p, int fd)
{
	unwatch(p);
	close(p->fd);
	p->fd = fd;
	return watch(p);
}

/* Beginning and end. */

int rv_shared_peer_new(struct rv_shared *all, int fd, bool line, struct rv_shared_peer **ret)
{
	const struct rv_writer *out = &all->out;
	struct rv_peer_info info = {.uid = (uid_t)-1, .gid = (gid_t)-1};
	struct rv_shared_peer *p;
	void *block;
	int r;

	if (all->ops->describe) {
		all->ops->describe(all, fd, line, &info);
	}
	info.flags |= (all->ops->messages ? 0 : RV_PEER_STREAM) |
		      (line ? RV_PEER_SHARED : RV_PEER_REPLY_ONLY);
	r = out->host->peer_new(out->handle, &info, &block);
	if (r < 0) {
		return r;
	}
	p = block;
	p->all = all;
	p->fd = fd;
	p->line = line;
	r = watch(p);
	if (r < 0) {
		out->host->peer_gone(out->handle, p);
		return r;
	}
	*ret = p;
	return 0;
}

static void forget(struct rv_shared_peer *p)
{
	if (p->line) {
		p->all->line = NULL;
		return;
	}
	close(p->fd);
	if (!p->closing) {
		rv_peer_cache_remove(&p->all->cache, &p->entry);
	}
}

static void end(struct rv_shared_peer *p)
{
	struct rv_shared *all = p->all;

	unwatch(p);
	rv_writer_drop(&all->out, &p->out);
	forget(p);
	p->ended = true;
	all->out.host->peer_gone(all->out.handle, p);
	rv_shared_check_drained(all);
}

/* The input serves on: another line peer takes the place of this one. */
static void replace_line(struct rv_shared *all)
{
	int r;

	if (all->ops->discard_lines) {
		(void)all->ops->discard_lines(all); /* the host has told of it */
	}
	end(all->line);
	r = rv_shared_peer_new(all, all->line_fd, true, &all->line);
	if (r == 0) {
		r = rv_shared_read_on(all);
	}
	if (r < 0) {
		all->out.host->failed(all->out.handle, -r);
	}
}

void rv_shared_end(struct rv_shared_peer *p)
{
	if (p->line && p->all->attached) {
		replace_line(p->all);
	} else {
		end(p);
	}
}

/* rv_backend_ops */

void rv_shared_close(void *instance, void *peer, enum rv_close how)
{
	struct rv_shared *all = instance;
	struct rv_shared_peer *p = peer;

	if (how == RV_CLOSE_FLUSH) {
		rv_writer_flush(all, p);
	}
	if (p->ended) {
		return;
	}
	if (how == RV_CLOSE_NOW || p->line || !p->out.tail) {
		rv_shared_end(p);
	} else if (!p->closing) { /* what is unsent goes out later; then it ends */
		rv_peer_cache_remove(&all->cache, &p->entry);
		p->closing = true;
	}
}

void rv_shared_resume(void *instance, void *peer)
{
	struct rv_shared *all = instance;

	/* The contract has no way to say that this failed but failed(). */
	if (peer == all->line && rv_shared_read_on(all) < 0) {
		all->out.host->failed(all->out.handle, ENOMEM);
	}
}

/* Output. */

void rv_shared_before_lines(struct rv_shared *all)
{
	const struct rv_writer *out = &all->out;
	uint64_t now = out->host->now(out->handle);
	size_t n = 0;

	if (all->lines_ns && now - all->lines_ns >= STALE_NS) {
		n = all->ops->discard_lines(all);
	}
	all->lines_ns = now;
	if (n > 0) {
		out->host->dropped(out->handle, RV_DROP_OUTPUT, n);
		out->host->log(out->handle, LOG_NOTICE,
			"nobody has read %zu replies to lines for a minute: dropped", n);
	}
}

static int watch_output(void *peer, bool on)
{
	(void)on;
	return watch(peer);
}

static void sent(void *peer)
{
	struct rv_shared_peer *p = peer;
	struct rv_shared *all = p->all;

	if (p->closing) {
		end(p);
		return;
	}
	all->out.host->writable(all->out.handle, p);
	rv_shared_check_drained(all);
}

static void broken(void *peer, int err)
{
	struct rv_shared_peer *p = peer;
	const struct rv_writer *out = &p->all->out;

	out->host->dropped(out->handle, err == -EPIPE ? RV_DROP_PEER_GONE : RV_DROP_IO, 1);
	if (err != -EPIPE) {
		out->host->log(
			out->handle, LOG_WARNING, "a reply cannot be sent: %s", strerror(-err));
	}
	rv_shared_end(p);
}

void rv_shared_writer_init(
	struct rv_shared *all, const struct rv_host *host, struct rv_instance *handle)
{
	const struct rv_writer_ops ops = {.messages = all->ops->messages,
		.single = all->ops->messages,
		.send = all->ops->send,
		.watch = watch_output,
		.sent = sent,
		.broken = broken};

	rv_writer_init(&all->out, host, handle, &ops);
}
