#include "server/stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "proto/status.h"
#include "server/endpoint.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/log.h"

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
	[RV_OP_RELOAD] = "reload",
	[RV_OP_PEERS] = "peers",
};

static void add_counters(struct counters *into, const struct counters *from)
{
	uint64_t *a = (uint64_t *)into;
	const uint64_t *b = (const uint64_t *)from;

	_Static_assert(sizeof(*into) % sizeof(*a) == 0, "counters are words");
	for (size_t i = 0; i < sizeof(*into) / sizeof(*a); i++) {
		a[i] += __atomic_load_n(&b[i], __ATOMIC_RELAXED);
	}
}

static void put_named(struct json_writer *j, const char *name, const char *const *names,
	const uint64_t *v, size_t from, size_t n)
{
	json_write_object(j, name);
	for (size_t i = from; i < n; i++) {
		json_write_uint(j, names[i], v[i]);
	}
	json_write_end(j);
}

/* What was counted, by the lower bound of its step in ns: [[bound, count], ...]. */
static void put_steps(struct json_writer *j, const struct hist *h)
{
	json_write_double(j, "sum", (double)h->sum / 1e3, 3);
	json_write_array(j, "histogram_ns");
	for (unsigned i = 0; i < HIST_SLOTS; i++) {
		if (h->slots[i] > 0) {
			json_write_array(j, NULL);
			json_write_uint(j, NULL, hist_floor(i));
			json_write_uint(j, NULL, h->slots[i]);
			json_write_end(j);
		}
	}
	json_write_end(j);
}

static void put_latency(struct json_writer *j, const struct hist *h, bool histogram)
{
	static const struct {
		const char *name;
		double q;
	} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};

	json_write_object(j, "latency_us");
	json_write_uint(j, "count", h->count);
	json_write_double(j, "mean", h->count ? (double)h->sum / (double)h->count / 1e3 : 0, 3);
	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++) {
		json_write_double(
			j, quantiles[i].name, (double)hist_quantile(h, quantiles[i].q) / 1e3, 3);
	}
	json_write_double(j, "max", (double)h->max / 1e3, 3);
	if (histogram) {
		put_steps(j, h);
	}
	json_write_end(j);
}

static void put_counters(struct json_writer *j, const struct counters *c)
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
		json_write_uint(j, plain[i].name, plain[i].v);
	}
	for (unsigned i = 0; i < RV_STATUS_COUNT; i++) {
		statuses[i] = status_name(i);
	}
	put_named(j, "operations", op_names, c->ops, 0, RV_OP_COUNT);
	put_named(j, "errors", statuses, c->status, 1, RV_STATUS_COUNT);
	put_named(j, "drops", drop_names, c->drops, 0, RV_DROP_COUNT);
}

/* The caller holds the lock of the endpoints. */
static void put_state(struct json_writer *j, const struct endpoint *ep)
{
	json_write_string(j, "state", ep->draining ? "draining" : ep->n_down ? "down" : "up");
	if (ep->n_down) {
		json_write_string(j, "why", ep->why_down);
	}
}

static void put_workers(struct json_writer *j, const struct endpoint *ep)
{
	json_write_array(j, "workers");
	for (unsigned i = 0; i < ep->n_instances; i++) {
		const struct rv_instance *in = &ep->instances[i];

		json_write_object(j, NULL);
		json_write_uint(j, "worker", ep->first_worker + i);
		json_write_uint(j, "requests", hist_get(&in->n.requests));
		json_write_uint(j, "peers", hist_get(&in->n.peers));
		json_write_end(j);
	}
	json_write_end(j);
}

static void sum_up(const struct endpoint *ep, struct counters *sum, struct hist *latency)
{
	for (unsigned i = 0; i < ep->n_instances; i++) {
		add_counters(sum, &ep->instances[i].n);
		hist_merge(latency, &ep->instances[i].latency);
	}
}

static int put_endpoint(struct json_writer *j, const struct endpoint *ep, bool histogram)
{
	struct counters sum = {0};
	struct hist *h = calloc(1, sizeof(*h));

	if (!h) {
		return -ENOMEM;
	}
	sum_up(ep, &sum, h);
	json_write_object(j, NULL);
	json_write_string(j, "endpoint", ep->cfg->name);
	json_write_string(j, "transport", ep->ops->name);
	json_write_string(j, "service", ep->cfg->service->name);
	json_write_string(j, "address", ep->cfg->address);
	put_state(j, ep);
	put_counters(j, &sum);
	put_latency(j, h, histogram);
	put_workers(j, ep);
	json_write_end(j);
	free(h);
	return 0;
}

