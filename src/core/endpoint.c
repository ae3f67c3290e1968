/* An endpoint from open() to close(), and who may be its peer. Main thread, but
 * for admission, which any worker asks for. */
#include "core/internal.h"

#include <errno.h>
#include <string.h>

struct attach_arg {
	struct rv_instance *in;
	struct rv_err *err;
	int r;
};

static struct limits make_limits(const struct endpoint *ep)
{
	const struct config_endpoint *c = ep->cfg;
	const struct config_global *g = &ep->config->config->global;

	return (struct limits){
		.max_request = g->max_request,
		.max_inflight = c->max_inflight,
		.max_peers = c->info.max_peers,
		.max_peers_per_uid = c->max_peers_per_uid,
		.idle_ns = c->idle_timeout * 1000,
		.slow_ns = c->slow_timeout * 1000,
		.spin_ns = c->spin * 1000,
		.fragment_ns = g->fragment_timeout * 1000,
		.service_ns = c->service->timeout * 1000,
	};
}

static void do_attach(struct worker *w, void *p)
{
	struct attach_arg *a = p;
	struct rv_instance *in = a->in;

	in->worker = w;
	in->service = &in->endpoint->service->on[w->index];
	in->cfg = in->endpoint->cfg;
	in->limits = make_limits(in->endpoint);
	a->r = in->ops->attach(in->block, in->endpoint->block, &instance_host, in, a->err);
	if (a->r < 0) {
		peers_finish(in);
		return;
	}
	in->attached = true;
	in->next = w->instances;
	w->instances = in;
	worker_update_spin(w);
}

static void do_update(struct worker *w, void *p)
{
	struct rv_instance *in = p;

	in->service = &in->endpoint->service->on[w->index];
	in->cfg = in->endpoint->cfg;
	in->limits = make_limits(in->endpoint);
	worker_update_spin(w);
	if (in->limits.idle_ns) {
		worker_want_tick(w);
	}
}

static void do_drain(struct worker *w, void *p)
{
	struct rv_instance *in = p;

	(void)w;
	in->draining = true;
	in->ops->drain(in->block);
}

static void do_detach(struct worker *w, void *p)
{
	struct rv_instance *in = p;
	struct rv_instance **at = &w->instances;

	while (*at && *at != in) {
		at = &(*at)->next;
	}
	if (*at) {
		*at = in->next;
	}
	worker_update_spin(w);
	in->ops->detach(in->block);
	tickets_drop(w, in);
	peers_finish(in);
	in->attached = false;
}

static struct worker *worker_of(const struct endpoint *ep, unsigned i)
{
	return &ep->core->workers[ep->first_worker + i];
}

static int make_instances(struct endpoint *ep)
{
	struct core *core = ep->core;

	ep->n_instances = ep->ops->caps & RV_CAP_MULTI_WORKER ? core->n_workers : 1;
	if (ep->n_instances == 1) {
		ep->first_worker = core->next_worker++ % core->n_workers;
	}
	ep->instances = calloc(ep->n_instances, sizeof(*ep->instances));
	if (!ep->instances) {
		return -ENOMEM;
	}
	for (unsigned i = 0; i < ep->n_instances; i++) {
		struct rv_instance *in = &ep->instances[i];

		in->endpoint = ep;
		in->ops = ep->ops;
		in->stride = PEER_SIZE + ((ep->ops->peer_size + 7u) & ~(size_t)7u);
		in->block = calloc(1, MAX(ep->ops->instance_size, 1u));
		if (!in->block) {
			return -ENOMEM;
		}
	}
	return 0;
}

int endpoint_open(struct core *core, struct config_ref *config, const struct config_endpoint *cfg,
	const int *fds, size_t n_fds, struct endpoint **ret, struct rv_err *err)
{
	struct endpoint *ep = calloc(1, sizeof(*ep));
	int r;

	snprintf(err->msg, sizeof(err->msg), "out of memory");
	if (!ep) {
		return -ENOMEM;
	}
	ep->core = core;
	ep->ops = cfg->ops;
	ep->cfg = cfg;
	ep->config = config_ref(config);
	pthread_mutex_init(&ep->uid_lock, NULL);
	ep->block = calloc(1, MAX(ep->ops->endpoint_size, 1u));
	r = ep->block ? make_instances(ep) : -ENOMEM;
	if (r == 0 && n_fds > 0 && !(ep->ops->caps & RV_CAP_ADOPT_FD)) {
		snprintf(err->msg, sizeof(err->msg), "transport %s takes no inherited descriptors",
			ep->ops->name);
		r = -EINVAL;
	}
	if (r == 0) {
		ep->service = service_get(core, config, cfg->service, err);
		r = ep->service ? 0 : -EINVAL;
	}
	if (r == 0) {
		r = ep->ops->open(ep->block, &cfg->info, cfg->values, fds, n_fds, err);
		ep->is_open = r == 0;
		ep->adopted = n_fds > 0;
	}
	if (r < 0) {
		endpoint_destroy(ep);
		return r;
	}
	*ret = ep;
	return 0;
}

