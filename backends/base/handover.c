#include <revd/base/handover.h>

#include <fcntl.h>
#include <stdlib.h>

/* Names and locks. */

void rv_names_hand_over(struct rv_handover *h, const char *path, struct rv_names_id id)
{
	rv_pack_string(&h->data, id.ino ? path : NULL);
	rv_pack_u64(&h->data, id.dev);
	rv_pack_u64(&h->data, id.ino);
}

int rv_names_take_over(struct rv_takeover *t, char **ret_path, struct rv_names_id *ret_id)
{
	const char *path = rv_unpack_string(&t->data);
	struct rv_names_id id;

	id.dev = (dev_t)rv_unpack_u64(&t->data);
	id.ino = (ino_t)rv_unpack_u64(&t->data);
	if (!rv_unpack_ok(&t->data)) {
		return -EBADMSG;
	}
	*ret_path = NULL;
	*ret_id = id;
	if (!id.ino) {
		return 0;
	}
	*ret_path = rv_names_join(path, "");
	return *ret_path ? 0 : -ENOMEM;
}

void rv_names_lock_hand_over(struct rv_handover *h, const struct rv_names_lock *lock)
{
	rv_pack_string(&h->data, lock->path);
	if (lock->path) {
		rv_handover_fd(h, lock->fd);
	}
}

int rv_names_lock_take_over(struct rv_takeover *t, struct rv_names_lock *ret)
{
	const char *path = rv_unpack_string(&t->data);
	struct rv_names_lock lock = {.fd = -1};

	if (!rv_unpack_ok(&t->data)) {
		return -EBADMSG;
	}
	if (*path) {
		lock.fd = rv_takeover_fd(t);
		lock.path = lock.fd >= 0 ? rv_names_join(path, "") : NULL;
		if (!lock.path) {
			fd_close_p(&lock.fd);
			return -EBADMSG;
		}
	}
	*ret = lock;
	return 0;
}

/* Connections. */

void rv_connection_hand_over(struct rv_connection *c, struct rv_handover *h)
{
	rv_handover_fd(h, rv_connection_fd(c));
	rv_pack_u64(&h->data, c->state);
	rv_pack_u64(&h->data, c->over);
	rv_pack_u64(&h->data, c->ended);
	rv_writer_hand_over(&c->all->out, &c->out, h);
}

static int restore(struct rv_connection *c, struct rv_takeover *t)
{
	uint64_t state = rv_unpack_u64(&t->data);

	c->over = rv_unpack_u64(&t->data) != 0;
	c->ended = rv_unpack_u64(&t->data) != 0;
	c->reading = false;
	if (!rv_unpack_ok(&t->data) || state > RV_CONNECTION_CLOSING) {
		return -EBADMSG;
	}
	c->state = (uint8_t)state;
	return rv_writer_take_over(&c->all->out, &c->out, t);
}

int rv_connection_take_over(struct rv_connections *all, int fd, const struct rv_peer_info *info,
	struct rv_takeover *t, struct rv_connection **ret, bool *ret_closing)
{
	struct rv_connection *c;
	int r = rv_connection_new(all, fd, info, &c);

	if (r < 0) {
		close(fd);
		return r;
	}
	r = restore(c, t);
	r = r < 0 ? r : rv_connection_arm(c);
	if (r < 0) {
		rv_connection_end(c);
		return r;
	}
	*ret = c;
	*ret_closing = c->state == RV_CONNECTION_CLOSING;
	return 0;
}

/* Peers that share an input. */

void rv_shared_hand_over_peer(void *instance, void *peer, struct rv_handover *h)
{
	const struct rv_shared *all = instance;
	const struct rv_shared_peer *p = peer;

	rv_pack_u64(&h->data, p->line);
	rv_pack_u64(&h->data, p->closing);
	rv_pack_u64(&h->data, p->line ? all->lines_ns : 0);
	rv_pack_blob(&h->data, p->entry.token, p->line ? 0 : p->entry.len);
	if (!p->line) {
		rv_handover_fd(h, p->fd);
	}
	rv_writer_hand_over(&all->out, &p->out, h);
}

/* A reply peer, whose client goes on reading what it has open. */
static int take_reply_peer(struct rv_shared *all, struct rv_unpack token, struct rv_takeover *t,
	struct rv_shared_peer **ret)
{
	CLEANUP_FD int fd = rv_takeover_fd(t);
	int r;

	if (fd < 0 || !rv_token_valid((const char *)token.data, token.left)) {
		return -EBADMSG;
	}
	r = rv_shared_reply_peer_new(all, (const char *)token.data, token.left, fd, ret);
	if (r == 0) {
		fd = -1;
	}
	return r;
}

int rv_shared_take_over_peer(
	void *instance, struct rv_takeover *t, void **ret_peer, bool *ret_closing)
{
	struct rv_shared *all = instance;
	bool line = rv_unpack_u64(&t->data) != 0, closing = rv_unpack_u64(&t->data) != 0;
	uint64_t lines_ns = rv_unpack_u64(&t->data);
	struct rv_unpack token = rv_unpack_blob(&t->data);
	struct rv_shared_peer *p = line ? all->line : NULL;
	int r = rv_unpack_ok(&t->data) ? 0 : -EBADMSG;

	if (r == 0 && !line) {
		r = take_reply_peer(all, token, t, &p);
	} else if (r == 0) {
		all->lines_ns = lines_ns;
		event_del(&all->input); /* until resume() */
	}
	if (r < 0) {
		return r;
	}
	r = rv_writer_take_over(&all->out, &p->out, t);
	if (r < 0) {
		rv_shared_end(p);
		return r;
	}
	if (closing) {
		rv_peer_cache_remove(&all->cache, &p->entry);
		p->closing = true;
	}
	*ret_peer = p;
	*ret_closing = closing;
	return 0;
}
