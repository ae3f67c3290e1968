/*
 * A service that is bad at runs of lines: what it returns depends on the first byte.
 * Alone, a request gets back the word "call"; in a run, the word "run". Built twice:
 * as RUNS_ALONE it has no lines().
 */
#include <event2/event.h>
#include <string.h>
#include <revd/service.h>

static int runs_call(
	void *svc, void *worker, const struct rv_request *request, struct rv_reply *reply)
{
	uint8_t *p = rv_reply_room(reply, 4);

	(void)svc;
	(void)worker;
	(void)request;
	if (!p) {
		return RV_STATUS_INTERNAL;
	}
	memcpy(p, "call", 4);
	reply->len = 4;
	return RV_STATUS_OK;
}

static void runs_lines(void *svc, void *worker, struct rv_lines *l)
{
	const uint8_t *lf = memchr(l->in, '\n', l->n);

	(void)svc;
	(void)worker;
	if (l->room < 4) {
		return;
	}
	memcpy(l->out, "run\n", 4);
	l->taken = l->in[0] == 't' ? l->n + 1 : (size_t)(lf - l->in) + 1;
	l->used = l->in[0] == 'u' ? l->room + 1 : 4;
	l->lines = l->in[0] != 'l';
}

static const struct rv_option runs_options[] = {{NULL}};

__attribute__((visibility("default"))) const struct rv_service_ops revd_service;

const struct rv_service_ops revd_service = {
	.magic = REVD_SERVICE_MAGIC,
	.abi = REVD_SERVICE_ABI,
	.size = sizeof(struct rv_service_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = RUNS_ALONE ? "runs-alone" : "runs",
	.version = "1",
	.options = runs_options,
	.call = runs_call,
	.lines = RUNS_ALONE ? NULL : runs_lines,
};
