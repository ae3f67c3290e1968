/*
 * Changing over to another configuration. What is new is opened first, all of it
 * or nothing; then what changed is changed, in place if its backend can; then
 * what is gone is drained. Main thread.
 */
#include <errno.h>
#include <stdio.h>
#include "core/internal.h"
#include "util/clock.h"

/* Opens what is new. On failure closes it again: nothing has changed. */
static int reload_added(struct core *core, struct config_ref *ref, struct rv_err *err)
{
	const struct config *config = ref->config;
	struct endpoint *opened[256];
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->n_endpoints; i++) {
		if (core_find_endpoint(core, config->endpoints[i].name)) {
			continue;
		}
		if (n == ARRAY_SIZE(opened)) {
			snprintf(err->msg, sizeof(err->msg), "more than %zu new endpoints at once",
				n);
			r = -E2BIG;
			break;
		}
		r = core_open_one(core, ref, &config->endpoints[i], NULL, &opened[n], err);
		n += r == 0;
	}
	if (r == 0) {
		r = core_attach_new(core, err);
	}
	while (r < 0 && n > 0) {
		core_remove_endpoint(core, opened[--n]);
	}
	return r;
}

/* The old one gives up its names at once and its peers as they finish. */
static int reload_replace(struct core *core, struct endpoint *old, struct config_ref *ref,
	const struct config_endpoint *cfg, struct rv_err *err)
{
	struct config_ref *old_ref = config_ref(old->config);
	const struct config_endpoint *old_cfg = old->cfg;
	struct endpoint *ep;
	int r;

	endpoint_drain(old, clock_now() + ref->config->global.drain_timeout * 1000);
	r = core_open_one(core, ref, cfg, NULL, &ep, err);
	if (r == 0) {
		r = endpoint_attach(ep, err);
	}
	if (r < 0) {
		struct rv_err again;

		log_error("%s: %s; going back to what it was", cfg->name, err->msg);
		if (core_open_one(core, old_ref, old_cfg, NULL, &ep, &again) < 0 ||
			endpoint_attach(ep, &again) < 0) {
			log_error("%s: %s", old_cfg->name, again.msg);
		}
	}
	config_unref(old_ref);
	return r;
}

static int reload_changed(struct core *core, struct config_ref *ref, struct rv_err *err)
{
	const struct config *config = ref->config;
	int r = 0;

	for (size_t i = 0; i < config->n_endpoints; i++) {
		const struct config_endpoint *cfg = &config->endpoints[i];
		struct endpoint *ep = core_find_endpoint(core, cfg->name);
		enum config_change change;
		int k = 0;

		if (!ep || ep->config == ref) {
			continue;
		}
		change = ep->ops == cfg->ops ? config_endpoint_diff(ep->cfg, cfg) : CONFIG_REPLACE;
		if (change != CONFIG_REPLACE) {
			k = endpoint_reconfigure(ep, ref, cfg, err);
			if (k == -EBUSY) {
				change = CONFIG_REPLACE;
			}
		}
		if (change == CONFIG_REPLACE) {
			k = reload_replace(core, ep, ref, cfg, err);
		}
		if (change != CONFIG_SAME) {
			log_info("%s: %s", cfg->name,
				k < 0                   ? err->msg
				: change == CONFIG_LIVE ? "changed in place"
							: "reopened");
		}
		r = k < 0 ? k : r;
	}
	return r;
}

static void reload_removed(struct core *core, const struct config *config)
{
	uint64_t deadline = clock_now() + config->global.drain_timeout * 1000;

	for (struct endpoint *ep = core->endpoints; ep; ep = ep->next) {
		if (!ep->draining && !config_find_endpoint(config, ep->cfg->name)) {
			log_info("%s: removed", ep->cfg->name);
			endpoint_drain(ep, deadline);
		}
	}
}

int core_reload(struct core *core, struct config *config, struct rv_err *err)
{
	struct config_ref *ref = core_take_config(config);
	int r = ref ? reload_added(core, ref, err) : -ENOMEM;

	if (r < 0) {
		service_retire_unused(core); /* they point into it */
		if (ref) {
			core_give_back(ref);
		}
		return r;
	}
	r = reload_changed(core, ref, err);
	if (r < 0) {
		log_warning("some endpoints keep their old configuration");
	}
	reload_removed(core, config);
	config_unref(core->config);
	core->config = ref;
	service_retire_unused(core);
	core_arm_drain_timer(core);
	core_notify(core);
	return 0;
}
