#include "revc/all.h"

#include <stdio.h>
#include <string.h>
#include "librevc/error.h"
#include "librevc/nats_uri.h"
#include "revc/answer.h"
#include "revc/ask.h"
#include "revc/daemons.h"
#include "util/json.h"
#include "util/quote.h"

/* Where an endpoint is. */
struct place {
	const char *name, *address;
};

static void show_json(const char *name, const struct ask *a)
{
	bool ok = a->exit_code == 0;
	struct json_writer j = {.file = stdout};

	json_write_object(&j, NULL);
	json_write_string(&j, "name", name);
	json_write_string(&j, "endpoint", a->uri);
	if (!ok) {
		json_write_null(&j, "reply");
	}
	json_write_text(&j, ok ? "reply" : "error", a->data, a->n);
	json_write_string(&j, "status", a->status);
	json_write_double(&j, "ms", a->ms, 3);
	json_write_end(&j);
	(void)putchar('\n');
}

static void show_row(const struct ask *a, int width)
{
	char address[REVC_URI_MAX], said[400];

	quote_text(a->uri, strlen(a->uri), address, sizeof(address));
	quote_text(a->data, a->n, said, sizeof(said));
	if (a->exit_code == 0) {
		(void)printf("%-*s  %8.3f ms  %s\n", width, address, a->ms, said);
	} else {
		(void)printf("%-*s  %11s  %s%s%s\n", width, address, "-", a->status,
			a->n > 0 ? ": " : "", said);
	}
}

static int ask_and_show(const struct arguments *o, const struct place *ep, int width)
{
	struct ask a;

	ask_open(&a, o, ep->address);
	(void)ask(&a, o->n > 0 ? RV_OP_CALL : RV_OP_PING, o->n > 0 ? o->operands[0] : "pong");
	if (o->json) {
		show_json(ep->name, &a);
	} else {
		show_row(&a, width);
	}
	ask_close(&a);
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
	struct ask a;
	json_t *stats = NULL;

	ask_open(&a, o, o->uri);
	if (ask(&a, RV_OP_STATS, "") != 0) {
		*ret_code = ask_complain(&a);
	} else {
		stats = answer_parse(a.data, a.n);
		if (!json_is_array(json_object_get(stats, "endpoints"))) {
			(void)fprintf(stderr, "revc: %s: does not say what it serves\n", o->uri);
			*ret_code = EXIT_UNAVAILABLE;
			json_decref(stats);
			stats = NULL;
		}
	}
	ask_close(&a);
	return stats;
}

static int complain(const struct ask *a, const char *sentence)
{
	(void)fprintf(stderr, "revc: %s: %s\n", a->uri, sentence);
	return EXIT_UNAVAILABLE;
}

/* Behind a broker are many daemons, and no way to one of them. */
static int ask_daemons(struct ask *a)
{
	size_t n;
	int code;

	if (a->arguments->n > 0) {
		(void)complain(a, "--all takes no string there: a broker gives each to one daemon");
		return EXIT_USAGE;
	}
	code = daemons_show(a, false, &n);
	return code == 0 && n == 0
		       ? complain(a, "what serves there does not tell of itself at $SRV.STATS")
		       : code;
}

/* Is it an endpoint of a broker's? Then all of its daemons are shown, for *ret_code. */
static bool try_daemons(const struct arguments *o, int *ret_code)
{
	struct ask a;

	if (!nats_uri_is(o->uri)) {
		return false;
	}
	ask_open(&a, o, o->uri);
	*ret_code = a.s ? ask_daemons(&a) : ask_complain(&a);
	ask_close(&a);
	return true;
}

int all_run(const struct arguments *o)
{
	int code = 0;
	json_t *stats;

	if (try_daemons(o, &code)) {
		return code;
	}
	stats = ask_where(o, &code);
	if (stats) {
		code = ask_all(o, json_object_get(stats, "endpoints"));
		json_decref(stats);
	}
	return code;
}
