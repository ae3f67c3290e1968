#include "client/all.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "builtin.h"
#include "client/escape.h"
#include "client/failure.h"
#include "client/json.h"
#include "client/signals.h"
#include "client/uri.h"
#include "config/config.h"
#include "server/registry.h"
#include "proto/status.h"
#include "service/builtin.h"
#include "util/clock.h"

#define EXIT_CONFIG 78 /* sysexits.h, as revd --check */

DEFINE_CLEANUP(struct registry *, registry_destroy);

/* What an endpoint had to say. */
struct answer {
	const char *status; /* of the reply, or "unreachable" */
	const uint8_t *data;
	size_t n;
	double ms;
	int exit_code;
};

/* Where the endpoints of a daemon without a configuration are: the directory of the default
 * socket. */
static char *default_dir(char buf[REVC_URI_MAX])
{
	char *slash;

	for (size_t i = 0; uri_default_uds(i, buf); i++) {
		if (access(buf + strlen("uds:"), F_OK) == 0) {
			break;
		}
	}
	if (!*buf || strncmp(buf, "uds:", 4) != 0) {
		(void)snprintf(buf, REVC_URI_MAX, "uds:/run/revd/revd.sock");
	}
	slash = strrchr(buf, '/');
	*slash = '\0';
	return buf + strlen("uds:");
}

static struct config *load(const struct options *o, struct registry *registry)
{
	const struct config_registry reg = registry_for_config(registry);
	char buf[REVC_URI_MAX] = "";
	const struct config_source source = {
		.file = o->config ? o->config : REVD_CONFIG_FILE,
		.optional = !o->config,
		.runtime_dir = default_dir(buf),
	};
	struct config_errors errs = {0};
	struct config *config = NULL;

	if (config_load(&source, &reg, &config, &errs) < 0) {
		config = NULL;
	}
	for (size_t i = 0; i < errs.n; i++) {
		(void)fprintf(stderr, "revc: %s\n", errs.text[i]);
	}
	config_errors_finish(&errs);
	return config;
}

static void show_json(const struct config_endpoint *ep, const struct answer *a)
{
	bool ok = a->exit_code == 0;

	(void)fputs("{\"name\":", stdout);
	json_print_string(ep->name, strlen(ep->name), stdout);
	(void)fputs(",\"endpoint\":", stdout);
	json_print_string(ep->address, strlen(ep->address), stdout);
	(void)fputs(ok ? ",\"reply\":" : ",\"reply\":null,\"error\":", stdout);
	json_print_string(a->data, a->n, stdout);
	(void)printf(",\"status\":\"%s\",\"ms\":%.3f}\n", a->status, a->ms);
}

static void show_row(const struct config_endpoint *ep, const struct answer *a, int width)
{
	char address[sizeof(ep->address)], said[400];

	escape_text(ep->address, strlen(ep->address), address, sizeof(address));
	escape_text(a->data, a->n, said, sizeof(said));
	if (a->exit_code == 0) {
		(void)printf("%-*s  %8.3f ms  %s\n", width, address, a->ms, said);
	} else {
		(void)printf("%-*s  %11s  %s%s%s\n", width, address, "-", a->status,
			a->n > 0 ? ": " : "", said);
	}
}

static int call(const struct options *o, struct revc *s, struct revc_reply *reply)
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
static void ask(const struct options *o, const char *uri, struct answer *a, struct revc **s,
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
		       : status_is_transient((unsigned)reply.status) ? FAILURE_TRY_LATER
								     : 1;
}

static int ask_and_show(const struct options *o, const struct config_endpoint *ep, int width)
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

static int ask_all(const struct options *o, const struct config *config)
{
	int width = 0, code = 0;

	for (size_t i = 0; i < config->n_endpoints; i++) {
		width = MAX(width, (int)strlen(config->endpoints[i].address));
	}
	for (size_t i = 0; i < config->n_endpoints; i++) {
		int c = ask_and_show(o, &config->endpoints[i], width);

		code = code ? code : c;
		(void)fflush(stdout);
	}
	return code;
}

int all_run(const struct options *o)
{
	CLEANUP(registry_destroy_p) struct registry *registry = NULL;
	struct config *config;
	int code;

	if (registry_create(backends_builtin, services_builtin, &registry) < 0) {
		(void)fputs("revc: out of memory\n", stderr);
		return FAILURE_TRY_LATER;
	}
	config = load(o, registry);
	if (!config) {
		return EXIT_CONFIG;
	}
	code = ask_all(o, config);
	config_destroy(config);
	return code;
}
