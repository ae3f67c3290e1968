#include "server/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util/fd.h"
#include "util/log.h"

/* What instances ask, from their workers' threads. */

static int on_admit(void *owner, uid_t uid)
{
	struct endpoint *ep = owner;

	return admission_enter(&ep->admission, uid);
}

static void on_leave(void *owner, uid_t uid)
{
	struct endpoint *ep = owner;

	admission_leave(&ep->admission, uid);
}

static void on_drained(void *owner)
{
	struct endpoint *ep = owner;

	atomic_fetch_add(&ep->drained, 1);
	fd_event_signal(ep->all->services.notify_fd);
}

static void on_failed(void *owner, int err)
{
	struct endpoint *ep = owner;

	ep->error = err;
	atomic_store(&ep->failed, true);
	fd_event_signal(ep->all->services.notify_fd);
}

/* The sentence goes with the last instance that comes back. */
static void on_down(void *owner, const char *why, bool first)
{
	struct endpoint *ep = owner;

	pthread_rwlock_wrlock(&ep->all->lock);
	if (why) {
		ep->n_down += first;
		snprintf(ep->why_down, sizeof(ep->why_down), "%s", why);
	} else {
		ep->n_down--;
	}
	pthread_rwlock_unlock(&ep->all->lock);
	fd_event_signal(ep->all->services.notify_fd);
}

static const struct endpoint_hooks hooks = {
	.admit = on_admit,
	.leave = on_leave,
	.drained = on_drained,
	.failed = on_failed,
	.down = on_down,
};

/* What an instance needs of its configuration, in ns. */
static struct limits make_limits(const struct endpoint *ep)
{
	const struct config_endpoint *c = ep->cfg;
	const struct config_global *g = &ep->config->config->global;

	return (struct limits){
		.max_request = g->max_request,
		.max_inflight = c->max_inflight,
		.idle_ns = c->idle_timeout * 1000,
		.slow_ns = c->slow_timeout * 1000,
		.spin_ns = c->spin * 1000,
		.fragment_ns = g->fragment_timeout * 1000,
		.service_ns = c->service->timeout * 1000,
	};
}

static struct instance_settings make_settings(const struct endpoint *ep, unsigned i)
{
	return (struct instance_settings){
		.name = ep->cfg->name,
		.address = ep->cfg->address,
		.cfg = ep->cfg,
		.service = &ep->service->on[ep->first_worker + i],
		.limits = make_limits(ep),
	};
}

static int make_instances(struct endpoint *ep)
{
	struct services *all = &ep->all->services;
	int r = 0;

	ep->n_instances = ep->ops->caps & RV_CAP_MULTI_WORKER ? all->n_workers : 1;
	if (ep->n_instances == 1) {
		ep->first_worker = ep->all->next_worker++ % all->n_workers;
	}
	ep->instances = calloc(ep->n_instances, sizeof(*ep->instances));
	if (!ep->instances) {
		return -ENOMEM;
	}
	for (unsigned i = 0; r == 0 && i < ep->n_instances; i++) {
		r = instance_init(&ep->instances[i], &all->traffics[ep->first_worker + i], ep->ops,
			&hooks, ep->all->reports, ep);
	}
	return r;
}

static void limit_peers(struct endpoint *ep)
{
	admission_limit(&ep->admission, ep->cfg->info.max_peers, ep->cfg->max_peers_per_uid);
}

static int init(struct endpoint *ep, struct endpoints *all, struct config_ref *config,
	const struct config_endpoint *cfg, struct rv_err *err)
{
	int r;

	ep->all = all;
	ep->ops = cfg->ops;
	ep->cfg = cfg;
	ep->config = config_ref(config);
	ep->told = config_ref(config);
	admission_init(&ep->admission, ep->ops->caps & RV_CAP_PEERCRED);
	limit_peers(ep);
	ep->block = calloc(1, MAX(ep->ops->endpoint_size, 1u));
	r = ep->block ? make_instances(ep) : -ENOMEM;
	if (r == 0) {
		ep->service = service_get(&all->services, config, cfg->service, err);
		r = ep->service ? 0 : -EINVAL;
	}
	return r;
}

/* What the process before had open is opened again if it can't be gone on with. */
static int take_over(struct endpoint *ep, const struct endpoint_sources *from)
{
	const struct config_endpoint *cfg = ep->cfg;
	struct rv_err err = {{0}};
	int r = ep->ops->take_over(ep->block, &cfg->info, cfg->values, from->fds, from->n_fds,
		&from->legacy->backend, &err);

	if (r < 0) {
		log_warning("%s: it is opened anew, since it can't go on as it was: %s", cfg->name,
			err.msg);
		memset(ep->block, 0, ep->ops->endpoint_size);
	}
	ep->legacy = from->legacy;
	return r;
}

static int open_backend(
	struct endpoint *ep, const struct endpoint_sources *from, struct rv_err *err)
{
	const struct config_endpoint *cfg = ep->cfg;
	int r = -ENOENT;

