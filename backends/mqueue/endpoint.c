#include "mqueue/endpoint.h"

#include <fcntl.h>
#include <stdlib.h>

/* An inherited queue, by a descriptor of our own. */
static int adopt_one(int fd, int needed, struct mqueue_queue *mq, struct rv_err *e)
{
	struct mq_attr attr;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || mq_getattr(fd, &attr) < 0) {
		return rv_fail(
			e, -EINVAL, "the inherited descriptor %d is not a message queue", fd);
	}
	if ((flags & O_ACCMODE) != O_RDWR && (flags & O_ACCMODE) != needed) {
		return rv_fail(e, -EINVAL, "the inherited queue %d is not open for %s", fd,
			needed == O_RDONLY ? "reading" : "writing");
	}
	attr.mq_flags = O_NONBLOCK;
	mq->q = mq_setattr(fd, &attr, NULL) < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (mq->q < 0) {
		return rv_fail_errno(e, "the inherited queue %d", fd);
	}
	mq->message_size = (size_t)attr.mq_msgsize;
	mq->depth = (size_t)attr.mq_maxmsg;
	return 0;
}

/* One of them is the request queue; another one may be NAME.out. */
static int adopt(struct mqueue_endpoint *ep, const int *fds, size_t n, struct rv_err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct rv_names_id id = rv_names_id_fd(fds[i]);
		bool is_out = id.ino && rv_names_id_same(id, mqueue_id(ep->out.name));
		struct mqueue_queue *mq = is_out ? &ep->out : &ep->in;
		int r;

		if (mq->q >= 0) {
			return rv_fail(e, -EINVAL,
				"%s: too many inherited descriptors, at most QUEUE and QUEUE.out",
				ep->in.name);
		}
		r = adopt_one(fds[i], is_out ? O_WRONLY : O_RDONLY, mq, e);
		if (r < 0) {
			return r;
		}
	}
	ep->adopted = ep->in.q >= 0;
	return 0;
}

static int make_queues(struct mqueue_endpoint *ep, const struct rv_endpoint_info *info,
	const struct mqueue_config *cfg, const int *fds, size_t n_fds, struct rv_err *e)
{
	int r = adopt(ep, fds, n_fds, e);

	/* Also for reading: to empty it when nobody else does. */
	if (r == 0 && ep->out.q < 0) {
		r = mqueue_make(&ep->out, O_RDWR, info->out_mode, cfg, info, e);
	}
	if (r == 0 && ep->in.q < 0) {
		r = mqueue_make(&ep->in, O_RDONLY, info->mode, cfg, info, e);
	}
	return r;
}

int mqueue_open(void *block, const struct rv_endpoint_info *info, const void *config,
	const int *fds, size_t n_fds, struct rv_err *e)
{
	const struct mqueue_config *cfg = config;
	struct mqueue_endpoint *ep = block;
	int r;

	*ep = (struct mqueue_endpoint){.live = true,
		.in = {.q = -1, .name = rv_names_join(cfg->queue, "")},
		.out = {.q = -1, .name = rv_names_join(cfg->queue, ".out")},
		.max_peers = info->max_peers};
	if (!ep->in.name || !ep->out.name) {
		r = rv_fail(e, -ENOMEM, "no memory");
	} else {
		r = make_queues(ep, info, cfg, fds, n_fds, e);
	}
	if (r < 0) {
		mqueue_close(ep);
		return r;
	}
	for (size_t i = 0; i < n_fds; i++) {
		close(fds[i]); /* we have our own */
	}
	return 0;
}

/* We made the queue: is its name gone, or another's? */
static int check_lost(const struct mqueue_queue *mq, struct rv_err *e)
{
	struct rv_names_id now = mqueue_id(mq->name);

	if (!mq->id.ino || rv_names_id_same(mq->id, now)) {
		return 0;
	}
	return now.ino || errno != ENOENT
		       ? rv_fail(e, -EEXIST, "%s: the name is another's now", mq->name)
		       : rv_fail(e, -ESTALE, "%s: the name is gone", mq->name);
}

int mqueue_reconfigure(
	void *block, const struct rv_endpoint_info *info, const void *cfg, struct rv_err *e)
{
	struct mqueue_endpoint *ep = block;
	int in = check_lost(&ep->in, e);
	int r = in == -EEXIST ? in : check_lost(&ep->out, e);

	(void)cfg; /* no key of ours is live */
	r = r == 0 ? in : r;
	if (r == 0 && ep->in.id.ino) {
		r = rv_names_apply(ep->in.q, ep->in.name, info->mode, info, e);
	}
	if (r == 0 && ep->out.id.ino) {
		r = rv_names_apply(ep->out.q, ep->out.name, info->out_mode, info, e);
	}
	if (r == 0) {
		__atomic_store_n(&ep->max_peers, info->max_peers, __ATOMIC_RELAXED);
	}
	return r;
}

void mqueue_close(void *block)
{
	struct mqueue_endpoint *ep = block;

	if (!ep->live) {
		return;
	}
	mqueue_finish(&ep->in);
	mqueue_finish(&ep->out);
	*ep = (struct mqueue_endpoint){0};
}

/* Queues live by their names, with what is in them: they are opened again, as those of a
 * daemon that was killed. */
void mqueue_hand_over(void *block, struct rv_handover *h)
{
	const struct mqueue_endpoint *ep = block;

	rv_names_hand_over(h, ep->in.name, ep->in.id);
	rv_names_hand_over(h, ep->out.name, ep->out.id);
}

static int take(struct mqueue_endpoint *ep, struct rv_takeover *t)
{
	int r = rv_names_take_over(t, &ep->in.name, &ep->in.id);

	return r < 0 ? r : rv_names_take_over(t, &ep->out.name, &ep->out.id);
}

int mqueue_take_over(void *block, const struct rv_endpoint_info *info, const void *cfg,
	const int *fds, size_t n_fds, struct rv_takeover *t, struct rv_err *e)
{
	struct mqueue_endpoint *ep = block;
	int r;

	if (cfg) {
		return mqueue_open(ep, info, cfg, fds, n_fds, e);
	}
	*ep = (struct mqueue_endpoint){.live = true, .in = {.q = -1}, .out = {.q = -1}};
	r = take(ep, t);
	mqueue_close(ep);
	return r;
}
