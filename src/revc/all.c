#include "revc/all.h"

#include <stdio.h>
#include <string.h>
#include "librevc/error.h"
#include "proto/status.h"
#include "revc/answer.h"
#include "revc/signals.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/quote.h"

/* What an endpoint had to say. */
struct answer {
	const char *status; /* of the reply, or "unreachable" */
	const uint8_t *data;
	size_t n;
	double ms;
	int exit_code;
};

/* Where an endpoint is. */
struct place {
	const char *name, *address;
};

static void show_json(const struct place *ep, const struct answer *a)
{
	bool ok = a->exit_code == 0;
	struct json_writer j = {.file = stdout};

	json_write_object(&j, NULL);
	json_write_string(&j, "name", ep->name);
	json_write_string(&j, "endpoint", ep->address);
	if (!ok) {
		json_write_null(&j, "reply");
	}
	json_write_text(&j, ok ? "reply" : "error", a->data, a->n);
	json_write_string(&j, "status", a->status);
	json_write_double(&j, "ms", a->ms, 3);
	json_write_end(&j);
	(void)putchar('\n');
}

static void show_row(const struct place *ep, const struct answer *a, int width)
{
	char address[REVC_URI_MAX], said[400];

	quote_text(ep->address, strlen(ep->address), address, sizeof(address));
	quote_text(a->data, a->n, said, sizeof(said));
	if (a->exit_code == 0) {
		(void)printf("%-*s  %8.3f ms  %s\n", width, address, a->ms, said);
	} else {
		(void)printf("%-*s  %11s  %s%s%s\n", width, address, "-", a->status,
			a->n > 0 ? ": " : "", said);
	}
}

static int call(const struct arguments *o, struct revc *s, struct revc_reply *reply)
{
	uint64_t timeout = o->session.timeout_us ? o->session.timeout_us : REVC_TIMEOUT_US;
	const char *text = o->n > 0 ? o->operands[0] : "pong";

	return revc_call(s, o->n > 0 ? RV_OP_CALL : RV_OP_PING, text, strlen(text),
		clock_now() + timeout * 1000, reply);
}

static void fail(struct answer *a, const struct revc_err *err)
{
	const char *colon = strstr(err->text, ": ");

	/* the sentence without the address, which is in the row */
	a->data = (const uint8_t *)(colon ? colon + 2 : err->text);
	a->n = strlen((const char *)a->data);
	a->status = "unreachable";
	a->exit_code = err->exit_code;
}

/* s: for the caller to close when a->data is not needed any more. */
static void ask(const struct arguments *o, const char *uri, struct answer *a, struct revc **s,
	struct revc_err *err)
{
	struct revc_reply reply;
	uint64_t start;

	if (signals_open(uri, &o->session, s, err) < 0) {
		*s = NULL;
		fail(a, err);
		return;
	}
	start = clock_now();
	if (call(o, *s, &reply) < 0) {
		revc_error(*s, err);
		fail(a, err);
		return;
	}
	a->ms = (double)(clock_now() - start) / 1e6;
	a->status = status_name(reply.status) ? status_name(reply.status) : "unknown-status";
	a->data = reply.data;
	a->n = reply.len;
	a->exit_code = reply.status == RV_STATUS_OK                  ? 0
		       : status_is_transient((unsigned)reply.status) ? EXIT_TRY_LATER
								     : 1;
}

static int ask_and_show(const struct arguments *o, const struct place *ep, int width)
{
	struct revc_err err = {0};
	struct revc *s = NULL;
	struct answer a = {0};

	if (revc_uri_check(ep->address, &err)) {
		ask(o, ep->address, &a, &s, &err);
	} else {
		fail(&a, &err);
	}
	if (o->json) {
		show_json(ep, &a);
	} else {
		show_row(ep, &a, width);
	}
	signals_close(s);
	return a.exit_code;
}

static struct place place_of(const json_t *endpoint)
{
	const char *name = json_string_value(json_object_get(endpoint, "endpoint"));
	const char *address = json_string_value(json_object_get(endpoint, "address"));

	return (struct place){.name = name ? name : "", .address = address ? address : ""};
}

static int ask_all(const struct arguments *o, const json_t *endpoints)
{
	int width = 0, code = 0;

	for (size_t i = 0; i < json_array_size(endpoints); i++) {
		width = MAX(width, (int)strlen(place_of(json_array_get(endpoints, i)).address));
	}
	for (size_t i = 0; i < json_array_size(endpoints); i++) {
		const struct place ep = place_of(json_array_get(endpoints, i));
		int c = ask_and_show(o, &ep, width);

		code = code ? code : c;
		(void)fflush(stdout);
	}
	return code;
}

/* The daemon's own list, which the caller owns. NULL: it could not be had, for *ret_code. */
static json_t *ask_where(const struct arguments *o, int *ret_code)
{
	uint64_t timeout = o->session.timeout_us ? o->session.timeout_us : REVC_TIMEOUT_US;
	struct revc_err err = {.exit_code = EXIT_UNAVAILABLE};
	struct revc *s = NULL;
	struct revc_reply reply = {0};
	json_t *stats = NULL;

	if (signals_open(o->uri, &o->session, &s, &err) < 0) {
		s = NULL;
	} else if (revc_call(s, RV_OP_STATS, NULL, 0, clock_now() + timeout * 1000, &reply) < 0) {
		revc_error(s, &err);
	} else {
		stats = answer_parse(reply.data, reply.len);
		(void)snprintf(
			err.text, sizeof(err.text), "%s: does not say what it serves", o->uri);
	}
	if (!stats) {
		(void)fprintf(stderr, "revc: %s\n", err.text);
		*ret_code = err.exit_code;
	}
	signals_close(s);
	return stats;
}

int all_run(const struct arguments *o)
{
	int code = 0;
	json_t *stats = ask_where(o, &code);

	if (stats) {
		code = ask_all(o, json_object_get(stats, "endpoints"));
		json_decref(stats);
	}
	return code;
}
