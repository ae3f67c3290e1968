#include "server/endpoints.h"

#include <stdio.h>
#include <string.h>
#include "util/log.h"

#define MAX_FDS 16 /* inherited descriptors for one endpoint */

struct endpoint *endpoints_find(const struct endpoints *all, const char *name)
{
	struct endpoint *ep = all->first;

	while (ep && (ep->draining || strcmp(ep->cfg->name, name) != 0)) {
		ep = ep->next;
	}
	return ep;
}

struct endpoint *endpoints_find_address(const struct endpoints *all, const char *first_name)
{
	struct endpoint *ep = all->first;

	while (ep && (ep->draining || strcmp(ep->cfg->names[0], first_name) != 0)) {
		ep = ep->next;
	}
	return ep;
}

static void link_endpoint(struct endpoints *all, struct endpoint *ep)
{
	struct endpoint **at = &all->first;

	pthread_rwlock_wrlock(&all->lock);
	while (*at) {
		at = &(*at)->next;
	}
	*at = ep;
	pthread_rwlock_unlock(&all->lock);
}

void endpoints_remove(struct endpoints *all, struct endpoint *ep)
{
	struct endpoint **at = &all->first;

	pthread_rwlock_wrlock(&all->lock);
	while (*at && *at != ep) {
		at = &(*at)->next;
	}
	if (*at) {
		*at = ep->next;
	}
	pthread_rwlock_unlock(&all->lock);
	endpoint_destroy(ep);
}

static size_t pick_fds(const struct inherited_fds *all, const char *name, int *fds)
{
	size_t n = 0;

	for (size_t i = 0; all && i < all->n && n < MAX_FDS; i++) {
		if (!all->taken[i] && strcmp(all->names[i], name) == 0) {
			fds[n++] = all->fds[i];
		}
	}
	return n;
}

static void mark_taken(const struct inherited_fds *all, const char *name)
{
	for (size_t i = 0; all && i < all->n; i++) {
		if (strcmp(all->names[i], name) == 0) {
			all->taken[i] = true;
		}
	}
}

int endpoints_open(struct endpoints *all, struct config_ref *config,
	const struct config_endpoint *cfg, const struct inherited_fds *inherited,
	struct endpoint **ret, struct rv_err *err)
{
	int fds[MAX_FDS] = {-1};
	size_t n = pick_fds(inherited, cfg->name, fds);
	const struct endpoint_sources from = {.fds = fds,
		.n_fds = n,
		.legacy = predecessor_find(inherited ? inherited->predecessor : NULL, cfg)};
	int r = endpoint_open(all, config, cfg, &from, ret, err);

	if (r < 0) {
		const struct rv_err why = *err;

		snprintf(err->msg, sizeof(err->msg), "%s: %.200s", cfg->name, why.msg);
		return r;
	}
	mark_taken(inherited, cfg->name);
	link_endpoint(all, *ret);
	log_info("%s: %s, service %s%s", cfg->name, cfg->address, cfg->service->name,
		from.legacy && !from.legacy->peers_only ? ", taken over"
		: n         ? ", inherited"
			    : "");
	return 0;
}

int endpoints_attach(struct endpoints *all, struct rv_err *err)
{
	int r = 0;

	for (struct endpoint *ep = all->first; ep && r == 0; ep = ep->next) {
		if (!ep->draining && !ep->instances[0].attached) {
			r = endpoint_attach(ep, err);
		}
	}
	return r;
}
