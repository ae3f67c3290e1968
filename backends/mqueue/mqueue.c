/*
 * Transport "mqueue": one POSIX request queue /NAME for all senders; /NAME.out
 * for the replies to lines; and for each client of frames its own reply queue,
 * /NAME.TOKEN, which it makes and the daemon opens.
 */
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "mqueue/peer.h"

#define STREAK 16 /* single messages before two are tried for */

static const struct rv_option options[] = {
	{.key = "queue",
		.def = "/revd",
		.help = "the request queue; replies to lines go to QUEUE.out",
		.type = RV_QUEUE,
		.offset = offsetof(struct mqueue_config, queue)},
	{.key = "max_messages",
		.def = "10",
		.help = "how many requests the queue holds",
		.type = RV_UINT,
		.min = 1,
		.max = 65536,
		.offset = offsetof(struct mqueue_config, max_messages)},
	{.key = "message_size",
		.def = "8K",
		.help = "largest message",
		.type = RV_SIZE,
		.min = 128,
		.max = 16u << 20,
		.offset = offsetof(struct mqueue_config, message_size)},
	{0},
};

/* mq_overview(7): a slash, then a name without one. It must leave room for a
 * dot and a token. */
static int check(const void *config, struct rv_err *e)
{
	const struct mqueue_config *c = config;
	const char *name = c->queue;
	size_t n = strlen(name);

	e->key = "queue";
	if (name[0] != '/' || n < 2 || strchr(name + 1, '/')) {
		return rv_fail(e, -EINVAL, "must be a slash and a name without slashes");
	}
	if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0) {
		return rv_fail(e, -EINVAL, "is a reserved name");
	}
	if (n + 1 + RV_TOKEN_MAX > NAME_MAX) {
		return rv_fail(e, -ENAMETOOLONG, "is too long, %d characters at most",
			NAME_MAX - RV_TOKEN_MAX - 1);
	}
	return 0;
}

static void address(const void *config, char *buf, size_t size)
{
	const struct mqueue_config *c = config;

	snprintf(buf, size, "mqueue:%s", c->queue);
}

static bool name_at(const void *config, size_t i, char *buf, size_t size)
{
	const struct mqueue_config *c = config;

	snprintf(buf, size, "mqueue:%s%s", c->queue, i ? ".out" : "");
	return i < 2;
}

/* Up to max messages, one behind the other. The number; -errno if there was none. */
static ssize_t receive(struct mqueue_instance *in, size_t max)
{
	size_t size = in->ep->in.message_size, at = 0, n = 0;

	while (n < max && at <= MQUEUE_CHUNK) {
		unsigned prio = 0;
		ssize_t k = mq_receive(in->ep->in.q, (char *)in->chunk + at, size, &prio);

		if (k < 0) {
			return n > 0 ? (ssize_t)n : -errno;
		}
		in->msgs[n++] =
			(struct rv_msg){.data = in->chunk + at, .len = (size_t)k, .tag = prio};
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

static void on_request(int fd, short what, void *arg)
{
	struct mqueue_instance *in = CONTAINER_OF(arg, struct mqueue_instance, shared);
	struct rv_shared *all = &in->shared;
	ssize_t n = receive(in, rv_shared_may_read(all, in->budget));

	(void)fd;
	(void)what;
	if (n > 0) {
		adapt(in, (size_t)n);
		in->turn++;
		rv_shared_took(all, (size_t)n,
			all->host->messages(all->handle, all->line, in->msgs, (size_t)n));
	} else if (n < 0 && n != -EAGAIN && n != -EINTR) {
		rv_shared_input_failed(all, in->ep->in.name, (int)n);
	}
}

static void detach(void *block)
{
	struct mqueue_instance *in = block;

	if (!in->shared.attached) {
		return;
	}
	rv_shared_detach(&in->shared);
	event_del(&in->sweep);
	free(in->chunk);
	free(in->room);
	*in = (struct mqueue_instance){0};
}

static int attach(void *block, void *endpoint, const struct rv_host *host,
	struct rv_instance *handle, struct rv_err *e)
{
	struct mqueue_instance *in = block;
	struct mqueue_endpoint *ep = endpoint;
	int r = -ENOMEM;

	in->ep = ep;
	in->budget = 1;
	in->chunk = malloc(MQUEUE_CHUNK + ep->in.message_size);
	event_assign(&in->sweep, host->event_base(handle), -1, 0, mqueue_on_sweep, in);
	if (in->chunk) {
		r = rv_shared_attach(&in->shared, host, handle, &mqueue_shared_ops, ep->in.q,
			on_request, ep->out.q, &ep->max_peers);
	}
	if (r < 0) {
		rv_fail(e, r, "%s: cannot serve: %s", ep->in.name, strerror(-r));
		detach(in);
		return r;
	}
	return 0;
}

static void drain(void *block)
{
	struct mqueue_instance *in = block;
	struct mq_attr attr = {0};

	mqueue_remove(&in->ep->out); /* another endpoint may want the names now */
	if (!in->ep->adopted) {      /* else whoever gave it to us keeps it for the next revd */
		mqueue_remove(&in->ep->in);
		if (mq_getattr(in->ep->in.q, &attr) < 0) {
			attr.mq_curmsgs = 0;
		}
	}
	rv_shared_drain(&in->shared, (size_t)attr.mq_curmsgs);
}

const struct rv_backend_ops mqueue_backend = {
	.magic = REVD_BACKEND_MAGIC,
	.abi = REVD_BACKEND_ABI,
	.size = sizeof(struct rv_backend_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "mqueue",
	.version = REVD_VERSION,
	.caps = RV_CAP_ADOPT_FD | RV_CAP_REPLY_TO,
	.default_mode = 0620,
	.config_size = sizeof(struct mqueue_config),
	.endpoint_size = sizeof(struct mqueue_endpoint),
	.instance_size = sizeof(struct mqueue_instance),
	.peer_size = sizeof(struct mqueue_peer),
	.options = options,
	.check = check,
	.address = address,
	.name_at = name_at,
	.open = mqueue_open,
	.reconfigure = mqueue_reconfigure,
	.close = mqueue_close,
	.attach = attach,
	.drain = drain,
	.detach = detach,
	.resume = rv_shared_resume,
	.peer_close = rv_shared_close,
	.reply_peer = rv_shared_reply_peer,
	.reserve = mqueue_reserve,
	.commit = mqueue_commit,
	.flush = mqueue_flush,
};