	if (from->legacy && from->legacy->peers_only) {
		ep->legacy = from->legacy;
	} else if (from->legacy) {
		r = take_over(ep, from);
	}
	if (r < 0) {
		r = ep->ops->open ? ep->ops->open(ep->block, &cfg->info, cfg->values, from->fds,
					    from->n_fds, err)
				  : 0;
	}
	ep->is_open = r == 0;
	ep->adopted = from->n_fds > 0;
	return r;
}

int endpoint_open(struct endpoints *all, struct config_ref *config,
	const struct config_endpoint *cfg, const struct endpoint_sources *from,
	struct endpoint **ret, struct rv_err *err)
{
	struct endpoint *ep = calloc(1, sizeof(*ep));
	int r;

	snprintf(err->msg, sizeof(err->msg), "out of memory");
	if (!ep) {
		return -ENOMEM;
	}
	r = init(ep, all, config, cfg, err);
	if (r == 0 && from->n_fds > 0 && !(ep->ops->caps & RV_CAP_ADOPT_FD)) {
		snprintf(err->msg, sizeof(err->msg), "transport %s takes no inherited descriptors",
			ep->ops->name);
		r = -EINVAL;
	}
	if (r == 0) {
		r = open_backend(ep, from, err);
	}
	if (r < 0) {
		endpoint_destroy(ep);
		return r;
	}
	*ret = ep;
	return 0;
}

static void tell_lost(const struct endpoint *ep)
{
	const struct takeover_peers *peers = &ep->legacy->peers;

	if (peers->lost > 0) {
		log_error("%s: %zu of %zu peers of the process before could not be taken over",
			ep->cfg->name, peers->lost, peers->n);
	}
}

int endpoint_attach(struct endpoint *ep, struct rv_err *err)
{
	struct takeover_peers *peers = ep->legacy ? &ep->legacy->peers : NULL;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < ep->n_instances; i++) {
		const struct instance_settings settings = make_settings(ep, i);

		if (peers) {
			peers->share = i;
			peers->shares = ep->n_instances;
		}
		r = instance_attach(&ep->instances[i], ep->block, &settings, peers, err);
	}
	if (peers) {
		tell_lost(ep);
		ep->legacy = NULL;
	}
	return r;
}

/* Tells the backend of the keys that it acts on. */
static int tell_backend(struct endpoint *ep, struct config_ref *config,
	const struct config_endpoint *cfg, struct rv_err *err)
{
	int r;

	if (!ep->ops->reconfigure) {
		snprintf(err->msg, sizeof(err->msg), "transport %s changes nothing in place",
			ep->ops->name);
		return config_endpoint_concerns_host(ep->cfg, cfg) ? 0 : -EBUSY;
	}
	r = ep->ops->reconfigure(ep->block, &cfg->info, cfg->values, err);
	if (r == 0) {
		config_unref(ep->told);
		ep->told = config_ref(config);
	}
	return r;
}

int endpoint_reconfigure(struct endpoint *ep, struct config_ref *config,
	const struct config_endpoint *cfg, struct rv_err *err)
{
	struct service *service = service_get(&ep->all->services, config, cfg->service, err);
	struct service *old_service = ep->service;
	struct config_ref *old = ep->config;
	int r;

	if (!service) {
		return -EINVAL;
	}
	r = tell_backend(ep, config, cfg, err);
	if (r < 0) {
		service_put(service);
		return r;
	}
	pthread_rwlock_wrlock(&ep->all->lock);
	ep->config = config_ref(config);
	ep->cfg = cfg;
	ep->service = service;
	pthread_rwlock_unlock(&ep->all->lock);
	limit_peers(ep);
	for (unsigned i = 0; i < ep->n_instances; i++) {
		const struct instance_settings settings = make_settings(ep, i);

		instance_update(&ep->instances[i], &settings);
	}
	service_put(old_service);
	config_unref(old);
	return 0;
}

void endpoint_drain(struct endpoint *ep, uint64_t deadline_ns)
{
	if (ep->draining) {
		return;
	}
	ep->draining = true;
	ep->drain_deadline = deadline_ns;
	for (unsigned i = 0; i < ep->n_instances; i++) {
		if (ep->instances[i].attached) {
			instance_drain(&ep->instances[i]);
		} else {
			atomic_fetch_add(&ep->drained, 1);
		}
	}
}

bool endpoint_is_drained(const struct endpoint *ep)
{
	return atomic_load(&ep->drained) >= ep->n_instances;
}

void endpoint_destroy(struct endpoint *ep)
{
	for (unsigned i = 0; i < ep->n_instances && ep->instances; i++) {
		if (ep->instances[i].attached) {
			instance_detach(&ep->instances[i]);
		}
		instance_finish(&ep->instances[i]);
	}
	if (ep->is_open && ep->ops->close) {
		ep->ops->close(ep->block);
	}
	if (ep->service) {
		service_put(ep->service);
	}
	free(ep->instances);
	free(ep->block);
	admission_finish(&ep->admission);
	config_unref(ep->config);
	config_unref(ep->told);
	free(ep);
}