static void put_program(struct json_writer *j, const struct endpoints *all)
{
	json_write_string(j, "program", "revd");
	json_write_string(j, "version", REVD_VERSION);
	json_write_string(j, "unicode", REVD_UNICODE_VERSION);
	json_write_uint(j, "pid", (uint64_t)getpid());
	json_write_double(j, "uptime", (double)(clock_now() - all->start_ns) / 1e9, 3);
}

static int finish(FILE *f, int r, char **buf)
{
	bool bad = ferror(f);

	if (fclose(f) != 0 || bad || r < 0) {
		free(TAKE_PTR(*buf));
		return -ENOMEM;
	}
	return 0;
}

int stats_all(void *owner, bool histogram, char **ret, size_t *ret_n)
{
	struct endpoints *all = ((struct endpoint *)owner)->all;
	struct json_writer j = {.file = open_memstream(ret, ret_n)};
	int r = 0;

	if (!j.file) {
		return -ENOMEM;
	}
	json_write_object(&j, NULL);
	put_program(&j, all);
	json_write_uint(&j, "workers", all->services.n_workers);
	json_write_array(&j, "endpoints");
	pthread_rwlock_rdlock(&all->lock);
	for (const struct endpoint *ep = all->first; ep && r == 0; ep = ep->next) {
		r = put_endpoint(&j, ep, histogram);
	}
	pthread_rwlock_unlock(&all->lock);
	json_write_end(&j);
	json_write_end(&j);
	return finish(j.file, r, ret);
}

static uint64_t total(const uint64_t *v, size_t from, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = from; i < n; i++) {
		sum += v[i];
	}
	return sum;
}

static void log_endpoint(const struct endpoint *ep)
{
	CLEANUP_FREE struct hist *h = calloc(1, sizeof(*h));
	struct counters n = {0};

	if (!h) {
		log_error("%s: no memory for the statistics", ep->cfg->name);
		return;
	}
	sum_up(ep, &n, h);
	log_notice("%s: %llu requests, %llu errors, %llu dropped, %llu peers of %llu, p50 %.1f us, "
		   "p99 %.1f us%s",
		ep->cfg->name, (unsigned long long)n.requests,
		(unsigned long long)total(n.status, 1, RV_STATUS_COUNT),
		(unsigned long long)total(n.drops, 0, RV_DROP_COUNT), (unsigned long long)n.peers,
		(unsigned long long)n.peers_total, (double)hist_quantile(h, 0.5) / 1e3,
		(double)hist_quantile(h, 0.99) / 1e3, ep->draining ? ", draining" : "");
}

void stats_log(struct endpoints *all)
{
	log_notice("up for %.3f s, %u workers", (double)(clock_now() - all->start_ns) / 1e9,
		all->services.n_workers);
	pthread_rwlock_rdlock(&all->lock);
	for (const struct endpoint *ep = all->first; ep; ep = ep->next) {
		log_endpoint(ep);
	}
	pthread_rwlock_unlock(&all->lock);
}

static void put_limits(struct json_writer *j, const struct rv_instance *in)
{
	const struct limits *l = &in->limits;

	json_write_object(j, "limits");
	json_write_uint(j, "max_request", l->max_request);
	json_write_uint(j, "max_inflight", l->max_inflight);
	json_write_uint(j, "max_peers", in->cfg->info.max_peers);
	json_write_uint(j, "max_peers_per_uid", in->cfg->max_peers_per_uid);
	json_write_uint(j, "fragment_timeout_ms", l->fragment_ns / 1000000u);
	json_write_uint(j, "idle_timeout_ms", l->idle_ns / 1000000u);
	json_write_uint(j, "slow_timeout_ms", l->slow_ns / 1000000u);
	json_write_end(j);
}

int stats_info(const struct rv_instance *in, char **ret, size_t *ret_n)
{
	const struct endpoint *ep = in->owner;
	struct json_writer j = {.file = open_memstream(ret, ret_n)};

	if (!j.file) {
		return -ENOMEM;
	}
	json_write_object(&j, NULL);
	put_program(&j, ep->all);
	json_write_string(&j, "endpoint", in->cfg->name);
	json_write_string(&j, "transport", in->ops->name);
	json_write_string(&j, "address", in->cfg->address);
	json_write_string(&j, "service", in->cfg->service->name);
	pthread_rwlock_rdlock(&ep->all->lock);
	put_state(&j, ep);
	pthread_rwlock_unlock(&ep->all->lock);
	put_limits(&j, in);
	json_write_end(&j);
	return finish(j.file, 0, ret);
}
