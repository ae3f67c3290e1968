/* The service `echo`: the reply is the request. For tests and measurements. */
#include <event2/event.h>
#include <string.h>
#include <revd/service.h>

static int echo_call(void *svc, void *worker, const struct rv_request *req, struct rv_reply *reply)
{
	uint8_t *p = rv_reply_room(reply, req->len);

	(void)svc;
	(void)worker;
	if (!p) {
		return RV_STATUS_INTERNAL;
	}
	if (req->len > 0) {
		memcpy(p, req->data, req->len);
	}
	reply->len = req->len;
	return RV_STATUS_OK;
}

static const struct rv_option echo_options[] = {
	{.key = NULL},
};

extern const struct rv_service_ops echo_service;

const struct rv_service_ops echo_service = {
	.magic = REVD_SERVICE_MAGIC,
	.abi = REVD_SERVICE_ABI,
	.size = sizeof(struct rv_service_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "echo",
	.version = REVD_VERSION,
	.options = echo_options,
	.call = echo_call,
};
