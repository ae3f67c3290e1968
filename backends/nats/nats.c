/*
 * Transport "nats": requests by way of a NATS broker, whose subject may be served by many.
 * A plugin: revd itself does not link the library.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include "nats/connection.h"
#include "nats/input.h"
#include "nats/threads.h"

#define LEAVE_US 5000    /* between looks at whether another endpoint has taken over */
#define PATIENCE 400     /* such looks */
#define GOODBYE_MS 1000u /* for what is left to say at the end of the process */

static const struct rv_option options[] = {
	{.key = "url",
		.def = "nats://127.0.0.1:4222",
		.help = "the brokers, nats://HOST:PORT or tls://HOST:PORT, separated by blanks or "
			"commas",
		.type = RV_STRING,
		.min = 1,
		.offset = offsetof(struct nats_config, url)},
	{.key = "subject",
		.def = "revd.reverse",
		.help = "the subject of the requests",
		.type = RV_STRING,
		.min = 1,
		.offset = offsetof(struct nats_config, subject)},
	{.key = "queue",
		.def = "revd",
		.help = "the queue group: each request goes to one of its members",
		.type = RV_STRING,
		.min = 1,
		.offset = offsetof(struct nats_config, queue)},
	{.key = "credentials",
		.def = "",
		.help = "the file with the user's JWT and seed",
		.type = RV_PATH,
		.offset = offsetof(struct nats_config, credentials)},
	{.key = "tls_ca",
		.def = "",
		.help = "the file with the certificates that the broker's is checked against",
		.type = RV_PATH,
		.offset = offsetof(struct nats_config, tls_ca)},
	{.key = "tls_cert",
		.def = "",
		.help = "the file with our own certificate",
		.type = RV_PATH,
		.offset = offsetof(struct nats_config, tls_cert)},
	{.key = "tls_key",
		.def = "",
		.help = "and with its key",
		.type = RV_PATH,
		.offset = offsetof(struct nats_config, tls_key)},
	{.key = "max_pending",
		.def = "8M",
		.help = "bytes that may wait for the broker",
		.type = RV_SIZE,
		.live = true,
		.min = 64u << 10,
		.max = 1u << 30,
		.offset = offsetof(struct nats_config, max_pending)},
	{0},
};

static bool name_at(const void *cfg, size_t i, char *buf, size_t size)
{
	nats_address(cfg, buf, size);
	return i == 0;
}

/* The end. */

static void leave_later(struct nats_instance *in)
{
	const struct timeval tv = {.tv_usec = LEAVE_US};

	event_add(&in->leave, &tv);
}

/* A reload opens the endpoint that takes the place of this one right after it was told to
 * drain: nobody is to find the subject without a server meanwhile. */
static void on_leave(int fd, short what, void *arg)
{
	struct nats_instance *in = arg;

	(void)fd;
	(void)what;
	if (in->nc && nats_endpoint_is_replaced(in->ep) && in->patience++ < PATIENCE) {
		leave_later(in);
	} else {
		nats_connection_unsubscribe(in);
	}
}

static void drain(void *block)
{
	struct nats_instance *in = block;

	in->draining = true;
	leave_later(in);
}

static void end_one(void *peer, void *arg)
{
	(void)arg;
	nats_peer_end(peer);
}

static void detach(void *block)
{
	struct nats_instance *in = block;

	if (!in->attached) {
		return;
	}
	in->attached = false;
	in->drained = true; /* nobody asks any more */
	nats_connection_finish(in);
	nats_release(in);
	in->host->each_peer(in->handle, end_one, NULL);
	rv_peer_cache_finish(&in->cache);
	nats_publish_finish(in);
	nats_output_finish(&in->out);
}

static int start(struct nats_instance *in, struct rv_err *e)
{
	natsOptions *opts = NULL;
	int r = nats_options_make(in->ep->cfg, &opts, e);

	if (r < 0) {
		return r;
	}
	r = nats_link_create(opts, in->host, in->handle, nats_connection_news, &in->link);
	if (r < 0) {
		natsOptions_Destroy(opts);
		return rv_fail(e, r, "cannot start a thread: %s", strerror(-r));
	}
	r = nats_peer_new(in, NULL, &in->source);
	if (r < 0) {
		return rv_fail(e, r, "no memory");
	}
	nats_link_connect(in->link);
	return 0;
}

static int attach(void *block, void *endpoint, const struct rv_host *host,
	struct rv_instance *handle, struct rv_err *e)
{
	struct nats_instance *in = block;
	int r;

	if (host->size <= offsetof(struct rv_host, totals)) {
		return rv_fail(e, -EINVAL, "this revd is older than its transport nats");
	}
	*in = (struct nats_instance){
		.host = host, .handle = handle, .ep = endpoint, .attached = true};
	event_assign(&in->leave, host->event_base(handle), -1, 0, on_leave, in);
	nats_connection_init(in);
	r = start(in, e);
	if (r < 0) {
		detach(in);
	}
	return r;
}

static void resume(void *block, void *peer)
{
	struct nats_instance *in = block;

	if (peer == in->source && in->stopped) {
		in->stopped = false;
		event_active(&in->again, EV_TIMEOUT, 0);
	}
}

static void finish(void)
{
	nats_threads_wait(GOODBYE_MS);
}

__attribute__((visibility("default"))) extern const struct rv_backend_ops revd_backend;

const struct rv_backend_ops revd_backend = {
	REVD_BACKEND_HEAD,
	.name = "nats",
	.version = REVD_VERSION,
	.caps = RV_CAP_MULTI_WORKER,
	.config_size = sizeof(struct nats_config),
	.endpoint_size = sizeof(struct nats_endpoint),
	.instance_size = sizeof(struct nats_instance),
	.peer_size = sizeof(struct nats_peer),
	.options = options,
	.check = nats_check,
	.address = nats_address,
	.name_at = name_at,
	.open = nats_open,
	.reconfigure = nats_reconfigure,
	.close = nats_close,
	.attach = attach,
	.drain = drain,
	.detach = detach,
	.resume = resume,
	.peer_close = nats_peer_close,
	.reserve = nats_reserve,
	.commit = nats_commit,
	.commit_error = nats_commit_error,
	.flush = nats_flush,
	.finish = finish,
};
