/*
 * Transport "mqueue": one POSIX request queue /NAME for all senders; /NAME.out
 * for the replies to lines; and for each client of frames its own reply queue,
 * /NAME.TOKEN, which it makes and the daemon opens.
 */
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include "mqueue/messages.h"

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

static void detach(void *block)
{
	struct mqueue_instance *in = block;

	if (in->shared.attached) {
		event_del(&in->sweep);
	}
	rv_shared_detach(&in->shared);
}

static int attach(void *block, void *endpoint, const struct rv_host *host,
	struct rv_instance *handle, struct rv_err *e)
{
	struct mqueue_instance *in = block;
	struct mqueue_endpoint *ep = endpoint;

	*in = (struct mqueue_instance){.ep = ep, .budget = 1};
	in->shared = (struct rv_shared){.ops = &mqueue_shared_ops,
		.name = ep->in.name,
		.input_fd = ep->in.q,
		.line_fd = ep->out.q,
		.max_peers = &ep->max_peers,
		.buf_size = MQUEUE_CHUNK + ep->in.message_size};
	event_assign(&in->sweep, host->event_base(handle), -1, 0, mqueue_on_sweep, in);
	return rv_shared_attach(&in->shared, host, handle, e);
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
	REVD_BACKEND_HEAD,
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
	RV_SHARED_REPLY_OPS,
	.handover_version = 1,
	.hand_over = mqueue_hand_over,
	.take_over = mqueue_take_over,
	.hand_over_peer = rv_shared_hand_over_peer,
	.take_over_peer = rv_shared_take_over_peer,
};
