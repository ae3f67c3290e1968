#include "fifo/fifo.h"

#include <limits.h>
#include <stdio.h>

static const struct rv_option options[] = {
	{.key = "path",
		.def = "/run/revd/revd.fifo",
		.help = "the request FIFO; replies to lines go to PATH.out",
		.type = RV_PATH,
		.offset = offsetof(struct fifo_config, path)},
	{.key = "reply_dir",
		.def = "",
		.help = "where clients make their reply FIFOs; default PATH.d",
		.type = RV_PATH,
		.offset = offsetof(struct fifo_config, reply_dir)},
	{0},
};

static int check(const void *config, struct rv_err *e)
{
	const struct fifo_config *c = config;
	size_t n = strlen(c->path);

	if (n == 0) {
		return rv_fail(e, -EINVAL, "path is missing");
	}
	if (n + sizeof(".lock") > PATH_MAX || strlen(c->reply_dir) >= PATH_MAX) {
		return rv_fail(e, -ENAMETOOLONG, "path or reply_dir is too long");
	}
	if (c->path[n - 1] == '/') {
		return rv_fail(e, -EINVAL, "path ends in a slash, a FIFO is meant");
	}
	if (strcmp(c->path, c->reply_dir) == 0) {
		return rv_fail(e, -EINVAL, "path and reply_dir are the same");
	}
	return 0;
}

static void address(const void *config, char *buf, size_t size)
{
	const struct fifo_config *c = config;

	snprintf(buf, size, "fifo:%s", c->path);
}

const struct rv_backend_ops fifo_backend = {
	.magic = REVD_BACKEND_MAGIC,
	.abi = REVD_BACKEND_ABI,
	.size = sizeof(struct rv_backend_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "fifo",
	.version = REVD_VERSION,
	.caps = RV_CAP_ADOPT_FD | RV_CAP_REPLY_TO,
	.default_mode = 0620,
	.config_size = sizeof(struct fifo_config),
	.endpoint_size = sizeof(struct fifo_endpoint),
	.instance_size = sizeof(struct fifo_instance),
	.peer_size = sizeof(struct fifo_peer),
	.options = options,
	.check = check,
	.address = address,
	.open = fifo_open,
	.reconfigure = fifo_reconfigure,
	.close = fifo_close,
	.attach = fifo_attach,
	.drain = fifo_drain,
	.detach = fifo_detach,
	.resume = fifo_resume,
	.peer_close = fifo_peer_close,
	.reply_peer = fifo_reply_peer,
	.reserve = fifo_reserve,
	.commit = fifo_commit,
	.flush = fifo_flush,
};
