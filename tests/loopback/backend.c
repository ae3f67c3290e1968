#include <stdio.h>
#include <stdlib.h>
#include "loopback/server.h"

struct loopback_endpoint {
	struct hub *hub; /* NULL: not open */
};

static int check(const void *config, struct rv_err *e)
{
	const struct loopback_config *c = config;

	if (!*c->name) {
		return rv_fail(e, -EINVAL, "name is missing");
	}
	if (c->type == LOOPBACK_MESSAGE &&
		c->max_message + sizeof(struct pipe_head) > c->capacity) {
		return rv_fail(e, -EINVAL, "capacity is too small for a message");
	}
	return 0;
}

static void address(const void *config, char *buf, size_t size)
{
	const struct loopback_config *c = config;

	snprintf(buf, size, "loopback:%s", c->name);
}

static int open_endpoint(void *block, const struct rv_endpoint_info *info, const void *config,
	const int *fds, size_t n_fds, struct rv_err *e)
{
	const struct loopback_config *c = config;
	struct loopback_endpoint *ep = block;
	int r;

	(void)info;
	(void)fds; /* without RV_CAP_ADOPT_FD there are none */
	(void)n_fds;
	r = hub_create(c->name, (enum loopback_type)c->type, c->max_message, c->capacity, &ep->hub);
	if (r < 0) {
		return rv_fail(e, r, "loopback:%s: %s", c->name, strerror(-r));
	}
	return 0;
}

static void close_endpoint(void *block)
{
	struct loopback_endpoint *ep = block;

	if (ep->hub) {
		hub_destroy(ep->hub);
		ep->hub = NULL;
	}
}

static void detach(void *block)
{
	struct loopback_instance *in = block;
	struct loopback *conn;

	if (!in->attached) {
		return;
	}
	in->drained = true; /* nobody asks any more */
	hub_listen(in->hub, false);
	event_del(&in->event);
	while (in->peers) {
		loopback_peer_end(in->peers);
	}
	while ((conn = hub_next(in->hub))) {
		conn_close(conn);
	}
	rv_writer_finish(&in->out);
	free(in->chunk);
	*in = (struct loopback_instance){0};
}

static int attach(void *block, void *endpoint, const struct rv_host *host,
	struct rv_instance *handle, struct rv_err *e)
{
	struct loopback_instance *in = block;
	struct loopback_endpoint *ep = endpoint;

	*in = (struct loopback_instance){.hub = ep->hub, .attached = true};
	loopback_writer_init(in, host, handle);
	in->chunk = malloc(LOOPBACK_CHUNK + in->hub->max_message);
	event_assign(&in->event, host->event_base(handle), in->hub->wake_fd, EV_READ | EV_PERSIST,
		loopback_on_wake, in);
	if (!in->chunk || event_add(&in->event, NULL) < 0) {
		detach(in);
		return rv_fail(e, -ENOMEM, "loopback:%s: no memory", ep->hub->name);
	}
	hub_listen(in->hub, true);
	return 0;
}

static void drain(void *block)
{
	struct loopback_instance *in = block;
	struct loopback *conn;

	in->draining = true;
	hub_listen(in->hub, false);
	hub_unregister(in->hub);
	while ((conn = hub_next(in->hub))) {
		if (!conn->peer) {
			loopback_accept(in, conn); /* it connected before */
		}
	}
	for (struct loopback_peer *p = in->peers; p; p = p->next) {
		conn_close_input(p->conn);
		hub_wake(p->conn);
	}
	loopback_check_drained(in);
}

static const char *const types[] = {"stream", "message", NULL};

static const struct rv_option options[] = {
	{.key = "name",
		.def = "",
		.help = "what loopback_connect() is given",
		.type = RV_STRING,
		.offset = offsetof(struct loopback_config, name)},
	{.key = "type",
		.def = "stream",
		.help = "what a connection carries",
		.type = RV_ENUM,
		.choices = types,
		.offset = offsetof(struct loopback_config, type)},
	{.key = "max_message",
		.def = "8K",
		.help = "largest message",
		.type = RV_SIZE,
		.min = 64,
		.max = 16u << 20,
		.offset = offsetof(struct loopback_config, max_message)},
	{.key = "capacity",
		.def = "64K",
		.help = "what a connection holds in each direction",
		.type = RV_SIZE,
		.min = 1,
		.max = 64u << 20,
		.offset = offsetof(struct loopback_config, capacity)},
	{0},
};

const struct rv_backend_ops loopback_backend = {
	REVD_BACKEND_HEAD,
	.name = "loopback",
	.version = REVD_VERSION,
	.caps = 0,
	.default_mode = 0600,
	.config_size = sizeof(struct loopback_config),
	.endpoint_size = sizeof(struct loopback_endpoint),
	.instance_size = sizeof(struct loopback_instance),
	.peer_size = sizeof(struct loopback_peer),
	.options = options,
	.check = check,
	.address = address,
	.open = open_endpoint,
	.close = close_endpoint,
	.attach = attach,
	.drain = drain,
	.detach = detach,
	.resume = loopback_resume,
	.peer_close = loopback_peer_close,
	RV_WRITER_OPS,
};
