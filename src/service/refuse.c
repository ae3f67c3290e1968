/*
 * The service `refuse`: every request is denied, at once. For an address that clients
 * know and that shall not be served: nobody waits there for an answer.
 */
#include <event2/event.h>
#include <revd/service.h>

struct refuse_config {
	const char *reason;
};

static int refuse_open(void *svc, const void *cfg, struct rv_err *err)
{
	(void)err;
	*(struct refuse_config *)svc = *(const struct refuse_config *)cfg;
	return 0;
}

static int refuse_call(
	void *svc, void *worker, const struct rv_request *req, struct rv_reply *reply)
{
	const struct refuse_config *c = svc;

	(void)worker;
	(void)req;
	return rv_reply_fail(reply, RV_STATUS_DENIED, "%s", c->reason);
}

static const struct rv_option refuse_options[] = {
	{.key = "reason",
		.def = "nothing is served here",
		.help = "what clients are told",
		.type = RV_STRING,
		.live = true,
		.offset = offsetof(struct refuse_config, reason)},
	{0},
};

extern const struct rv_service_ops refuse_service;

const struct rv_service_ops refuse_service = {
	.magic = REVD_SERVICE_MAGIC,
	.abi = REVD_SERVICE_ABI,
	.size = sizeof(struct rv_service_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "refuse",
	.version = REVD_VERSION,
	.config_size = sizeof(struct refuse_config),
	.service_size = sizeof(struct refuse_config),
	.options = refuse_options,
	.open = refuse_open,
	.call = refuse_call,
};
