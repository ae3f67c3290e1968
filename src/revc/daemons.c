#include "revc/daemons.h"

#include <stdio.h>
#include <string.h>
#include "librevc/error.h"
#include "librevc/nats_gather.h"
#include "revc/answer.h"
#include "util/json.h"
#include "util/quote.h"

/* Services of NATS answer there with what they have served, by endpoint (ADR-32). */
#define EVERYBODY "$SRV.STATS"
#define QUIET_NS 250000000u /* who has not answered by then is not there */

struct daemons {
	const struct ask *ask;
	bool ping;
	size_t n;
};

/* One daemon, as it says. */
struct daemon {
	const char *id, *name, *version, *host, *pid;
	json_int_t requests, errors;
	double ms;
};

static void show_json(const struct daemons *all, const struct daemon *d)
{
	struct json_writer j = {.file = stdout};

	json_write_object(&j, NULL);
	json_write_string(&j, "endpoint", revc_uri(all->ask->s));
	json_write_string(&j, "transport", revc_transport(all->ask->s));
	json_write_text(&j, "daemon", d->id, strlen(d->id));
	json_write_text(&j, "name", d->name, strlen(d->name));
	json_write_text(&j, "version", d->version, strlen(d->version));
	json_write_text(&j, "host", d->host, strlen(d->host));
	json_write_text(&j, "pid", d->pid, strlen(d->pid));
	if (!all->ping) {
		json_write_uint(&j, "requests", (uint64_t)MAX(d->requests, 0));
		json_write_uint(&j, "errors", (uint64_t)MAX(d->errors, 0));
	}
	json_write_double(&j, "ms", d->ms, 3);
	json_write_end(&j);
	(void)putchar('\n');
}

static void show_line(const struct daemons *all, const struct daemon *d)
{
	char id[64], who[128], host[128], pid[32], version[64];

	quote_text(d->id, strlen(d->id), id, sizeof(id));
	quote_text(d->name, strlen(d->name), who, sizeof(who));
	quote_text(d->host, strlen(d->host), host, sizeof(host));
	quote_text(d->pid, strlen(d->pid), pid, sizeof(pid));
	quote_text(d->version, strlen(d->version), version, sizeof(version));
	(void)printf("%s from %s, %s %s%s%s%s%s: %.3f ms", all->ping ? "pong" : "answer", id, who,
		version, *host ? " on " : "", host, *pid ? ", process " : "", pid, d->ms);
	if (!all->ping) {
		(void)printf(", %lld requests, %lld errors", (long long)d->requests,
			(long long)d->errors);
	}
	(void)putchar('\n');
}

/* Its endpoint of that subject. False: it has none, and is a service of another kind. */
static bool find_endpoint(json_t *endpoints, const char *subject, struct daemon *ret)
{
	json_t *item;
	size_t i;

	json_array_foreach(endpoints, i, item)
	{
		const char *it = json_string_value(json_object_get(item, "subject"));

		if (it && strcmp(it, subject) == 0) {
			ret->requests = json_integer_value(json_object_get(item, "num_requests"));
			ret->errors = json_integer_value(json_object_get(item, "num_errors"));
			return true;
		}
	}
	return false;
}

static void take(void *ctx, const void *data, size_t n, uint64_t ns)
{
	struct daemons *all = ctx;
	struct daemon d = {.host = "", .pid = "", .ms = (double)ns / 1e6};
	json_t *v = answer_parse(data, n), *endpoints = NULL;

	if (v &&
		json_unpack(v, "{s:s, s:s, s:s, s:o, s?{s?s, s?s}}", "id", &d.id, "name", &d.name,
			"version", &d.version, "endpoints", &endpoints, "metadata", "host", &d.host,
			"pid", &d.pid) == 0 &&
		find_endpoint(endpoints, nats_subject(all->ask->s), &d)) {
		all->n++;
		if (all->ask->arguments->json) {
			show_json(all, &d);
		} else {
			show_line(all, &d);
		}
	}
	json_decref(v);
}

int daemons_show(struct ask *a, bool ping, size_t *ret_n)
{
	struct daemons all = {.ask = a, .ping = ping};

	if (nats_gather(a->s, EVERYBODY, QUIET_NS, take, &all) < 0) {
		revc_error(a->s, &a->err);
		(void)fprintf(stderr, "revc: %s\n", a->err.text);
		return a->err.exit_code;
	}
	*ret_n = all.n;
	return 0;
}
