/*
 * Shared memory: a Unix socket vouches for who the client is and hands it the memory,
 * <revd/shm.h>, through which everything else goes.
 *
 * The memory takes nothing on trust that the client can write to, and each client has
 * its own: whatever it does there, nobody else notices.
 */
#include "shm/shm.h"

#include <event2/event.h>
#include <revd/base/acceptor.h>
#include <revd/base/handover.h>
#include <stdio.h>
#include "shm/client.h"

struct shm_instance {
	struct shm_clients clients;
	struct rv_acceptor acceptor;
	struct rv_listener *listener;
};

static const struct rv_option options[] = {
	RV_LISTENER_OPTION_PATH("/run/revd/revd.shm"),
	{
		.key = "ring_size",
		.def = "256K",
		.help = "bytes on the way to revd, and on the way back, of each client",
		.type = RV_SIZE,
		.min = RV_SHM_SIZE_MIN,
		.max = RV_SHM_SIZE_MAX,
		.offset = offsetof(struct shm_config, ring_size),
	},
	RV_LISTENER_OPTIONS,
	{0},
};

static int check(const void *config, struct rv_err *e)
{
	const struct shm_config *c = config;
	int r = rv_listener_check(&c->listener, e);

	if (r == 0 && c->ring_size & (c->ring_size - 1)) {
		e->key = "ring_size";
		r = rv_fail(e, -EINVAL, "must be a power of two");
	}
	return r;
}

static void address(const void *config, char *buf, size_t size)
{
	const struct shm_config *c = config;

	snprintf(buf, size, "shm:%s", c->listener.path);
}

static int reconfigure(
	void *endpoint, const struct rv_endpoint_info *info, const void *config, struct rv_err *e)
{
	const struct rv_listener *l = endpoint;
	const struct shm_config *old = (const struct shm_config *)l->cfg, *c = config;

	return c->ring_size != old->ring_size ? -EBUSY
					      : rv_listener_reconfigure(endpoint, info, config, e);
}

static void start(void *ctx, int sock)
{
	struct shm_instance *in = ctx;
	struct rv_peer_info info = {.flags = RV_PEER_STREAM};

	rv_listener_identify(in->listener, sock, &info);
	shm_client_start(&in->clients, sock, &info);
}

static int take_over_peer(void *instance, struct rv_takeover *t, void **ret_peer, bool *ret_closing)
{
	struct shm_instance *in = instance;
	struct rv_peer_info info = {.flags = RV_PEER_STREAM};
	int sock = rv_takeover_fd(t), r;
	struct rv_connection *c;

	if (sock < 0) {
		return -EBADF;
	}
	rv_listener_identify(in->listener, sock, &info);
	r = shm_client_take_over(&in->clients, sock, &info, t, &c, ret_closing);
	if (r == 0) {
		*ret_peer = c;
	}
	return r;
}

static void detach(void *block)
{
	struct shm_instance *in = block;

	rv_connections_finish(in);
	rv_acceptor_finish(&in->acceptor);
}

static int attach(void *block, void *endpoint, const struct rv_host *host,
	struct rv_instance *handle, struct rv_err *e)
{
	struct shm_instance *in = block;
	const struct shm_config *c;
	int r;

	in->listener = endpoint;
	c = (const struct shm_config *)in->listener->cfg;
	r = shm_clients_init(&in->clients, host, handle, (uint32_t)c->ring_size);
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
	struct shm_instance *in = block;

	rv_acceptor_drain(&in->acceptor);
	rv_listener_stop(in->listener);
	rv_connections_drain(&in->clients.connections);
}

const struct rv_backend_ops shm_backend = {
	REVD_BACKEND_HEAD,
	.name = "shm",
	.version = REVD_VERSION,
	.caps = RV_CAP_MULTI_WORKER | RV_CAP_ADOPT_FD | RV_CAP_PEERCRED,
	.default_mode = 0660,
	.config_size = sizeof(struct shm_config),
	.endpoint_size = sizeof(struct rv_listener),
	.instance_size = sizeof(struct shm_instance),
	.peer_size = sizeof(struct shm_client),
	.options = options,
	.address = address,
	.check = check,
	.name_at = rv_listener_name_at,
	.open = rv_listener_open,
	.reconfigure = reconfigure,
	.close = rv_listener_close,
	.attach = attach,
	.drain = drain,
	.detach = detach,
	.poll = shm_clients_poll,
	RV_CONNECTION_OPS,
	.handover_version = 1,
	RV_LISTENER_HANDOVER_OPS,
	.hand_over_peer = shm_client_hand_over,
	.take_over_peer = take_over_peer,
};
