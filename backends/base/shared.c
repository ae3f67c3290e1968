#include <revd/base/shared.h>

#include <event2/event.h>
#include <syslog.h>

static struct rv_shared_peer *of_entry(const struct rv_peer_cache_entry *e)
{
	return CONTAINER_OF(e, struct rv_shared_peer, entry);
}

/* Input. */

/* All that had arrived is read and the kernel has all that was committed. */
static void check_drained(struct rv_shared *all)
{
	if (all->draining && !all->drained && all->left == 0 && all->ops->n_unsent(all) == 0) {
		all->drained = true;
		all->host->drained(all->handle);
	}
}

static int read_on(struct rv_shared *all)
{
	if (all->draining && all->left == 0) {
		return 0;
	}
	return event_add(&all->input, NULL) < 0 ? -ENOMEM : 0;
}

size_t rv_shared_may_read(const struct rv_shared *all, size_t n)
{
	return all->draining && all->left < n ? all->left : n; /* later ones are not ours */
}

void rv_shared_took(struct rv_shared *all, size_t n, enum rv_next next)
{
	if (next == RV_READ_STOP) {
		event_del(&all->input);
	}
	if (all->draining) {
		all->left -= n < all->left ? n : all->left;
		if (all->left == 0) {
			event_del(&all->input);
			check_drained(all);
		}
	}
}

void rv_shared_input_failed(struct rv_shared *all, const char *name, int err)
{
	all->host->log(all->handle, LOG_ERR, "%s: cannot read: %s", name, strerror(-err));
	all->host->dropped(all->handle, RV_DROP_IO, 1);
	event_del(&all->input);
	all->host->failed(all->handle, -err);
}

void rv_shared_resume(void *instance, void *peer)
{
	struct rv_shared *all = instance;

	/* The contract has no way to say that this failed but failed(). */
	if (peer == all->line && read_on(all) < 0) {
		all->host->failed(all->handle, ENOMEM);
	}
}

/* Peers. */

static int peer_new(struct rv_shared *all, int fd, bool line, struct rv_shared_peer **ret)
{
	struct rv_peer_info info = {.uid = (uid_t)-1, .gid = (gid_t)-1};
	struct rv_shared_peer *p;
	void *block;
	int r;

	all->ops->describe(all, fd, line, &info);
	info.flags |= line ? RV_PEER_SHARED : RV_PEER_REPLY_ONLY;
	r = all->host->peer_new(all->handle, &info, &block);
	if (r < 0) {
		return r;
	}
	p = block;
	p->all = all;
	p->fd = fd;
	p->line = line;
	r = all->ops->begin(p);
	if (r < 0) {
		all->host->peer_gone(all->handle, p);
		return r;
	}
	*ret = p;
	return 0;
}

static void forget(struct rv_shared_peer *p)
{
	struct rv_shared_peer **at = &p->all->closing;

	if (p->line) {
		p->all->line = NULL;
		return;
	}
	if (!p->closing) {
		rv_peer_cache_remove(&p->all->cache, &p->entry);
		return;
	}
	while (*at != p) {
		at = &(*at)->next_closing;
	}
	*at = p->next_closing;
}

static void end(struct rv_shared_peer *p)
{
	struct rv_shared *all = p->all;

	all->ops->end(p);
	forget(p);
	if (!p->line) {
		close(p->fd);
	}
	all->host->peer_gone(all->handle, p);
	check_drained(all);
}

/* The input serves on: another line peer takes the place of this one. */
static void replace_line(struct rv_shared_peer *p)
{
	struct rv_shared *all = p->all;
	int r;

	all->ops->discard_lines(all);
	end(p);
	r = peer_new(all, all->line_fd, true, &all->line);
	if (r == 0) {
		r = read_on(all);
	}
	if (r < 0) {
		all->host->failed(all->handle, -r);
	}
}

void rv_shared_end(struct rv_shared_peer *p)
{
	if (p->line) {
		replace_line(p);
	} else {
		end(p);
	}
}

/* What is unsent goes out later; then the peer ends. */
static void close_later(struct rv_shared_peer *p)
{
	rv_peer_cache_remove(&p->all->cache, &p->entry);
	p->closing = true;
	p->next_closing = p->all->closing;
	p->all->closing = p;
}

void rv_shared_close(void *instance, void *peer, enum rv_close how)
{
	struct rv_shared_peer *p = peer;
	int r = how == RV_CLOSE_FLUSH ? p->all->ops->flush(p) : 0;

	(void)instance;
	if (r < 0 && r != -EAGAIN) {
		return; /* it has ended in there */
	}
	if (p->line || r == 0) {
		rv_shared_end(p);
	} else if (!p->closing) {
		close_later(p);
	}
}

