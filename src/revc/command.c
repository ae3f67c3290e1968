#include "revc/command.h"

#include <stdio.h>
#include <string.h>
#include "util/quote.h"
#include "librevc/error.h"
#include "revc/answer.h"
#include "revc/signals.h"
#include "proto/status.h"
#include "util/clock.h"
#include "util/json.h"

struct command {
	enum rv_op op;
	const char *data;
};

static const struct command commands[] = {
	[MODE_PING] = {RV_OP_PING, "ping"},
	[MODE_INFO] = {RV_OP_INFO, ""},
	[MODE_STATS] = {RV_OP_STATS, ""},
};

static int fail(const struct revc_err *err)
{
	(void)fprintf(stderr, "revc: %s\n", err->text);
	return err->exit_code;
}

static int refuse(const struct revc *s, const struct revc_reply *reply)
{
	const char *name = status_name(reply->status);
	char said[300];

	(void)fprintf(stderr, "revc: %s: %s: %s\n", revc_uri(s), name ? name : "unknown-status",
		quote_text(reply->data, reply->len, said, sizeof(said)));
	return status_is_transient(reply->status) ? EXIT_TRY_LATER : 1;
}

static int show_ping(
	const struct arguments *o, const struct revc *s, const struct revc_reply *reply, double ms)
{
	if (reply->len != 4 || memcmp(reply->data, "ping", 4) != 0) {
		(void)fprintf(stderr, "revc: %s: the reply to a ping is not what was sent\n",
			revc_uri(s));
		return 1;
	}
	if (o->json) {
		struct json_writer j = {.file = stdout};

		json_write_object(&j, NULL);
		json_write_string(&j, "endpoint", revc_uri(s));
		json_write_string(&j, "transport", revc_transport(s));
		json_write_double(&j, "ms", ms, 3);
		json_write_end(&j);
		(void)putchar('\n');
	} else {
		(void)printf("pong from %s (%s): %.3f ms\n", revc_uri(s), revc_transport(s), ms);
	}
	return 0;
}

static int show_json(
	const struct arguments *o, const struct revc *s, const struct revc_reply *reply)
{
	if (o->json) {
		(void)fwrite(reply->data, 1, reply->len, stdout);
		(void)putchar('\n');
		return 0;
	}
	if (answer_print(reply->data, reply->len, stdout) < 0) {
		(void)fprintf(stderr, "revc: %s: the answer is not JSON\n", revc_uri(s));
		return 1;
	}
	return 0;
}

static int ask(const struct arguments *o, struct revc *s)
{
	const struct command *c = &commands[o->mode];
	uint64_t timeout = o->session.timeout_us ? o->session.timeout_us : REVC_TIMEOUT_US;
	uint64_t start = clock_now();
	struct revc_reply reply;
	struct revc_err err;

	if (revc_call(s, c->op, c->data, strlen(c->data), start + timeout * 1000, &reply) < 0) {
		revc_error(s, &err);
		return fail(&err);
	}
	if (reply.status != RV_STATUS_OK) {
		return refuse(s, &reply);
	}
	return o->mode == MODE_PING ? show_ping(o, s, &reply, (double)(clock_now() - start) / 1e6)
				    : show_json(o, s, &reply);
}

int command_run(const struct arguments *o)
{
	struct revc *s;
	struct revc_err err;
	int code;

	if (signals_open(o->uri, &o->session, &s, &err) < 0) {
		return fail(&err);
	}
	code = ask(o, s);
	signals_close(s);
	return code;
}
