/*
 * What STATS and INFO answer, as JSON. Counters are written by their worker
 * and read here from another thread: whole words, not one moment.
 */
#include "core/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "proto/status.h"
#include "util/clock.h"

static const char *const drop_names[RV_DROP_COUNT] = {
	[RV_DROP_REPLY_NAME] = "reply_name",
	[RV_DROP_PEER_GONE] = "peer_gone",
	[RV_DROP_OUTPUT] = "output",
	[RV_DROP_ACCEPT] = "accept",
	[RV_DROP_IO] = "io",
};

static const char *const op_names[RV_OP_COUNT] = {
	[RV_OP_CALL] = "call",
	[RV_OP_PING] = "ping",
	[RV_OP_INFO] = "info",
	[RV_OP_STATS] = "stats",
};

/* JSON string; everything outside printable ASCII as \u00NN. */
static void put_string(FILE *f, const char *s)
{
	putc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			putc('\\', f);
			putc(c, f);
		} else if (c < 0x20 || c > 0x7e) {
			fprintf(f, "\\u%04x", c);
		} else {
			putc(c, f);
		}
	}
	putc('"', f);
}

static void put_field(FILE *f, const char *name, const char *value)
{
	fprintf(f, "\"%s\":", name);
	put_string(f, value);
	putc(',', f);
}

static void add_counters(struct counters *into, const struct counters *from)
{
	uint64_t *a = (uint64_t *)into;
	const uint64_t *b = (const uint64_t *)from;

	_Static_assert(sizeof(*into) % sizeof(*a) == 0, "counters are words");
	for (size_t i = 0; i < sizeof(*into) / sizeof(*a); i++) {
		a[i] += __atomic_load_n(&b[i], __ATOMIC_RELAXED);
	}
}

static void put_named(FILE *f, const char *name, const char *const *names, const uint64_t *v,
	size_t from, size_t n)
{
	fprintf(f, ",\"%s\":{", name);
	for (size_t i = from; i < n; i++) {
		fprintf(f, "%s\"%s\":%llu", i > from ? "," : "", names[i],
			(unsigned long long)v[i]);
	}
	putc('}', f);
}

static void put_latency(FILE *f, const struct hist *h)
{
	fprintf(f,
		",\"latency_us\":{\"count\":%llu,\"mean\":%.3f,\"p50\":%.3f,\"p90\":%.3f,"
		"\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f}",
		(unsigned long long)h->count,
		h->count ? (double)h->sum / (double)h->count / 1e3 : 0,
		(double)hist_quantile(h, 0.5) / 1e3, (double)hist_quantile(h, 0.9) / 1e3,
		(double)hist_quantile(h, 0.99) / 1e3, (double)hist_quantile(h, 0.999) / 1e3,
		(double)h->max / 1e3);
}

static void put_counters(FILE *f, const struct counters *c)
{
	const char *statuses[RV_STATUS_COUNT];
	const struct {
		const char *name;
		uint64_t v;
	} plain[] = {
		{"requests", c->requests},
		{"replies", c->replies},
		{"rx_bytes", c->rx_bytes},
		{"tx_bytes", c->tx_bytes},
		{"lines", c->lines},
		{"frames", c->frames},
		{"fragments", c->fragments},
		{"peers", c->peers},
		{"peers_total", c->peers_total},
		{"refused", c->refused},
		{"pauses", c->pauses},
		{"blocked", c->blocked},
		{"slow_cut", c->slow_cut},
		{"idle_cut", c->idle_cut},
		{"torn", c->torn},
		{"fragments_lost", c->fragments_lost},
		{"late", c->late},
		{"unaddressed", c->unaddressed},
	};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		fprintf(f, "%s\"%s\":%llu", i ? "," : "", plain[i].name,
			(unsigned long long)plain[i].v);
	}
	for (unsigned i = 0; i < RV_STATUS_COUNT; i++) {
		statuses[i] = status_name(i);
	}
	put_named(f, "operations", op_names, c->ops, 0, RV_OP_COUNT);
	put_named(f, "errors", statuses, c->status, 1, RV_STATUS_COUNT);
	put_named(f, "drops", drop_names, c->drops, 0, RV_DROP_COUNT);
}

