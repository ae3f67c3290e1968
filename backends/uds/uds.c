/*
 * Unix domain sockets, stream and seqpacket, by path or abstract name.
 *
 * Every worker has an instance; all of them listen on the endpoint's one socket, and a
 * connection stays with the worker that accepted it.
 */
#include <event2/event.h>
#include <revd/base/acceptor.h>
#include <revd/base/handover.h>
#include <revd/base/listener.h>
#include <revd/base/stream.h>
#include <stdio.h>
#include "uds/seqpacket.h"

struct uds_instance {
	union { /* by type */
		struct rv_connections connections;
		struct seqpackets packets; /* begins with them */
	};
	struct rv_acceptor acceptor;
	struct rv_listener *listener;
	int type; /* enum rv_listener_type */
};

static const struct rv_option options[] = {
	RV_LISTENER_OPTION_PATH("/run/revd/revd.sock"),
	RV_LISTENER_OPTION_TYPE,
	RV_LISTENER_OPTIONS,
	{0},
};

static void address(const void *config, char *buf, size_t size)
{
	const struct rv_listener_config *c = config;

	snprintf(buf, size, "uds:%s", c->path);
}

static struct rv_peer_info describe(const struct uds_instance *in, int fd)
{
	struct rv_peer_info info = {.flags = in->type == RV_LISTENER_STREAM ? RV_PEER_STREAM : 0};

	rv_listener_identify(in->listener, fd, &info);
	if (in->type == RV_LISTENER_SEQPACKET) {
		seqpacket_prepare(fd, &info);
	}
	return info;
}

static void start(void *ctx, int fd)
{
	struct uds_instance *in = ctx;
	const struct rv_peer_info info = describe(in, fd);

	rv_connection_start(&in->connections, fd, &info);
}

static void hand_over_peer(void *instance, void *peer, struct rv_handover *h)
{
	(void)instance;
	rv_connection_hand_over(peer, h);
}

static int take_over_peer(void *instance, struct rv_takeover *t, void **ret_peer, bool *ret_closing)
{
	struct uds_instance *in = instance;
	int fd = rv_takeover_fd(t);
	struct rv_connection *c;
	struct rv_peer_info info;
	int r;

	if (fd < 0) {
		return -EBADF;
	}
	info = describe(in, fd);
	r = rv_connection_take_over(&in->connections, fd, &info, t, &c, ret_closing);
	if (r == 0) {
		*ret_peer = c;
	}
	return r;
}

static void detach(void *block)
{
	struct uds_instance *in = block;

	rv_connections_finish(in);
	rv_acceptor_finish(&in->acceptor);
}

static int attach(void *block, void *endpoint, const struct rv_host *host,
	struct rv_instance *handle, struct rv_err *e)
{
	static const struct rv_connection_ops stream = {RV_STREAM_SOCKET};
	struct uds_instance *in = block;
	int r;

	in->listener = endpoint;
	in->type = in->listener->cfg->type;
	r = in->type == RV_LISTENER_STREAM
		    ? rv_connections_init(&in->connections, host, handle, &stream, RV_STREAM_READ)
		    : seqpackets_init(&in->packets, host, handle);
	if (r == 0) {
		r = rv_acceptor_init(
			&in->acceptor, rv_listener_use(in->listener), host, handle, start, in);
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
	rv_listener_stop(in->listener);
	rv_connections_drain(&in->connections);
}

const struct rv_backend_ops uds_backend = {
	REVD_BACKEND_HEAD,
	.name = "uds",
	.version = REVD_VERSION,
	.caps = RV_CAP_MULTI_WORKER | RV_CAP_ADOPT_FD | RV_CAP_PEERCRED | RV_CAP_KEEP,
	.default_mode = 0660,
	.config_size = sizeof(struct rv_listener_config),
	.endpoint_size = sizeof(struct rv_listener),
	.instance_size = sizeof(struct uds_instance),
	.peer_size = sizeof(struct rv_connection),
	.options = options,
	.address = address,
	RV_LISTENER_OPS,
	.attach = attach,
	.drain = drain,
	.detach = detach,
	RV_CONNECTION_OPS,
	.handover_version = 1,
	RV_LISTENER_HANDOVER_OPS,
	.hand_over_peer = hand_over_peer,
	.take_over_peer = take_over_peer,
};