void rv_shared_sent(struct rv_shared_peer *p)
{
	struct rv_shared *all = p->all;

	if (p->closing) {
		end(p);
		return;
	}
	all->host->writable(all->handle, p);
	check_drained(all);
}

/* Reply peers. */

bool rv_shared_is_idle(const struct rv_shared_peer *p)
{
	return !p->all->ops->is_busy(p) && p->all->host->peer_idle(p->all->handle, p);
}

static bool is_idle(void *ctx, const struct rv_peer_cache_entry *e)
{
	(void)ctx;
	return rv_shared_is_idle(of_entry(e));
}

/* Makes room for one more. False if all of those longest unused are busy. */
static bool evict(struct rv_shared *all)
{
	struct rv_peer_cache_entry *e = rv_peer_cache_victim(&all->cache, is_idle, all);

	if (e) {
		end(of_entry(e));
	}
	return e != NULL;
}

int rv_shared_reply_new(
	struct rv_shared *all, const char *token, size_t n, int fd, struct rv_shared_peer **ret)
{
	struct rv_shared_peer *p;
	int r = peer_new(all, fd, false, &p);

	if (r == -EUSERS && evict(all)) {
		r = peer_new(all, fd, false, &p);
	}
	if (r < 0) {
		return r;
	}
	r = rv_peer_cache_add(&all->cache, &p->entry, token, n);
	if (r < 0) {
		all->ops->end(p);
		all->host->peer_gone(all->handle, p);
		return r;
	}
	*ret = p;
	return 0;
}

static int reply_open(
	struct rv_shared *all, const char *token, size_t n, struct rv_shared_peer **ret)
{
	CLEANUP_FD int fd = -1;
	int r;

	if (!rv_token_valid(token, n)) {
		return -EINVAL; /* the host has checked; a mistake there must not open a path */
	}
	if (all->cache.n >= __atomic_load_n(all->max_peers, __ATOMIC_RELAXED) && !evict(all)) {
		return -EUSERS;
	}
	fd = all->ops->open_reply(all, token, n);
	if ((fd == -EMFILE || fd == -ENFILE) && evict(all)) {
		fd = all->ops->open_reply(all, token, n);
	}
	if (fd < 0) {
		return fd;
	}
	r = rv_shared_reply_new(all, token, n, fd, ret);
	if (r == 0) {
		fd = -1; /* the peer's now */
	}
	return r;
}

static void log_refused(struct rv_shared *all, const char *token, size_t n, int err)
{
	char quoted[RV_QUOTE_SIZE];

	all->host->log(all->handle, LOG_INFO, "%s %s: %s", all->ops->reply_name,
		rv_quote(token, n, quoted, sizeof(quoted)),
		err == -EINVAL ? "not a valid token" : all->ops->why(err));
}

int rv_shared_reply_peer(void *instance, const char *token, size_t n, void **ret)
{
	struct rv_shared *all = instance;
	struct rv_peer_cache_entry *e = rv_peer_cache_find(&all->cache, token, n);
	struct rv_shared_peer *p = e ? of_entry(e) : NULL;
	int r = 0;

	if (!p) {
		r = reply_open(all, token, n, &p);
	} else if (all->ops->renew) {
		p = all->ops->renew(p);
		r = p ? 0 : -ENOMEM;
	}
	if (r < 0) {
		log_refused(all, token, n, r);
		return r;
	}
	*ret = p;
	return 0;
}

/* Beginning and end. */

int rv_shared_attach(struct rv_shared *all, const struct rv_host *host, struct rv_instance *handle,
	const struct rv_shared_ops *ops, int input_fd, event_callback_fn on_input, int line_fd,
	const uint64_t *max_peers)
{
	int r;

	*all = (struct rv_shared){.host = host,
		.handle = handle,
		.ops = ops,
		.max_peers = max_peers,
		.line_fd = line_fd,
		.attached = true};
	event_assign(&all->input, host->event_base(handle), input_fd, EV_READ | EV_PERSIST,
		on_input, all);
	r = peer_new(all, line_fd, true, &all->line);
	return r < 0 ? r : read_on(all);
}

void rv_shared_drain(struct rv_shared *all, size_t left)
{
	all->draining = true;
	all->left = left;
	if (left == 0) {
		event_del(&all->input);
	}
	check_drained(all);
}

void rv_shared_detach(struct rv_shared *all)
{
	if (!all->attached) {
		return;
	}
	all->drained = true; /* nobody asks any more */
	event_del(&all->input);
	while (all->cache.oldest) {
		end(of_entry(all->cache.oldest));
	}
	while (all->closing) {
		end(all->closing);
	}
	if (all->line) {
		end(all->line);
	}
	rv_peer_cache_finish(&all->cache);
	*all = (struct rv_shared){0};
}
