#include <string.h>
#include "config/schema.h"

static bool same_values(const struct rv_option *table, const void *a, const void *b)
{
	for (; table && table->key; table++) {
		if (!option_same(table, a, b)) {
			return false;
		}
	}
	return true;
}

bool config_service_same(const struct config_service *a, const struct config_service *b)
{
	return strcmp(a->name, b->name) == 0 && a->ops == b->ops && a->timeout == b->timeout &&
	       same_values(a->ops->options, a->values, b->values);
}

static bool same_names(const struct rv_endpoint_info *a, const struct rv_endpoint_info *b)
{
	return a->mode == b->mode && a->out_mode == b->out_mode && a->owner == b->owner &&
	       a->group == b->group;
}

bool config_endpoint_concerns_host(const struct config_endpoint *a, const struct config_endpoint *b)
{
	return same_names(&a->info, &b->info) && same_values(a->ops->options, a->values, b->values);
}

/* Settings of the host and those that every backend can change in place. */
static bool same_common(const struct config_endpoint *a, const struct config_endpoint *b)
{
	const struct rv_endpoint_info *ia = &a->info, *ib = &b->info;

	return same_names(ia, ib) && ia->max_peers == ib->max_peers &&
	       ia->max_request == ib->max_request && a->max_peers_per_uid == b->max_peers_per_uid &&
	       a->max_inflight == b->max_inflight && a->idle_timeout == b->idle_timeout &&
	       a->slow_timeout == b->slow_timeout && a->spin == b->spin &&
	       config_service_same(a->service, b->service);
}

enum config_change config_endpoint_diff(
	const struct config_endpoint *a, const struct config_endpoint *b)
{
	enum config_change change = CONFIG_SAME;

	if (a->ops != b->ops || strcmp(a->address, b->address) != 0) {
		return CONFIG_REPLACE;
	}
	for (const struct rv_option *o = a->ops->options; o && o->key; o++) {
		if (option_same(o, a->values, b->values)) {
			continue;
		}
		if (!o->live) {
			return CONFIG_REPLACE;
		}
		change = CONFIG_LIVE;
	}
	return same_common(a, b) ? change : CONFIG_LIVE;
}
