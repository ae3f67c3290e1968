/* The service `burn`: costs a fixed amount of CPU time, and answers with what was sent. */
#include <event2/event.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <revd/service.h>

#define COST_NS 100000

static int64_t cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int burn_call(
	void *svc, void *worker, const struct rv_request *request, struct rv_reply *reply)
{
	int64_t end = cpu_now() + COST_NS;
	uint8_t *p = rv_reply_room(reply, request->len);

	(void)svc;
	(void)worker;
	if (!p) {
		return RV_STATUS_INTERNAL;
	}
	while (cpu_now() < end) {
	}
	memcpy(p, request->data, request->len);
	reply->len = request->len;
	return RV_STATUS_OK;
}

static const struct rv_option burn_options[] = {{NULL}};

__attribute__((visibility("default"))) const struct rv_service_ops revd_service;

const struct rv_service_ops revd_service = {
	.magic = REVD_SERVICE_MAGIC,
	.abi = REVD_SERVICE_ABI,
	.size = sizeof(struct rv_service_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "burn",
	.version = "1",
	.options = burn_options,
	.call = burn_call,
};
