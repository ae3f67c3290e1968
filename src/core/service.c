/*
 * Services: one block for all, one per worker. A reload that changes a service
 * makes a new one; the old one lives until its last deferred reply is gone.
 */
#include "core/internal.h"

#include <errno.h>

struct config_ref *config_ref(struct config_ref *r)
{
	r->refs++;
	return r;
}

void config_unref(struct config_ref *r)
{
	if (--r->refs == 0) {
		config_destroy(r->config);
		free(r);
	}
}

struct attach_arg {
	struct service *service;
	struct rv_err *err;
	int r;
};

static void do_attach(struct worker *w, void *p)
{
	struct attach_arg *a = p;
	struct service *s = a->service;
	struct rv_service_worker *sw = &s->on[w->index];

	sw->service = s;
	sw->worker = w;
	sw->block = calloc(1, MAX(s->ops->worker_size, 1u));
	if (!sw->block) {
		a->r = -ENOMEM;
		return;
	}
	if (s->ops->attach) {
		a->r = s->ops->attach(sw->block, s->block, &defer_host, sw, a->err);
	}
	if (a->r < 0) {
		free(TAKE_PTR(sw->block));
		return;
	}
	sw->attached = true;
	atomic_fetch_add(&s->workers, 1);
}

static void detach(struct rv_service_worker *sw)
{
	struct service *s = sw->service;
	struct core *core = s->core; /* s is the main thread's to free after the count */

	if (!sw->attached) {
		return;
	}
	if (s->ops->detach) {
		s->ops->detach(sw->block);
	}
	free(TAKE_PTR(sw->block));
	sw->attached = false;
	atomic_fetch_sub(&s->workers, 1);
	core_notify(core);
}

void service_turn_end(struct worker *w)
{
	struct rv_service_worker **at = &w->retired;

	while (*at) {
		struct rv_service_worker *sw = *at;

		if (sw->deferred > 0) {
			at = &sw->next_retired;
			continue;
		}
		*at = sw->next_retired;
		detach(sw);
	}
}

/* Not at once: this may have been called from inside the service, and what waits
 * for a deferred reply still needs it. */
static void do_retire(struct worker *w, void *p)
{
	struct service *s = p;
	struct rv_service_worker *sw = &s->on[w->index];

	if (sw->attached) {
		sw->next_retired = w->retired;
		w->retired = sw;
		service_turn_end(w);
	}
}

static void service_free(struct service *s)
{
	if (s->ops->close && s->block) {
		s->ops->close(s->block);
	}
	free(s->block);
	free(s->on);
	if (s->config) {
		config_unref(s->config);
	}
	free(s);
}

static int service_open(struct service *s, struct rv_err *err)
{
	int r;

	s->on = calloc(s->core->n_workers, sizeof(*s->on));
	s->block = calloc(1, MAX(s->ops->service_size, 1u));
	if (!s->on || !s->block) {
		return -ENOMEM;
	}
	r = s->ops->open ? s->ops->open(s->block, s->cfg->values, err) : 0;
	if (r < 0) {
		free(TAKE_PTR(s->block));
		return r;
	}
	for (unsigned i = 0; i < s->core->n_workers; i++) {
		struct attach_arg a = {.service = s, .err = err};

		worker_call(&s->core->workers[i], do_attach, &a);
		if (a.r < 0) {
			return a.r;
		}
	}
	return 0;
}

static void service_retire(struct service *s)
{
	s->retired = true;
	for (unsigned i = 0; i < s->core->n_workers; i++) {
		if (s->on) {
			worker_call(&s->core->workers[i], do_retire, s);
		}
	}
}

struct service *service_get(struct core *core, struct config_ref *config,
	const struct config_service *cfg, struct rv_err *err)
{
	struct service *s;

	for (s = core->services; s; s = s->next) {
		if (!s->retired && s->ops == cfg->ops && config_service_same(s->cfg, cfg)) {
			return s;
		}
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(err->msg, sizeof(err->msg), "out of memory");
		return NULL;
	}
	s->core = core;
	s->ops = cfg->ops;
	s->lines = s->ops->size < sizeof(*s->ops) ? NULL : s->ops->lines; /* it came later */
	s->cfg = cfg;
	s->config = config_ref(config);
	s->next = core->services;
	core->services = s;
	if (service_open(s, err) < 0) {
		service_retire(s);
		return NULL;
	}
	return s;
}

static bool is_used(const struct core *core, const struct service *s)
{
	for (const struct endpoint *ep = core->endpoints; ep; ep = ep->next) {
		if (ep->service == s) {
			return true;
		}
	}
	return false;
}

void service_retire_unused(struct core *core)
{
	for (struct service *s = core->services; s; s = s->next) {
		if (!s->retired && !is_used(core, s)) {
			service_retire(s);
		}
	}
	service_collect(core);
}

void service_collect(struct core *core)
{
	struct service **at = &core->services;

	while (*at) {
		struct service *s = *at;

		if (s->retired && atomic_load(&s->workers) == 0) {
			*at = s->next;
			service_free(s);
		} else {
			at = &s->next;
		}
	}
}
