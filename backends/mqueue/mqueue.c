#include "mqueue/internal.h"

#include <limits.h>
#include <stdio.h>

static const struct rv_option options[] = {
	{.key = "queue",
		.def = "/revd",
		.help = "the request queue; replies to lines go to QUEUE.out",
		.type = RV_STRING,
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

	if (name[0] != '/' || n < 2 || strchr(name + 1, '/')) {
		return rv_fail(e, -EINVAL, "queue must be a slash and a name without slashes");
	}
	if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0) {
		return rv_fail(e, -EINVAL, "queue is a reserved name");
	}
	if (n + 1 + RV_TOKEN_MAX > NAME_MAX) {
		return rv_fail(e, -ENAMETOOLONG, "queue is too long, %d characters at most",
			NAME_MAX - RV_TOKEN_MAX - 1);
	}
	return 0;
}

static void address(const void *config, char *buf, size_t size)
{
	const struct mqueue_config *c = config;

	snprintf(buf, size, "mqueue:%s", c->queue);
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
	.open = mqueue_open,
	.reconfigure = mqueue_reconfigure,
	.close = mqueue_close,
	.attach = mqueue_attach,
	.drain = mqueue_drain,
	.detach = mqueue_detach,
	.resume = mqueue_resume,
	.peer_close = mqueue_peer_close,
	.reply_peer = mqueue_reply_peer,
	.reserve = mqueue_reserve,
	.commit = mqueue_commit,
	.flush = mqueue_flush,
};
