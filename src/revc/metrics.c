#include "revc/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "revc/http.h"
#include "revc/snapshot.h"

/* Buckets of durations: 2^10 ns (1 us) to 2^34 ns (17 s), where steps of the daemon's own
 * histogram begin. */
#define FIRST_BUCKET 10u
#define LAST_BUCKET 34u

static void put_head(FILE *f, const char *name, const char *type, const char *help)
{
	(void)fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* As the value of a label: backslash, quote and line feed are escaped. */
static void put_escaped(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n') {
			(void)fputs("\\n", f);
		} else {
			(void)fprintf(f, "%s%c", *s == '\\' || *s == '"' ? "\\" : "", *s);
		}
	}
}

static void put_label(FILE *f, const char *name, const char *value)
{
	(void)fprintf(f, "%s=\"", name);
	put_escaped(f, value);
	(void)fputc('"', f);
}

/* The series of an endpoint, up to its value; one more label unless that is NULL. */
static void put_series(FILE *f, const char *name, const struct snapshot_endpoint *ep,
	const char *label, const char *value)
{
	(void)fprintf(f, "%s{", name);
	put_label(f, "endpoint", ep->name);
	(void)fputc(',', f);
	put_label(f, "transport", ep->transport);
	if (label) {
		(void)fputc(',', f);
		put_label(f, label, value);
	}
	(void)fputs("} ", f);
}

