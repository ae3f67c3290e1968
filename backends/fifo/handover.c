/* A FIFO endpoint from one process to the next: what is in a pipe is gone when the last
 * descriptor of it is closed. */
#include <stdlib.h>
#include "fifo/endpoint.h"

static void put(struct rv_handover *h, const char *path, struct rv_names_id id)
{
	rv_pack_string(&h->data, path);
	rv_pack_u64(&h->data, id.dev);
	rv_pack_u64(&h->data, id.ino);
}

void fifo_hand_over(void *block, struct rv_handover *h)
{
	const struct fifo_endpoint *ep = block;

	put(h, ep->path, ep->id);
	put(h, ep->out_path, ep->out_id);
	put(h, ep->dir_path, ep->dir_id);
	put(h, ep->link_path, ep->link_id);
	rv_names_lock_hand_over(h, &ep->lock);
	if (ep->id.ino) {
		rv_handover_fd(h, ep->fd);
	}
	if (ep->out_id.ino) {
		rv_handover_fd(h, ep->out_fd);
	}
}

static int get(struct rv_takeover *t, char **ret_path, struct rv_names_id *ret_id)
{
	const char *path = rv_unpack_string(&t->data);

	ret_id->dev = (dev_t)rv_unpack_u64(&t->data);
	ret_id->ino = (ino_t)rv_unpack_u64(&t->data);
	*ret_path = *path ? rv_names_join(path, "") : NULL;
	return rv_unpack_ok(&t->data) ? 0 : -EBADMSG;
}

static int take(struct fifo_endpoint *ep, struct rv_takeover *t)
{
	int r = get(t, &ep->path, &ep->id);

	r = r < 0 ? r : get(t, &ep->out_path, &ep->out_id);
	r = r < 0 ? r : get(t, &ep->dir_path, &ep->dir_id);
	r = r < 0 ? r : get(t, &ep->link_path, &ep->link_id);
	r = r < 0 ? r : rv_names_lock_take_over(t, &ep->lock);
	if (r == 0 && ep->id.ino) {
		ep->fd = rv_takeover_fd(t);
		r = ep->fd < 0 ? -EBADMSG : 0;
	}
	if (r == 0 && ep->out_id.ino) {
		ep->out_fd = rv_takeover_fd(t);
		r = ep->out_fd < 0 ? -EBADMSG : 0;
	}
	return r == 0 && ep->path && ep->out_path && ep->dir_path && ep->lock.path ? 0 : -EBADMSG;
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Does the configuration still say the same paths? */
static int check_paths(
	const struct fifo_endpoint *ep, const struct fifo_config *cfg, struct rv_err *e)
{
	struct fifo_endpoint wanted = {0};
	bool same = fifo_copy_paths(&wanted, cfg) == 0 && is_same(ep->path, wanted.path) &&
		    is_same(ep->dir_path, wanted.dir_path) &&
		    is_same(ep->link_path, wanted.link_path);

	free(wanted.path);
	free(wanted.out_path);
	free(wanted.dir_path);
	free(wanted.link_path);
	return same ? 0 : rv_fail(e, -EBUSY, "%s: its reply_dir is another one now", ep->path);
}

/* What we made has to be there; what we did not make was given again. */
static int check_names(const struct fifo_endpoint *ep, struct rv_err *e)
{
	int r = rv_names_lost(ep->path, ep->id, e);

	r = r < 0 ? r : rv_names_lost(ep->out_path, ep->out_id, e);
	if (r == 0 && (ep->fd < 0 || ep->out_fd < 0)) {
		r = rv_fail(
			e, -EBADF, "%s: its socket unit does not pass it on any more", ep->path);
	}
	return r;
}

static int apply_modes(
	const struct fifo_endpoint *ep, const struct rv_endpoint_info *info, struct rv_err *e)
{
	int r = ep->id.ino ? rv_names_apply(ep->fd, ep->path, info->mode, info, e) : 0;

	if (r == 0 && ep->out_id.ino) {
		r = rv_names_apply(ep->out_fd, ep->out_path, info->out_mode, info, e);
	}
	return r;
}

static int go_on(struct fifo_endpoint *ep, const struct rv_endpoint_info *info,
	const struct fifo_config *cfg, const int *fds, size_t n_fds, struct rv_err *e)
{
	int r = check_paths(ep, cfg, e);

	if (r == 0 && n_fds > 0 && ep->id.ino) {
		r = rv_fail(e, -EBUSY, "%s: it is passed on by a socket unit now", ep->path);
	}
	r = r < 0 ? r : fifo_adopt(ep, fds, n_fds, e);
	r = r < 0 ? r : check_names(ep, e);
	r = r < 0 ? r : fifo_make_directory(ep, info, cfg, e);
	return r < 0 ? r : apply_modes(ep, info, e);
}

int fifo_take_over(void *block, const struct rv_endpoint_info *info, const void *cfg,
	const int *fds, size_t n_fds, struct rv_takeover *t, struct rv_err *e)
{
	struct fifo_endpoint *ep = block;
	int r;

	*ep = (struct fifo_endpoint){.live = true,
		.fd = -1,
		.out_fd = -1,
		.dir_fd = -1,
		.lock = {.fd = -1},
		.max_peers = info->max_peers};
	r = take(ep, t);
	if (r < 0) {
		rv_fail(e, r, "what the process before has left makes no sense");
	} else if (cfg) {
		r = go_on(ep, info, cfg, fds, n_fds, e);
	}
	if (r < 0 || !cfg) {
		fifo_close(ep);
		return r;
	}
	for (size_t i = 0; i < n_fds; i++) {
		close(fds[i]); /* we have our own */
	}
	return 0;
}
