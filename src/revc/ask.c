#include "revc/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "librevc/error.h"
#include "librevc/nats_uri.h"
#include "librevc/session.h"
#include "proto/status.h"
#include "revc/late.h"
#include "revc/signals.h"
#include "util/clock.h"
#include "util/quote.h"

/* The sentence without the URI, which is shown by itself. */
static const char *skip_uri(const struct ask *a, const char *text)
{
	char shown[REVC_URI_MAX];
	size_t n;

	quote_text(a->uri, strlen(a->uri), shown, sizeof(shown));
	n = strlen(shown);
	return strncmp(text, shown, n) == 0 && strncmp(text + n, ": ", 2) == 0 ? text + n + 2
									       : text;
}

static int fail(struct ask *a)
{
	a->status = "unreachable";
	a->data = (const uint8_t *)skip_uri(a, a->err.text);
	a->n = strlen((const char *)a->data);
	a->exit_code = a->err.exit_code;
	return a->exit_code;
}

void ask_open(struct ask *a, const struct arguments *o, const char *uri)
{
	*a = (struct ask){.arguments = o};
	a->uri = nats_uri_show(uri, a->hidden);
	if (signals_open(uri, &o->session, &a->s, &a->err) < 0) {
		a->s = NULL;
		fail(a);
	}
}

void ask_close(struct ask *a)
{
	signals_close(a->s);
	a->s = NULL;
}

/* One request and its reply. Behind a broker a daemon may die with it, and nothing tells, so
 * that it is asked again, as in late.h. */
static int call(
	struct ask *a, enum rv_op op, const char *text, uint64_t deadline, struct revc_reply *ret)
{
	struct late late = {0};
	uint64_t until = deadline;
	unsigned again = 0;
	int r;

	do {
		if (a->s->ops->many) {
			until = MIN(deadline, clock_now() + late_after(&late, again++));
		}
		r = revc_call(a->s, op, text, strlen(text), until, ret);
	} while (r == -ETIMEDOUT && until < deadline);
	return r;
}

int ask(struct ask *a, enum rv_op op, const char *text)
{
	uint64_t timeout = a->arguments->session.timeout_us;
	uint64_t start = clock_now();
	struct revc_reply reply;

	timeout = timeout ? timeout : REVC_TIMEOUT_US;
	if (!a->s) {
		return a->exit_code;
	}
	if (call(a, op, text, start + timeout * 1000, &reply) < 0) {
		revc_error(a->s, &a->err);
		return fail(a);
	}
	a->ms = (double)(clock_now() - start) / 1e6;
	a->status = status_name(reply.status);
	a->data = reply.data;
	a->n = reply.len;
	a->exit_code = error_exit_code(reply.status);
	return a->exit_code;
}

int ask_complain(const struct ask *a)
{
	char uri[REVC_URI_MAX], said[400];

	if (a->s && a->status != NULL && strcmp(a->status, "unreachable") != 0) {
		(void)fprintf(stderr, "revc: %s: %s: %s\n",
			quote_text(a->uri, strlen(a->uri), uri, sizeof(uri)), a->status,
			quote_text(a->data, a->n, said, sizeof(said)));
	} else {
		(void)fprintf(stderr, "revc: %s\n", a->err.text);
	}
	return a->exit_code;
}
