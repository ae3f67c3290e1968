/* Services that must not be loaded; the build makes one for each reason. */
#include <event2/event.h>
#include <revd/service.h>

static int misfit_call(
	void *svc, void *worker, const struct rv_request *request, struct rv_reply *reply)
{
	(void)svc;
	(void)worker;
	(void)request;
	return rv_reply_fail(reply, RV_STATUS_INTERNAL, "this should never run");
}

static const struct rv_option misfit_options[] = {{NULL}};

__attribute__((visibility("default"))) const struct rv_service_ops revd_service;

const struct rv_service_ops revd_service = {
	.magic = MISFIT_MAGIC,
	.abi = MISFIT_ABI,
	.size = sizeof(struct rv_service_ops),
	.libevent = MISFIT_LIBEVENT,
	.name = MISFIT_NAME,
	.version = "1",
	.options = misfit_options,
	.call = misfit_call,
};
