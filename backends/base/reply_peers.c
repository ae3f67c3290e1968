#include <revd/base/reply_peers.h>

#include <string.h>
#include <syslog.h>

static struct rv_shared_peer *of_entry(const struct rv_peer_cache_entry *e)
{
	return CONTAINER_OF(e, struct rv_shared_peer, entry);
}

/* The owner of the arena may be in the middle of a reply. */
static bool is_busy(const struct rv_shared_peer *p)
{
	return p->out.tail || p->all->out.owner == &p->out;
}

bool rv_shared_is_idle(const struct rv_shared_peer *p)
{
	const struct rv_writer *out = &p->all->out;

	return !is_busy(p) && out->host->peer_idle(out->handle, p);
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
		rv_shared_end(of_entry(e));
	}
	return e != NULL;
}

int rv_shared_reply_peer_new(
	struct rv_shared *all, const char *token, size_t n, int fd, struct rv_shared_peer **ret)
{
	struct rv_shared_peer *p;
	int r = rv_peer_cache_reserve(&all->cache);

	if (r == 0) {
		r = rv_shared_peer_new(all, fd, false, &p);
	}
	if (r == -EUSERS && evict(all)) {
		r = rv_shared_peer_new(all, fd, false, &p);
	}
	if (r < 0) {
		return r;
	}
	memcpy(p->token, token, n);
	rv_peer_cache_add(&all->cache, &p->entry, p->token, n);
	if (all->ops->begun) {
		all->ops->begun(p);
	}
	*ret = p;
	return 0;
}

static int peer_open(
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
	r = rv_shared_reply_peer_new(all, token, n, fd, ret);
	if (r == 0) {
		fd = -1; /* the peer's now */
	}
	return r;
}

/* Its client made the name anew, and reads the new one. A name that is merely gone
 * proves nothing, the client may still read. */
static int renew(struct rv_shared *all, struct rv_shared_peer **p)
{
	const struct rv_peer_cache_entry e = (*p)->entry;
	CLEANUP_FD int fd = all->ops->open_reply(all, e.token, e.len);
	int r;

	if (fd < 0) {
		return 0;
	}
	all->out.host->dropped(all->out.handle, RV_DROP_PEER_GONE, (*p)->out.tail != NULL);
	rv_shared_end(*p);
	r = rv_shared_reply_peer_new(all, e.token, e.len, fd, p);
	if (r == 0) {
		fd = -1;
	}
	return r;
}

static void log_refused(struct rv_shared *all, const char *token, size_t n, int err)
{
	char quoted[RV_QUOTE_SIZE];

	all->out.host->log(all->out.handle, LOG_INFO, "%s %s: %s", all->ops->reply_name,
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
		r = peer_open(all, token, n, &p);
	} else if (all->ops->may_be_old && all->ops->may_be_old(p) && all->out.owner != &p->out) {
		r = renew(all, &p);
	}
	if (r < 0) {
		log_refused(all, token, n, r);
		return r;
	}
	*ret = p;
	return 0;
}

void rv_shared_peer_name(const void *instance, const void *peer, char *buf, size_t size)
{
	const struct rv_shared_peer *p = peer;
	size_t n = p->line ? 0 : p->entry.len;

	(void)instance;
	n = n < size ? n : size - 1;
	if (n > 0) { /* the line peer has no token */
		memcpy(buf, p->entry.token, n);
	}
	buf[n] = '\0';
}
