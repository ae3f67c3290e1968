#include "mqueue/messages.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#define MIN_MESSAGE 64 /* bytes; smaller reply queues are refused */
#define SWEEP_SECONDS 1
#define STREAK 16 /* single messages before two are tried for */
#define IDLE_NS 2000000000u
#define NAMELESS_TRIES 32

static struct mqueue_peer *of_shared(const struct rv_shared_peer *p)
{
	return CONTAINER_OF(p, struct mqueue_peer, shared);
}

static struct mqueue_instance *instance_of(const struct mqueue_peer *p)
{
	return CONTAINER_OF(p->shared.all, struct mqueue_instance, shared);
}

/* Requests. */

/* Up to max messages, one behind the other. The number; -errno if there was none. */
static ssize_t receive(struct mqueue_instance *in, size_t max)
{
	size_t size = in->ep->in.message_size, at = 0, n = 0;
	uint8_t *buf = in->shared.buf;

	while (n < max && at <= MQUEUE_CHUNK) {
		unsigned prio = 0;
		ssize_t k = mq_receive(in->ep->in.q, (char *)buf + at, size, &prio);

		if (k < 0) {
			return n > 0 ? (ssize_t)n : -errno;
		}
		in->msgs[n++] = (struct rv_msg){.data = buf + at, .len = (size_t)k, .tag = prio};
		at += (size_t)k;
	}
	return (ssize_t)n;
}

/* A queue does not tell how much it holds, and a call that finds nothing costs
 * as much as one that does. So we ask for one message while there is never more
 * than one, with a try for two now and then; once there were several, for all. */
static void adapt(struct mqueue_instance *in, size_t found)
{
	const size_t depth = in->ep->in.depth;

	if (found > 1) { /* more than a queueful would only fill up the reply queue */
		in->budget = depth < MQUEUE_BATCH ? (unsigned)depth : MQUEUE_BATCH;
		in->streak = 0;
	} else if (in->budget > 1) {
		in->budget = 1;
		in->streak = 0;
	} else if (++in->streak >= STREAK) {
		in->budget = 2;
	}
}

static int input(struct rv_shared *all)
{
	struct mqueue_instance *in = CONTAINER_OF(all, struct mqueue_instance, shared);
	ssize_t n = receive(in, rv_shared_may_read(all, in->budget));

	if (n <= 0) {
		return (int)n;
	}
	adapt(in, (size_t)n);
	in->turn++;
	rv_shared_took(all, (size_t)n,
		all->out.host->messages(all->out.handle, all->line, in->msgs, (size_t)n));
	return 0;
}

/* Replies. */

static ssize_t send_message(void *peer, const void *record, size_t n)
{
	const struct rv_writer_message m = rv_writer_message(record);
	struct rv_shared_peer *p = peer;
	const struct rv_writer *out = &p->all->out;

	(void)n;
	if (p->line && !p->out.tail) {
		rv_shared_before_lines(p->all);
	}
	if (mq_send(p->fd, (const char *)m.data, m.len, m.tag) < 0) {
		if (errno != EMSGSIZE) {
			return -errno;
		}
		out->host->dropped(out->handle, RV_DROP_IO, 1); /* this one, and no other */
	}
	return (ssize_t)(RV_WRITER_HEAD + m.len);
}

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
	in->shared.out.host->log(in->shared.out.handle, LOG_WARNING,
		"%s: the name was removed; who has it open is still served, others need a reload",
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
	uint64_t now = in->shared.out.host->now(in->shared.out.handle);
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

/* Of clients that have come and left lately: their queues count for their users until we
 * let go, too. */
static void close_nameless(struct mqueue_instance *in, const struct mqueue_peer *but)
{
	struct rv_peer_cache_entry *e = in->shared.cache.newest, *next;

	for (int i = 0; e && i < NAMELESS_TRIES; i++, e = next) {
		struct mqueue_peer *p = CONTAINER_OF(e, struct mqueue_peer, shared.entry);

		next = e->older;
		if (p != but && !has_name(p) && rv_shared_is_idle(&p->shared)) {
			rv_shared_end(&p->shared);
		}
	}
}

static void begun(struct rv_shared_peer *shared)
{
	struct mqueue_peer *p = of_shared(shared);
	struct mqueue_instance *in = instance_of(p);

	p->turn = in->turn;
	p->used_ns = shared->all->out.host->now(shared->all->out.handle);
	close_nameless(in, p);
	sweep_start(in);
}

/* Looked at once in a batch. */
static bool may_be_old(struct rv_shared_peer *shared)
{
	struct mqueue_peer *p = of_shared(shared);
	uint32_t turn = p->turn;

	p->used_ns = shared->all->out.host->now(shared->all->out.handle);
	p->turn = instance_of(p)->turn;
	return turn != p->turn && !has_name(p);
}

static size_t discard_lines(struct rv_shared *all)
{
	struct mq_attr attr;
	char *buf = NULL; /* not all->buf: input may be served from there */
	size_t size, n = 0;

	if (mq_getattr(all->line_fd, &attr) == 0) {
		size = (size_t)attr.mq_msgsize;
		buf = malloc(size);
		while (buf && attr.mq_maxmsg-- > 0 &&
			mq_receive(all->line_fd, buf, size, NULL) >= 0) {
			n++;
		}
	}
	free(buf);
	return n;
}

const struct rv_shared_ops mqueue_shared_ops = {
	.messages = true,
	.send = send_message,
	.describe = describe,
	.input = input,
	.discard_lines = discard_lines,
	.reply_name = "reply queue",
	.open_reply = open_reply,
	.why = why_refused,
	.begun = begun,
	.may_be_old = may_be_old,
};
