/*
 * Reply queues. The kernel's account of queue memory is small (800 KiB a user),
 * and a queue that its client has unlinked is charged until the last one
 * closes it. So a descriptor is kept only while it is in use: those whose name is
 * gone are closed when others come, and by a sweep, which runs only while any is
 * open, and closes those that were idle for a while, too. Opening one again costs
 * microseconds.
 */
#include "mqueue/peer.h"

#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>

#define MIN_MESSAGE 64 /* bytes; smaller reply queues are refused */
#define SWEEP_SECONDS 1
#define IDLE_NS 2000000000u
#define NEWEST 16 /* looked at for each new one */

static struct mqueue_peer *of_shared(const struct rv_shared_peer *p)
{
	return CONTAINER_OF(p, struct mqueue_peer, shared);
}

static struct mqueue_instance *instance_of(const struct mqueue_peer *p)
{
	return CONTAINER_OF(p->shared.all, struct mqueue_instance, shared);
}

struct mqueue_unsent {
	size_t len;
	uint32_t tag;
	char data[];
};

static void unsent_free(struct mqueue_peer *p)
{
	if (p->unsent) {
		free(p->unsent);
		p->unsent = NULL;
		instance_of(p)->n_unsent--;
	}
}

static int send_now(struct mqueue_peer *p, const void *data, size_t n, uint32_t tag)
{
	while (mq_send(p->shared.fd, data, n, tag) < 0) {
		if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static int keep(struct mqueue_peer *p, const void *data, size_t n, uint32_t tag)
{
	struct mqueue_unsent *u = malloc(sizeof(*u) + n);

	if (!u) {
		return -ENOMEM;
	}
	u->len = n;
	u->tag = tag;
	memcpy(u->data, data, n);
	p->unsent = u;
	instance_of(p)->n_unsent++;
	return event_add(&p->event, NULL) < 0 ? -ENOMEM : 0;
}

static void broken(struct mqueue_peer *p, int err)
{
	const struct rv_shared *all = p->shared.all;

	all->host->dropped(all->handle, RV_DROP_IO, 1);
	all->host->log(
		all->handle, LOG_WARNING, "a reply cannot be sent: %s", mqueue_strerror(err));
	rv_shared_end(&p->shared);
}

static void on_writable(int fd, short what, void *arg)
{
	struct mqueue_peer *p = arg;
	int r = send_now(p, p->unsent->data, p->unsent->len, p->unsent->tag);

	(void)fd;
	(void)what;
	if (r == -EAGAIN) {
		return; /* another sender was faster */
	}
	if (r < 0) {
		broken(p, r);
		return;
	}
	unsent_free(p);
	event_del(&p->event);
	rv_shared_sent(&p->shared);
}

/* Names. */

/* Opens /NAME.token for sending. The descriptor, or -errno. */
static int open_reply(struct rv_shared *all, const char *token, size_t n)
{
	const struct mqueue_instance *in = CONTAINER_OF(all, struct mqueue_instance, shared);
	CLEANUP_FD int q = -1;
	char name[NAME_MAX + 2];
	struct mq_attr attr;

	snprintf(name, sizeof(name), "%s.%.*s", in->ep->in.name, (int)n, token);
	q = mq_open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (q < 0 || mq_getattr(q, &attr) < 0) {
		return -errno;
	}
	if (mqueue_is_served(q)) {
		return -EPERM;
	}
	if (attr.mq_msgsize < MIN_MESSAGE) {
		return -EMSGSIZE;
	}
	return TAKE_FD(q);
}

static const char *why_refused(int err)
{
	switch (err) {
	case -EPERM:
		return "it is a request queue of a revd";
	case -EMFILE:
	case -ENFILE:
		return "revd has no descriptor left";
	default:
		return mqueue_strerror(err);
	}
}

static bool has_name(const struct mqueue_peer *p)
{
	struct stat st;

	return fstat(p->shared.fd, &st) == 0 && st.st_nlink > 0;
}

static void look_at_own_name(struct mqueue_instance *in)
{
	struct stat st;

	if (in->name_lost || !in->ep->in.id.ino || fstat(in->ep->in.q, &st) < 0 ||
		st.st_nlink > 0) {
		return;
	}
	in->name_lost = true;
	in->shared.host->log(in->shared.handle, LOG_WARNING,
		"%s: the name was removed; who has it open is still served, others need a reload",
		in->ep->in.name);
}

/* Those whose clients have come and gone lately go when another client comes: calls one
 * after another, in a few loops at once, never use up their user's budget. */
static void look_at_newest(struct mqueue_instance *in)
{
	struct rv_peer_cache_entry *e = in->shared.cache.newest, *next;

	for (int i = 0; e && i < NEWEST; i++, e = next) {
		struct mqueue_peer *p = CONTAINER_OF(e, struct mqueue_peer, shared.entry);

		next = e->older;
		if (!has_name(p) && rv_shared_is_idle(&p->shared)) {
			rv_shared_end(&p->shared);
		}
	}
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
	uint64_t now = in->shared.host->now(in->shared.handle);
	struct rv_peer_cache_entry *next;

	(void)fd;
	(void)what;
	for (struct rv_peer_cache_entry *e = in->shared.cache.oldest; e; e = next) {
		struct mqueue_peer *p = CONTAINER_OF(e, struct mqueue_peer, shared.entry);

		next = e->newer;
		if ((now - p->used_ns > IDLE_NS || !has_name(p)) && rv_shared_is_idle(&p->shared)) {
			rv_shared_end(&p->shared);
		}
	}
	look_at_own_name(in);
	if (in->shared.cache.n > 0) {
		sweep_start(in);
	}
}

/* Peers. */

static void describe(struct rv_shared *all, int fd, bool line, struct rv_peer_info *info)
{
	struct mq_attr attr;

	(void)all;
	(void)line;
	info->max_message = mq_getattr(fd, &attr) < 0 ? MIN_MESSAGE : (size_t)attr.mq_msgsize;
}

static int begin(struct rv_shared_peer *shared)
{
	struct mqueue_peer *p = of_shared(shared);
	struct mqueue_instance *in = instance_of(p);
	struct rv_peer_info info = {0};

	describe(shared->all, shared->fd, shared->line, &info);
	p->message_size = info.max_message;
	p->turn = in->turn;
	p->used_ns = shared->all->host->now(shared->all->handle);
	event_assign(&p->event, shared->all->host->event_base(shared->all->handle), shared->fd,
		EV_WRITE | EV_PERSIST, on_writable, p);
	if (!shared->line) {
		look_at_newest(in);
		sweep_start(in);
	}
	return 0;
}

static void end(struct rv_shared_peer *shared)
{
	struct mqueue_peer *p = of_shared(shared);
	struct mqueue_instance *in = instance_of(p);

	event_del(&p->event);
	unsent_free(p);
	if (in->writing == p) {
		in->writing = NULL;
	}
}

static int flush(struct rv_shared_peer *shared)
{
	return of_shared(shared)->unsent ? -EAGAIN : 0;
}

static bool is_busy(const struct rv_shared_peer *shared)
{
	const struct mqueue_peer *p = of_shared(shared);

	return p->unsent || instance_of(p)->writing == p;
}

static size_t n_unsent(const struct rv_shared *all)
{
	return CONTAINER_OF(all, struct mqueue_instance, shared)->n_unsent;
}

static void discard_lines(struct rv_shared *all)
{
	const struct mqueue_instance *in = CONTAINER_OF(all, struct mqueue_instance, shared);
	struct mq_attr attr;

	if (mq_getattr(in->ep->out.q, &attr) < 0 ||
		(size_t)attr.mq_msgsize > MQUEUE_CHUNK + in->ep->in.message_size) {
		return;
	}
	for (long i = 0; i < attr.mq_maxmsg; i++) {
		if (mq_receive(in->ep->out.q, (char *)in->chunk, (size_t)attr.mq_msgsize, NULL) <
			0) {
			return;
		}
	}
}

/* Once in a batch: a client that made its queue anew reads the new one. A name
 * that is merely gone proves nothing, the client may still receive. */
static struct rv_shared_peer *renew(struct rv_shared_peer *shared)
{
	struct mqueue_peer *p = of_shared(shared);
	struct mqueue_instance *in = instance_of(p);
	struct rv_shared *all = shared->all;
	const struct rv_peer_cache_entry e = shared->entry;
	struct rv_shared_peer *fresh;
	int q;

	p->used_ns = all->host->now(all->handle);
	if (p->turn == in->turn) {
		return shared;
	}
	p->turn = in->turn;
	if (has_name(p) || in->writing == p) {
		return shared;
	}
	q = open_reply(all, e.token, e.len);
	if (q < 0) {
		return shared;
	}
	if (p->unsent) {
		all->host->dropped(all->handle, RV_DROP_PEER_GONE, 1);
	}
	rv_shared_end(shared);
	if (rv_shared_reply_new(all, e.token, e.len, q, &fresh) < 0) {
		mq_close(q);
		return NULL;
	}
	return fresh;
}

const struct rv_shared_ops mqueue_shared_ops = {
	.reply_name = "reply queue",
	.open_reply = open_reply,
	.why = why_refused,
	.describe = describe,
	.begin = begin,
	.end = end,
	.flush = flush,
	.is_busy = is_busy,
	.n_unsent = n_unsent,
	.discard_lines = discard_lines,
	.renew = renew,
};

/* Output. */

int mqueue_reserve(void *block, void *peer, size_t min, struct rv_room *ret)
{
	struct mqueue_instance *in = block;
	struct mqueue_peer *p = peer;
	uint8_t *room;

	if (p->unsent) {
		return -EAGAIN;
	}
	if (min > p->message_size) {
		return -EMSGSIZE;
	}
	if (in->room_size < p->message_size) {
		room = realloc(in->room, p->message_size);
		if (!room) {
			return -ENOMEM;
		}
		in->room = room;
		in->room_size = p->message_size;
	}
	in->writing = p;
	ret->data = in->room;
	ret->size = p->message_size;
	return 0;
}

void mqueue_commit(void *block, void *peer, size_t used, uint32_t tag)
{
	struct mqueue_instance *in = block;
	struct mqueue_peer *p = peer;
	int r;

	if (in->writing != p) {
		return; /* it ended since it reserved */
	}
	in->writing = NULL;
	if (used == RV_COMMIT_NONE) {
		return;
	}
	r = send_now(p, in->room, used, tag);
	if (r == -EAGAIN) {
		r = keep(p, in->room, used, tag);
	}
	if (r < 0) {
		broken(p, r);
	} else if (p->unsent) {
		in->shared.host->blocked(in->shared.handle, p);
	}
}

/* Messages go one by one, at commit; there is nothing to gather. */
void mqueue_flush(void *block, void *peer)
{
	(void)block;
	(void)peer;
}
