/*
 * Reply queues. The kernel's account of queue memory is small (800 KiB a user),
 * and a queue that its client has unlinked is charged until the last one
 * closes it. So a descriptor is kept only while it is in use: a sweep, which
 * runs only while any is open, closes those whose name is gone and those that
 * were idle for a while. Opening one again costs microseconds.
 */
#include "mqueue/internal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>

#define SWEEP_SECONDS 1
#define IDLE_NS 2000000000u

/* Opens /NAME.token for sending. The descriptor, or -errno. */
static int open_queue(
	const struct mqueue_endpoint *ep, const char *token, size_t n, size_t *ret_message_size)
{
	CLEANUP_FD int q = -1;
	char name[NAME_MAX + 2];
	struct mq_attr attr;

	snprintf(name, sizeof(name), "%s.%.*s", ep->in.name, (int)n, token);
	q = mq_open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (q < 0 || mq_getattr(q, &attr) < 0) {
		return -errno;
	}
	if (mqueue_is_served(q)) {
		return -EPERM;
	}
	if (attr.mq_msgsize < MQUEUE_MIN_MESSAGE) {
		return -EMSGSIZE;
	}
	*ret_message_size = (size_t)attr.mq_msgsize;
	return TAKE_FD(q);
}

static const char *why_refused(int err)
{
	switch (err) {
	case -EINVAL:
		return "not a valid token";
	case -EPERM:
		return "it is a request queue of a revd";
	case -EMFILE:
	case -ENFILE:
		return "revd has no descriptor left";
	default:
		return mqueue_strerror(err);
	}
}

static bool is_idle(void *ctx, const struct reply *e)
{
	const struct mqueue_instance *in = ctx;
	const struct mqueue_peer *p = CONTAINER_OF(e, struct mqueue_peer, reply);

	return !p->unsent && in->writing != p && in->host->peer_idle(in->handle, p);
}

/* Makes room for one more. False if all of those longest unused are busy. */
static bool evict(struct mqueue_instance *in)
{
	struct reply *e = replies_victim(&in->replies, is_idle, in);

	if (e) {
		mqueue_peer_end(CONTAINER_OF(e, struct mqueue_peer, reply));
	}
	return e != NULL;
}

static bool has_name(const struct mqueue_peer *p)
{
	struct stat st;

	return fstat(p->q, &st) == 0 && st.st_nlink > 0;
}

static void look_at_own_name(struct mqueue_instance *in)
{
	struct stat st;

	if (in->name_lost || !in->ep->in.id.ino || fstat(in->ep->in.q, &st) < 0 ||
		st.st_nlink > 0) {
		return;
	}
	in->name_lost = true;
	in->host->log(in->handle, LOG_WARNING,
		"%s: the name was removed; who has it open is still served, others need a restart "
		"of revd",
		in->ep->in.name);
}

static void sweep_start(struct mqueue_instance *in)
{
	const struct timeval tv = {.tv_sec = SWEEP_SECONDS};

	if (!event_pending(&in->sweep, EV_TIMEOUT, NULL)) {
		(void)event_add(&in->sweep, &tv); /* tried again with the next new peer */
	}
}

void mqueue_on_sweep(int fd, short what, void *arg)
{
	struct mqueue_instance *in = arg;
	uint64_t now = in->host->now(in->handle);
	struct reply *next;

	(void)fd;
	(void)what;
	for (struct reply *e = in->replies.oldest; e; e = next) {
		struct mqueue_peer *p = CONTAINER_OF(e, struct mqueue_peer, reply);

		next = e->newer;
		if ((now - p->used_ns > IDLE_NS || !has_name(p)) && is_idle(in, e)) {
			mqueue_peer_end(p);
		}
	}
	look_at_own_name(in);
	if (in->replies.n > 0) {
		sweep_start(in);
	}
}

/* Takes q over on success. */
static int reply_new(struct mqueue_instance *in, const char *token, size_t n, mqd_t q,
	size_t message_size, struct mqueue_peer **ret)
{
	struct mqueue_peer *p;
	int r = mqueue_peer_new(in, q, message_size, false, &p);

	if (r == -EUSERS && evict(in)) {
		r = mqueue_peer_new(in, q, message_size, false, &p);
	}
	if (r < 0) {
		return r;
	}
	r = replies_add(&in->replies, &p->reply, token, n);
	if (r < 0) {
		in->host->peer_gone(in->handle, p);
		return r;
	}
	p->turn = in->turn;
	sweep_start(in);
	*ret = p;
	return 0;
}

static int reply_open(
	struct mqueue_instance *in, const char *token, size_t n, struct mqueue_peer **ret)
{
	CLEANUP_FD int q = -1;
	size_t message_size;
	int r;

	if (!rv_token_valid(token, n)) {
		return -EINVAL; /* the host has checked; a mistake there must not open a name */
	}
	if (in->replies.n >= __atomic_load_n(&in->ep->max_peers, __ATOMIC_RELAXED) && !evict(in)) {
		return -EUSERS;
	}
	q = open_queue(in->ep, token, n, &message_size);
	if ((q == -EMFILE || q == -ENFILE) && evict(in)) {
		q = open_queue(in->ep, token, n, &message_size);
	}
	if (q < 0) {
		return q;
	}
	r = reply_new(in, token, n, q, message_size, ret);
	if (r == 0) {
		q = -1; /* the peer's now */
	}
	return r;
}

/* Once in a batch: a client that made its queue anew reads the new one. A name
 * that is merely gone proves nothing, the client may still receive. */
static struct mqueue_peer *renew(
	struct mqueue_instance *in, struct mqueue_peer *p, const char *token, size_t n)
{
	struct mqueue_peer *fresh;
	size_t message_size;
	int q;

	p->turn = in->turn;
	if (has_name(p) || in->writing == p) {
		return p;
	}
	q = open_queue(in->ep, token, n, &message_size);
	if (q < 0) {
		return p;
	}
	if (p->unsent) {
		in->host->dropped(in->handle, RV_DROP_PEER_GONE, 1);
	}
	mqueue_peer_end(p);
	if (reply_new(in, token, n, q, message_size, &fresh) < 0) {
		mq_close(q);
		return NULL;
	}
	return fresh;
}

int mqueue_reply_peer(void *block, const char *token, size_t n, void **ret)
{
	struct mqueue_instance *in = block;
	struct reply *e = replies_find(&in->replies, token, n);
	struct mqueue_peer *p = NULL;
	char quoted[RV_QUOTE_SIZE];
	int r = 0;

	if (e) {
		p = CONTAINER_OF(e, struct mqueue_peer, reply);
		if (p->turn != in->turn) {
			p = renew(in, p, token, n);
			r = p ? 0 : -ENOMEM;
		}
	} else {
		r = reply_open(in, token, n, &p);
	}
	if (r < 0) {
		in->host->log(in->handle, LOG_INFO, "reply queue %s: %s",
			rv_quote(token, n, quoted, sizeof(quoted)), why_refused(r));
		return r;
	}
	p->used_ns = in->host->now(in->handle);
	*ret = p;
	return 0;
}
