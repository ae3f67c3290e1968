#include "revc/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include "librevc/error.h"
#include "revc/answer.h"
#include "util/clock.h"
#include "util/quote.h"

static uint64_t add_up(json_t *object)
{
	uint64_t sum = 0;
	const char *key;
	json_t *member;

	json_object_foreach(object, key, member)
	{
		sum += (uint64_t)json_integer_value(member);
	}
	return sum;
}

static void load_hist(struct snapshot_endpoint *ep, json_t *latency)
{
	const json_t *steps = json_object_get(latency, "histogram_ns");

	ep->has_hist = json_is_array(steps);
	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *step = json_array_get(steps, i);

		hist_add(&ep->hist, (uint64_t)json_integer_value(json_array_get(step, 0)),
			(uint64_t)json_integer_value(json_array_get(step, 1)));
	}
	if (ep->has_hist) {
		ep->hist.sum = (uint64_t)(json_number_value(json_object_get(latency, "sum")) * 1e3);
		ep->hist.max = (uint64_t)(json_number_value(json_object_get(latency, "max")) * 1e3);
	}
}

static bool load_endpoint(struct snapshot_endpoint *ep, json_t *from)
{
	json_int_t requests, rx, tx, peers, total, refused;
	json_t *latency;

	if (json_unpack(from,
		    "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}",
		    "endpoint", &ep->name, "transport", &ep->transport, "service", &ep->service,
		    "state", &ep->state, "requests", &requests, "rx_bytes", &rx, "tx_bytes", &tx,
		    "peers", &peers, "peers_total", &total, "refused", &refused, "errors",
		    &ep->by_status, "drops", &ep->by_drop, "operations", &ep->by_operation,
		    "latency_us", &latency) < 0) {
		return false;
	}
	ep->requests = (uint64_t)requests;
	ep->rx_bytes = (uint64_t)rx;
	ep->tx_bytes = (uint64_t)tx;
	ep->peers = (uint64_t)peers;
	ep->peers_total = (uint64_t)total;
	ep->refused = (uint64_t)refused;
	ep->errors = add_up(ep->by_status);
	ep->drops = add_up(ep->by_drop);
	ep->p50 = json_number_value(json_object_get(latency, "p50"));
	ep->p99 = json_number_value(json_object_get(latency, "p99"));
	load_hist(ep, latency);
	return true;
}

static bool load(struct snapshot *s)
{
	json_int_t pid, workers;
	json_t *endpoints;

	if (!s->stats || json_unpack(s->stats, "{s:s, s:I, s:I, s:F, s:o}", "version", &s->version,
				 "pid", &pid, "workers", &workers, "uptime", &s->uptime,
				 "endpoints", &endpoints) < 0) {
		return false;
	}
	s->pid = (uint64_t)pid;
	s->workers = (uint64_t)workers;
	s->endpoints = calloc(json_array_size(endpoints) + 1, sizeof(*s->endpoints));
	while (s->endpoints && s->n < json_array_size(endpoints)) {
		if (!load_endpoint(&s->endpoints[s->n], json_array_get(endpoints, s->n))) {
			return false;
		}
		s->n++;
	}
	return s->endpoints != NULL;
}

int snapshot_take(struct snapshot *s, struct ask *a, char *why, size_t size)
{
	char said[300];

	*s = (struct snapshot){0};
	if (ask(a, RV_OP_STATS, "histogram") != 0) {
		(void)snprintf(why, size, "%s%s%s", a->s ? a->status : "", a->s ? ": " : "",
			quote_text(a->data, a->n, said, sizeof(said)));
		return a->exit_code;
	}
	s->at_ns = clock_now();
	s->stats = answer_parse(a->data, a->n);
	if (!load(s)) {
		snapshot_finish(s);
		(void)snprintf(why, size, "the answer is not understood");
		return EXIT_UNAVAILABLE;
	}
	return 0;
}

void snapshot_finish(struct snapshot *s)
{
	free(s->endpoints);
	json_decref(s->stats);
	*s = (struct snapshot){0};
}
