#include "revc/rates.h"

#include <stdio.h>
#include <string.h>

static const struct snapshot_endpoint *find(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; s && i < s->n; i++) {
		if (strcmp(s->endpoints[i].name, name) == 0) {
			return &s->endpoints[i];
		}
	}
	return NULL;
}

/* An endpoint that a reload has made anew counts from 0. */
static double per_second(uint64_t now, uint64_t before, double s)
{
	return s > 0 && now >= before ? (double)(now - before) / s : 0;
}

static void set_quantiles(struct rate *r, const struct hist *now, const struct hist *before)
{
	struct hist h = {.max = UINT64_MAX};

	for (unsigned i = 0; i < HIST_SLOTS; i++) {
		if (now->slots[i] > before->slots[i]) {
			h.slots[i] = now->slots[i] - before->slots[i];
			h.count += h.slots[i];
		}
	}
	if (h.count > 0) {
		r->p50 = (double)hist_quantile(&h, 0.5) / 1e3;
		r->p99 = (double)hist_quantile(&h, 0.99) / 1e3;
	}
}

void rate_of(struct rate *r, const struct snapshot *now, size_t i, const struct snapshot *before)
{
	const struct snapshot_endpoint *ep = &now->endpoints[i], *was = find(before, ep->name);
	double s = was ? (double)(now->at_ns - before->at_ns) / 1e9 : 0;

	*r = (struct rate){.name = ep->name,
		.state = ep->state,
		.p50 = -1,
		.p99 = -1,
		.peers = ep->peers,
		.drops = ep->drops};
	if (!was) {
		return;
	}
	r->requests = per_second(ep->requests, was->requests, s);
	r->errors = per_second(ep->errors, was->errors, s);
	r->rx = per_second(ep->rx_bytes, was->rx_bytes, s);
	r->tx = per_second(ep->tx_bytes, was->tx_bytes, s);
	if (ep->has_hist) {
		set_quantiles(r, &ep->hist, &was->hist);
	}
}

const char *rate_format(double v, char buf[static 16])
{
	static const char units[] = " kMGTPE";
	size_t unit = 0;

	if (v < 0) {
		(void)snprintf(buf, 16, "-");
		return buf;
	}
	while (v >= 999.5 && unit < sizeof(units) - 2) {
		v /= 1000;
		unit++;
	}
	(void)snprintf(buf, 16, "%.*f%.*s", v < 99.95 && v > (double)(uint64_t)v ? 1 : 0, v,
		unit > 0, &units[unit]);
	return buf;
}
