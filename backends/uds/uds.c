/*
 * Unix domain sockets, stream and seqpacket, by path or abstract name.
 *
 * Every worker has an instance; all of them listen on the endpoint's one socket, and a
 * connection stays with the worker that accepted it.
 */
#include <event2/event.h>
#include <revd/base/acceptor.h>
#include <revd/base/listener.h>
#include <revd/base/stream.h>
#include <stdio.h>
#include "uds/seqpacket.h"

enum uds_type { UDS_STREAM, UDS_SEQPACKET };

struct uds_config {
	struct rv_listener_config listener;
	int type; /* enum uds_type */
};

struct uds_endpoint {
	struct rv_listener listener;
	int type;
};

struct uds_instance {
	union { /* by type; both begin with their struct rv_connections */
		struct rv_connections connections;
		struct rv_streams streams;
		struct seqpackets packets;
	};
	struct rv_acceptor acceptor;
	struct uds_endpoint *ep;
	int type;
};

union uds_peer {
	struct rv_stream stream;
	struct seqpacket packet;
};

static const char *const types[] = {"stream", "seqpacket", NULL};

static const struct rv_option options[] = {
	RV_LISTENER_OPTION_PATH(struct uds_config, listener, "/run/revd/revd.sock"),
	{.key = "type",
		.def = "stream",
		.help = "what a connection carries: bytes, or a message in each packet",
		.type = RV_ENUM,
		.choices = types,
		.offset = offsetof(struct uds_config, type)},
	RV_LISTENER_OPTIONS(struct uds_config, listener),
	{0},
};

static int check(const void *config, struct rv_err *e)
{
	const struct uds_config *c = config;

	return rv_listener_check(&c->listener, e);
}

static void address(const void *config, char *buf, size_t size)
{
	const struct uds_config *c = config;

	snprintf(buf, size, "uds:%s", c->listener.path);
}

static bool name_at(const void *config, size_t i, char *buf, size_t size)
{
	const struct uds_config *c = config;

	return rv_listener_name_at(&c->listener, i, buf, size);
}

static int open_(void *block, const struct rv_endpoint_info *info, const void *config,
	const int *fds, size_t n_fds, struct rv_err *e)
{
	const struct uds_config *c = config;
	struct uds_endpoint *ep = block;

	ep->type = c->type;
	return rv_listener_open(&ep->listener, c->type == UDS_STREAM ? SOCK_STREAM : SOCK_SEQPACKET,
		&c->listener, info, fds, n_fds, e);
}

static int reconfigure(
	void *block, const struct rv_endpoint_info *info, const void *config, struct rv_err *e)
{
	const struct uds_config *c = config;
	struct uds_endpoint *ep = block;

	return c->type != ep->type ? -EBUSY
				   : rv_listener_reconfigure(&ep->listener, &c->listener, info, e);
}

static void close_(void *block)
{
	struct uds_endpoint *ep = block;

	rv_listener_close(&ep->listener);
}

static void start(void *ctx, int fd)
{
	struct uds_instance *in = ctx;
	struct rv_peer_info info = {.flags = in->type == UDS_STREAM ? RV_PEER_STREAM : 0};

	rv_listener_identify(&in->ep->listener, fd, &info);
	if (in->type == UDS_STREAM) {
		rv_stream_start(&in->streams, fd, &info);
	} else {
		seqpacket_start(&in->packets, fd, &info);
	}
}

static void detach(void *block)
{
	struct uds_instance *in = block;

	if (in->type == UDS_STREAM) {
		rv_streams_finish(&in->streams);
	} else {
		seqpackets_finish(&in->packets);
	}
	rv_acceptor_finish(&in->acceptor);
}

static int attach(void *block, void *endpoint, const struct rv_host *host,
	struct rv_instance *handle, struct rv_err *e)
{
	static const struct rv_stream_ops stream_ops = {RV_STREAM_SOCKET};
	struct uds_endpoint *ep = endpoint;
	struct uds_instance *in = block;
	int r;

	in->ep = ep;
	in->type = ep->type;
	r = in->type == UDS_STREAM ? rv_streams_init(&in->streams, host, handle, &stream_ops)
				   : seqpackets_init(&in->packets, host, handle);
	if (r == 0) {
		r = rv_acceptor_init(
			&in->acceptor, rv_listener_use(&ep->listener), host, handle, start, in);
	}
	if (r < 0) {
		detach(in);
		return rv_fail(e, r, "out of memory");
	}
	return 0;
}

static void drain(void *block)
{
	struct uds_instance *in = block;

	rv_acceptor_drain(&in->acceptor);
	rv_listener_stop(&in->ep->listener);
	rv_connections_drain(&in->connections);
}

const struct rv_backend_ops uds_backend = {
	.magic = REVD_BACKEND_MAGIC,
	.abi = REVD_BACKEND_ABI,
	.size = sizeof(struct rv_backend_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "uds",
	.version = REVD_VERSION,
	.caps = RV_CAP_MULTI_WORKER | RV_CAP_ADOPT_FD | RV_CAP_PEERCRED,
	.default_mode = 0660,
	.config_size = sizeof(struct uds_config),
	.endpoint_size = sizeof(struct uds_endpoint),
	.instance_size = sizeof(struct uds_instance),
	.peer_size = sizeof(union uds_peer),
	.options = options,
	.check = check,
	.address = address,
	.name_at = name_at,
	.open = open_,
	.reconfigure = reconfigure,
	.close = close_,
	.attach = attach,
	.drain = drain,
	.detach = detach,
	RV_CONNECTION_OPS,
};
