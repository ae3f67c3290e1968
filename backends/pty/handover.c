/* A pty endpoint from one process to the next: the terminal that the next client gets, and the
 * watch that tells of its coming, stay as they are. */
#include <stdlib.h>
#include "pty/endpoint.h"

void pty_hand_over(void *endpoint, struct rv_handover *h)
{
	const struct pty_endpoint *ep = endpoint;
	bool has_next = ep->next.master >= 0;

	rv_names_hand_over(h, ep->path, ep->id);
	rv_names_lock_hand_over(h, &ep->name_lock);
	rv_handover_fd(h, ep->link);
	rv_handover_fd(h, ep->inotify);
	rv_pack_u64(&h->data, has_next);
	if (has_next) {
		rv_handover_fd(h, ep->next.master);
		rv_handover_fd(h, ep->next.slave);
	}
	rv_pack_string(&h->data, ep->next.name);
	rv_pack_u64(&h->data, (uint64_t)ep->watch);
	rv_pack_u64(&h->data, ep->openers);
	rv_pack_u64(&h->data, ep->left);
	rv_pack_u64(&h->data, (uint64_t)ep->framing);
	held_hand_over(&ep->held, h);
}

static int take(struct pty_endpoint *ep, struct rv_takeover *t)
{
	const char *name;
	bool has_next;
	int r = rv_names_take_over(t, &ep->path, &ep->id);

	r = r < 0 ? r : rv_names_lock_take_over(t, &ep->name_lock);
	if (r < 0) {
		return r;
	}
	ep->link = rv_takeover_fd(t);
	ep->inotify = rv_takeover_fd(t);
	has_next = rv_unpack_u64(&t->data) != 0;
	if (has_next) {
		ep->next.master = rv_takeover_fd(t);
		ep->next.slave = rv_takeover_fd(t);
	}
	name = rv_unpack_string(&t->data);
	strncat(ep->next.name, name, sizeof(ep->next.name) - 1);
	ep->watch = (int)rv_unpack_u64(&t->data);
	ep->openers = (unsigned)rv_unpack_u64(&t->data);
	ep->left = rv_unpack_u64(&t->data) != 0;
	ep->framing = (int)rv_unpack_u64(&t->data);
	r = held_take_over(&ep->held, t);
	return r == 0 && ep->path && ep->link >= 0 && ep->inotify >= 0 &&
			       (!has_next || (ep->next.master >= 0 && ep->next.slave >= 0))
		       ? 0
		       : -EBADMSG;
}

static int check(struct pty_endpoint *ep, const struct rv_endpoint_info *info,
	const struct pty_config *c, struct rv_err *e)
{
	if (c->framing != ep->framing || strcmp(c->path, ep->path) != 0) {
		return rv_fail(e, -EBUSY, "its framing is another one now");
	}
	return pty_reconfigure(ep, info, c, e);
}

int pty_take_over(void *endpoint, const struct rv_endpoint_info *info, const void *cfg,
	const int *fds, size_t n_fds, struct rv_takeover *t, struct rv_err *e)
{
	struct pty_endpoint *ep = endpoint;
	int r;

	(void)fds; /* without RV_CAP_ADOPT_FD there are none */
	(void)n_fds;
	*ep = (struct pty_endpoint){.is_open = true,
		.name_lock = {.fd = -1},
		.info = *info,
		.link = -1,
		.next = TERMINAL_NONE,
		.inotify = -1,
		.watch = -1};
	pthread_mutex_init(&ep->lock, NULL);
	r = take(ep, t);
	if (r < 0) {
		rv_fail(e, r, "what the process before has left makes no sense");
	} else if (cfg) {
		r = check(ep, info, cfg, e);
	}
	if (r < 0 || !cfg) {
		pty_close(ep);
	}
	return r;
}
