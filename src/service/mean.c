/* The service `mean`: the text is a list of numbers, the reply their mean. */
#include <event2/event.h>
#include <string.h>
#include <revd/service.h>
#include "util/decimal.h"
#include "util/mean.h"

struct mean_config {
	uint64_t decimals;
};

static int mean_open(void *svc, const void *cfg, struct rv_err *err)
{
	(void)err;
	*(struct mean_config *)svc = *(const struct mean_config *)cfg;
	return 0;
}

static int mean_call(void *svc, void *worker, const struct rv_request *req, struct rv_reply *reply)
{
	const struct mean_config *c = svc;
	uint8_t *p = rv_reply_room(reply, DECIMAL_TEXT);
	char sentence[MEAN_SENTENCE];
	struct mean_error err;
	double mean;

	(void)worker;
	if (!p) {
		return RV_STATUS_INTERNAL;
	}
	if (mean_of_list(req->data, req->len, &mean, &err) < 0) {
		return rv_reply_fail(
			reply, RV_STATUS_INVALID_TEXT, "%s", mean_sentence(&err, sentence));
	}
	reply->len = strlen(decimal_format(mean, (unsigned)c->decimals, (char *)p));
	return RV_STATUS_OK;
}

static const struct rv_option mean_options[] = {
	{.key = "decimals",
		.def = "2",
		.help = "Digits of the reply behind the point",
		.type = RV_UINT,
		.max = DECIMAL_PLACES_MAX,
		.offset = offsetof(struct mean_config, decimals)},
	{.key = NULL},
};

extern const struct rv_service_ops mean_service;

const struct rv_service_ops mean_service = {
	.magic = REVD_SERVICE_MAGIC,
	.abi = REVD_SERVICE_ABI,
	.size = sizeof(struct rv_service_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "mean",
	.version = REVD_VERSION,
	.config_size = sizeof(struct mean_config),
	.service_size = sizeof(struct mean_config),
	.options = mean_options,
	.open = mean_open,
	.call = mean_call,
};