static int put_endpoint(FILE *f, const struct endpoint *ep)
{
	struct counters sum = {0};
	struct hist *h = calloc(1, sizeof(*h));

	if (!h) {
		return -ENOMEM;
	}
	putc('{', f);
	put_field(f, "endpoint", ep->cfg->name);
	put_field(f, "transport", ep->ops->name);
	put_field(f, "service", ep->cfg->service->name);
	put_field(f, "address", ep->cfg->address);
	for (unsigned i = 0; i < ep->n_instances; i++) {
		add_counters(&sum, &ep->instances[i].n);
		hist_merge(h, &ep->instances[i].latency);
	}
	put_counters(f, &sum);
	put_latency(f, h);
	fputs(",\"workers\":[", f);
	for (unsigned i = 0; i < ep->n_instances; i++) {
		const struct rv_instance *in = &ep->instances[i];

		fprintf(f, "%s{\"worker\":%u,\"requests\":%llu,\"peers\":%llu}", i ? "," : "",
			ep->first_worker + i, (unsigned long long)hist_get(&in->n.requests),
			(unsigned long long)hist_get(&in->n.peers));
	}
	fputs("]}", f);
	free(h);
	return 0;
}

static void put_program(FILE *f, const struct core *core)
{
	fprintf(f, "{\"program\":\"revd\",\"version\":\"%s\",\"pid\":%ld,\"uptime\":%.3f,",
		REVD_VERSION, (long)getpid(), (double)(clock_now() - core->start_ns) / 1e9);
}

static int finish(FILE *f, char **buf)
{
	bool bad = ferror(f);

	if (fclose(f) != 0 || bad) {
		free(*buf);
		*buf = NULL;
		return -ENOMEM;
	}
	return 0;
}

int stats_json(struct core *core, char **ret, size_t *ret_n)
{
	FILE *f = open_memstream(ret, ret_n);
	int r = 0;

	if (!f) {
		return -ENOMEM;
	}
	put_program(f, core);
	fprintf(f, "\"workers\":%u,\"endpoints\":[", core->n_workers);
	pthread_rwlock_rdlock(&core->lock);
	for (const struct endpoint *ep = core->endpoints; ep && r == 0; ep = ep->next) {
		r = put_endpoint(f, ep);
		if (ep->next) {
			putc(',', f);
		}
	}
	pthread_rwlock_unlock(&core->lock);
	fputs("]}", f);
	if (r < 0) {
		(void)finish(f, ret);
		free(*ret);
		*ret = NULL;
		return r;
	}
	return finish(f, ret);
}

int info_json(const struct rv_instance *in, char **ret, size_t *ret_n)
{
	const struct config_endpoint *cfg = in->cfg;
	const struct limits *l = &in->limits;
	FILE *f = open_memstream(ret, ret_n);

	if (!f) {
		return -ENOMEM;
	}
	put_program(f, in->worker->core);
	put_field(f, "endpoint", cfg->name);
	put_field(f, "transport", in->ops->name);
	put_field(f, "address", cfg->address);
	put_field(f, "service", cfg->service->name);
	fprintf(f,
		"\"limits\":{\"max_request\":%zu,\"max_inflight\":%zu,\"max_peers\":%llu,"
		"\"max_peers_per_uid\":%llu,\"fragment_timeout_ms\":%llu,"
		"\"idle_timeout_ms\":%llu,\"slow_timeout_ms\":%llu}}",
		l->max_request, l->max_inflight, (unsigned long long)l->max_peers,
		(unsigned long long)l->max_peers_per_uid,
		(unsigned long long)l->fragment_ns / 1000000u,
		(unsigned long long)l->idle_ns / 1000000u,
		(unsigned long long)l->slow_ns / 1000000u);
	return finish(f, ret);
}