static void put_plain(FILE *f, const struct snapshot *s)
{
	static const struct {
		const char *name, *type, *help;
		size_t offset;
	} all[] = {
		{"revd_requests_total", "counter", "Whole requests, errors included.",
			offsetof(struct snapshot_endpoint, requests)},
		{"revd_received_bytes_total", "counter", "Bytes read, headers included.",
			offsetof(struct snapshot_endpoint, rx_bytes)},
		{"revd_sent_bytes_total", "counter", "Bytes written, headers included.",
			offsetof(struct snapshot_endpoint, tx_bytes)},
		{"revd_peers", "gauge", "Clients that are there now.",
			offsetof(struct snapshot_endpoint, peers)},
		{"revd_peers_accepted_total", "counter", "Clients that were ever let in.",
			offsetof(struct snapshot_endpoint, peers_total)},
		{"revd_peers_refused_total", "counter", "Clients that were not let in.",
			offsetof(struct snapshot_endpoint, refused)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		put_head(f, all[i].name, all[i].type, all[i].help);
		for (size_t k = 0; k < s->n; k++) {
			const struct snapshot_endpoint *ep = &s->endpoints[k];

			put_series(f, all[i].name, ep, NULL, NULL);
			(void)fprintf(f, "%" PRIu64 "\n",
				*(const uint64_t *)(const void *)((const char *)ep +
								  all[i].offset));
		}
	}
}

/* Counts by the names of an object of the daemon's. */
static void put_named(FILE *f, const struct snapshot_endpoint *ep, const char *name,
	const char *label, json_t *counts)
{
	const char *key;
	json_t *v;

	json_object_foreach(counts, key, v)
	{
		put_series(f, name, ep, label, key);
		(void)fprintf(f, "%" JSON_INTEGER_FORMAT "\n", json_integer_value(v));
	}
}

static void put_families(FILE *f, const struct snapshot *s)
{
	put_head(f, "revd_errors_total", "counter", "Replies that were errors, by status.");
	for (size_t i = 0; i < s->n; i++) {
		put_named(f, &s->endpoints[i], "revd_errors_total", "status",
			s->endpoints[i].by_status);
	}
	put_head(f, "revd_drops_total", "counter", "What went nowhere, by reason.");
	for (size_t i = 0; i < s->n; i++) {
		put_named(
			f, &s->endpoints[i], "revd_drops_total", "reason", s->endpoints[i].by_drop);
	}
	put_head(f, "revd_operations_total", "counter", "Requests by operation.");
	for (size_t i = 0; i < s->n; i++) {
		put_named(f, &s->endpoints[i], "revd_operations_total", "operation",
			s->endpoints[i].by_operation);
	}
	put_head(f, "revd_endpoint_up", "gauge", "1 if the endpoint serves, 0 if not.");
	for (size_t i = 0; i < s->n; i++) {
		put_series(f, "revd_endpoint_up", &s->endpoints[i], NULL, NULL);
		(void)fprintf(f, "%d\n", strcmp(s->endpoints[i].state, "up") == 0);
	}
}

static void put_buckets(FILE *f, const struct snapshot_endpoint *ep)
{
	uint64_t below = 0;
	unsigned slot = 0;
	char le[32];

	for (unsigned b = FIRST_BUCKET; b <= LAST_BUCKET; b++) {
		for (; slot < hist_index(UINT64_C(1) << b); slot++) {
			below += ep->hist.slots[slot];
		}
		(void)snprintf(le, sizeof(le), "%.10g", (double)(UINT64_C(1) << b) / 1e9);
		put_series(f, "revd_request_duration_seconds_bucket", ep, "le", le);
		(void)fprintf(f, "%" PRIu64 "\n", below);
	}
	for (; slot < HIST_SLOTS; slot++) {
		below += ep->hist.slots[slot];
	}
	put_series(f, "revd_request_duration_seconds_bucket", ep, "le", "+Inf");
	(void)fprintf(f, "%" PRIu64 "\n", below);
	put_series(f, "revd_request_duration_seconds_sum", ep, NULL, NULL);
	(void)fprintf(f, "%.9f\n", (double)ep->hist.sum / 1e9);
	put_series(f, "revd_request_duration_seconds_count", ep, NULL, NULL);
	(void)fprintf(f, "%" PRIu64 "\n", below);
}

static void put_durations(FILE *f, const struct snapshot *s)
{
	if (s->n == 0 || !s->endpoints[0].has_hist) {
		return;
	}
	put_head(f, "revd_request_duration_seconds", "histogram",
		"From reading a request to sending its reply.");
	for (size_t i = 0; i < s->n; i++) {
		put_buckets(f, &s->endpoints[i]);
	}
}

static void put_all(FILE *f, const struct snapshot *s)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	put_head(f, "revd_build_info", "gauge", "1, with the daemon's version.");
	(void)fputs("revd_build_info{", f);
	put_label(f, "version", s->version);
	(void)fputs("} 1\n", f);
	put_head(f, "revd_start_time_seconds", "gauge", "When the daemon started, since 1970.");
	(void)fprintf(f, "revd_start_time_seconds %.3f\n",
		(double)now.tv_sec + (double)now.tv_nsec / 1e9 - s->uptime);
	put_head(f, "revd_workers", "gauge", "Threads that serve.");
	(void)fprintf(f, "revd_workers %" PRIu64 "\n", s->workers);
	put_plain(f, s);
	put_families(f, s);
	put_durations(f, s);
}

static int write_metrics(const struct arguments *o, FILE *f)
{
	char why[400];
	struct snapshot s;
	struct ask a;
	int code;

	ask_open(&a, o, o->uri);
	code = snapshot_take(&s, &a, why, sizeof(why));
	put_head(f, "revd_up", "gauge", "1 if the daemon answers, 0 if not.");
	(void)fprintf(f, "revd_up %d\n", code == 0);
	if (code == 0) {
		put_all(f, &s);
		snapshot_finish(&s);
	} else {
		(void)fprintf(stderr, "revc: %s: %s\n", o->uri, why);
	}
	ask_close(&a);
	return code;
}

/* A scraper is answered in any case; that nobody serves is in the answer. */
static int answer_http(const struct arguments *o)
{
	char *body = NULL;
	size_t n = 0;
	FILE *f;
	int code = EXIT_FAILURE;

	if (!http_wants_metrics()) {
		return 0;
	}
	f = open_memstream(&body, &n);
	if (f) {
		(void)write_metrics(o, f);
		code = fclose(f) == 0 && http_answer(body, n) == 0 ? 0 : EXIT_FAILURE;
	}
	free(body);
	return code;
}

int metrics_run(const struct arguments *o)
{
	return o->http ? answer_http(o) : write_metrics(o, stdout);
}
