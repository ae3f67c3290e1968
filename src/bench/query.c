#include "bench/query.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <revd/client.h>
#include "util/clock.h"

#define TIMEOUT_NS 5000000000u

static int ask(struct revc *c, const char *uri, enum rv_op op, const char *text,
	struct revc_reply *reply, struct rv_err *err)
{
	int r = revc_call(c, op, text, strlen(text), clock_now() + TIMEOUT_NS, reply);
	struct revc_err e;

	if (r < 0) {
		revc_error(c, &e);
		return bench_fail(err, r, "%s", e.text);
	}
	if (reply->status != RV_STATUS_OK) {
		return bench_fail(err, -EPROTO, "%s: %.*s", uri, (int)MIN(reply->len, 200u),
			(const char *)reply->data);
	}
	return 0;
}

static int ask_info(struct query *q, struct revc *c, const char *uri, struct rv_err *err)
{
	struct revc_reply reply;
	const char *version;
	json_t *info;
	int r = ask(c, uri, RV_OP_INFO, "", &reply, err);

	if (r < 0) {
		return r;
	}
	info = json_loadb((const char *)reply.data, reply.len, 0, NULL);
	version = json_string_value(json_object_get(info, "version"));
	snprintf(q->version, sizeof(q->version), "%s", version ? version : "");
	q->pid = (pid_t)json_integer_value(json_object_get(info, "pid"));
	json_decref(info);
	return 0;
}

static bool is_text(const struct revc_reply *reply, const char *text)
{
	return reply->len == strlen(text) && memcmp(reply->data, text, reply->len) == 0;
}

static int ask_service(struct query *q, struct revc *c, const char *uri, struct rv_err *err)
{
	struct revc_reply reply;
	int r = ask(c, uri, RV_OP_CALL, "abc def", &reply, err);

	if (r < 0) {
		return r;
	}
	q->reverse = is_text(&reply, "fed cba");
	if (!q->reverse && !is_text(&reply, "abc def")) {
		return bench_fail(err, -EPROTO,
			"%s: its service neither reverses nor echoes, so its replies can't be"
			" checked",
			uri);
	}
	return 0;
}

static int find_transport(struct query *q, struct revc *c, const char *uri, struct rv_err *err)
{
	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		q->transport = (enum bench_transport)i;
		if (strcmp(revc_transport(c), bench_transport_name(q->transport)) == 0) {
			return 0;
		}
	}
	return bench_fail(err, -ENOTSUP, "%s: %s can't be measured", uri, revc_transport(c));
}

int query_daemon(struct query *q, const char *uri, struct rv_err *err)
{
	struct revc_options o = {.timeout_us = TIMEOUT_NS / 1000};
	struct revc_err e;
	struct revc *c;
	int r = revc_open(uri, &o, &c, &e);

	if (r < 0) {
		return bench_fail(err, r, "%s", e.text);
	}
	r = find_transport(q, c, uri, err);
	r = r < 0 ? r : ask_info(q, c, uri, err);
	r = r < 0 ? r : ask_service(q, c, uri, err);
	revc_close(c);
	return r;
}