int endpoint_attach(struct endpoint *ep, struct rv_err *err)
{
	for (unsigned i = 0; i < ep->n_instances; i++) {
		struct attach_arg a = {.in = &ep->instances[i], .err = err};

		worker_call(worker_of(ep, i), do_attach, &a);
		if (a.r < 0) {
			return a.r;
		}
	}
	return 0;
}

int endpoint_reconfigure(struct endpoint *ep, struct config_ref *config,
	const struct config_endpoint *cfg, struct rv_err *err)
{
	struct service *service = service_get(ep->core, config, cfg->service, err);
	struct config_ref *old = ep->config;
	int r;

	if (!service) {
		return -EINVAL;
	}
	r = ep->ops->reconfigure(ep->block, &cfg->info, cfg->values, err);
	if (r < 0) {
		return r;
	}
	pthread_rwlock_wrlock(&ep->core->lock);
	ep->config = config_ref(config);
	ep->cfg = cfg;
	ep->service = service;
	pthread_rwlock_unlock(&ep->core->lock);
	for (unsigned i = 0; i < ep->n_instances; i++) {
		worker_call(worker_of(ep, i), do_update, &ep->instances[i]);
	}
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
			worker_call(worker_of(ep, i), do_drain, &ep->instances[i]);
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
			worker_call(worker_of(ep, i), do_detach, &ep->instances[i]);
		}
		free(ep->instances[i].block);
	}
	if (ep->is_open) {
		ep->ops->close(ep->block);
	}
	free(ep->instances);
	free(ep->block);
	free(ep->uids);
	pthread_mutex_destroy(&ep->uid_lock);
	config_unref(ep->config);
	free(ep);
}

/* Admission. */

static struct uid_count *find_uid(struct endpoint *ep, uid_t uid, bool add)
{
	struct uid_count *list;

	for (size_t i = 0; i < ep->n_uids; i++) {
		if (ep->uids[i].uid == uid) {
			return &ep->uids[i];
		}
	}
	if (!add) {
		return NULL;
	}
	list = realloc(ep->uids, (ep->n_uids + 1) * sizeof(*list));
	if (!list) {
		return NULL;
	}
	ep->uids = list;
	list[ep->n_uids] = (struct uid_count){.uid = uid};
	return &list[ep->n_uids++];
}

int endpoint_admit(struct endpoint *ep, uid_t uid, uint64_t max_peers, uint64_t per_uid)
{
	struct uid_count *u;
	int r = 0;

	if (atomic_fetch_add(&ep->peers, 1) >= max_peers && max_peers) {
		atomic_fetch_sub(&ep->peers, 1);
		return -EUSERS;
	}
	if (!(ep->ops->caps & RV_CAP_PEERCRED)) {
		return 0;
	}
	pthread_mutex_lock(&ep->uid_lock);
	u = find_uid(ep, uid, true);
	if (!u || (per_uid && u->n >= per_uid)) {
		r = -EDQUOT;
	} else {
		u->n++;
	}
	pthread_mutex_unlock(&ep->uid_lock);
	if (r < 0) {
		atomic_fetch_sub(&ep->peers, 1);
	}
	return r;
}

void endpoint_leave(struct endpoint *ep, uid_t uid)
{
	struct uid_count *u;

	atomic_fetch_sub(&ep->peers, 1);
	if (!(ep->ops->caps & RV_CAP_PEERCRED)) {
		return;
	}
	pthread_mutex_lock(&ep->uid_lock);
	u = find_uid(ep, uid, false);
	if (u && --u->n == 0) {
		*u = ep->uids[--ep->n_uids];
	}
	pthread_mutex_unlock(&ep->uid_lock);
}
