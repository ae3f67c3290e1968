#include "server/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util/clock.h"
#include "util/log.h"

/* What happens to one endpoint of the new configuration. */
struct row {
	const struct config_endpoint *cfg, *old_cfg;
	struct config_ref *old_config; /* held while the plan exists */
	struct endpoint *old;          /* of the same name; NULL: it is new */
	struct endpoint *holder;       /* has the address now and will lose it */
	struct endpoint *opened;
	enum config_change change; /* CONFIG_REPLACE also for new ones */
	bool changed, lost; /* lost: its name is not there, or another's */
};

struct plan {
	struct endpoints *all;
	struct config_ref *config;
	struct row *rows;
	size_t n;
	uint64_t deadline; /* of the drains */
	struct rv_err *err;
};

static int plan_row(struct plan *p, struct row *row, const struct config_endpoint *cfg)
{
	struct endpoint *old = endpoints_find(p->all, cfg->name);

	*row = (struct row){.cfg = cfg, .old = old, .change = CONFIG_REPLACE};
	if (!old) {
		return 0;
	}
	row->old_cfg = old->cfg;
	row->old_config = config_ref(old->config);
	if (old->ops == cfg->ops) {
		row->change = config_endpoint_diff(old->cfg, cfg);
	}
	if (row->change == CONFIG_REPLACE && old->adopted) {
		snprintf(p->err->msg, sizeof(p->err->msg),
			"%s: its descriptor is inherited; such a change needs a restart",
			cfg->name);
		return -EBUSY;
	}
	return 0;
}

static int plan_init(
	struct plan *p, struct endpoints *all, struct config_ref *ref, struct rv_err *err)
{
	const struct config *config = ref->config;
	int r = 0;

	*p = (struct plan){
		.all = all,
		.config = ref,
		.rows = calloc(config->n_endpoints, sizeof(*p->rows)),
		.deadline = clock_now() + config->global.drain_timeout * 1000,
		.err = err,
	};
	if (!p->rows) {
		return -ENOMEM;
	}
	for (; r == 0 && p->n < config->n_endpoints; p->n++) {
		r = plan_row(p, &p->rows[p->n], &config->endpoints[p->n]);
	}
	return r;
}

static void plan_finish(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->rows[i].old_config) {
			config_unref(p->rows[i].old_config);
		}
	}
	free(p->rows);
}

/* A change that can't be made in place, or a name that is not ours any more: then the
 * endpoint is opened anew, which takes the name back or says why not. */
static bool must_replace(const struct row *row, int r)
{
	return (r == -EBUSY && row->change == CONFIG_LIVE) || r == -ESTALE;
}

static int change_in_place(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct row *row = &p->rows[i];
		int r;

		if (!row->old || row->change == CONFIG_REPLACE) {
			continue;
		}
		r = endpoint_reconfigure(row->old, p->config, row->cfg, p->err);
		if (must_replace(row, r) && !row->old->adopted) {
			if (r == -ESTALE) {
				log_notice("%s: %s; it is made again", row->cfg->name, p->err->msg);
			}
			row->change = CONFIG_REPLACE;
			row->lost = r == -ESTALE;
		} else if (r < 0) {
			const struct rv_err why = *p->err;

			snprintf(p->err->msg, sizeof(p->err->msg), "%s: %.200s", row->cfg->name,
				why.msg);
			return r;
		}
		row->changed = r == 0;
	}
	return 0;
}

static int open_row(struct plan *p, struct row *row)
{
	return endpoints_open(p->all, p->config, row->cfg, NULL, &row->opened, p->err);
}

/* Opens what nobody stands in the way of, so that most errors show up before
 * anything was given up. */
static int open_free(struct plan *p)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n; i++) {
		struct row *row = &p->rows[i];

		if (row->change == CONFIG_REPLACE) {
			row->holder = endpoints_find_address(p->all, row->cfg->names[0]);
			r = row->holder ? 0 : open_row(p, row);
		}
	}
	return r;
}

/* All holders give up their names first: two endpoints may have swapped them. */
static int open_held(struct plan *p)
{
	int r = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->rows[i].holder) {
			endpoint_drain(p->rows[i].holder, p->deadline);
		}
	}
	for (size_t i = 0; r == 0 && i < p->n; i++) {
		if (p->rows[i].holder) {
			r = open_row(p, &p->rows[i]);
		}
	}
	return r;
}

/* Serves an address again that was given up for nothing. */
static void reopen(struct plan *p, const struct endpoint *old)
{
	struct endpoint *again = NULL;
	struct rv_err err, why = *p->err;
	int r = endpoints_open(p->all, old->config, old->cfg, NULL, &again, &err);

	if (r == 0) {
		r = endpoint_attach(again, &err);
	}
	if (r < 0) {
		snprintf(p->err->msg, sizeof(p->err->msg),
			"%.100s; and not served any more: %.100s", why.msg, err.msg);
		if (again) {
			endpoints_remove(p->all, again);
		}
	}
}

static void undo(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->rows[i].opened) {
			endpoints_remove(p->all, p->rows[i].opened);
		}
	}
	for (size_t i = 0; i < p->n; i++) {
		struct row *row = &p->rows[i];
		struct rv_err err;

		if (row->holder && row->holder->draining) {
			reopen(p, row->holder);
		}
		if (row->changed &&
			endpoint_reconfigure(row->old, row->old_config, row->old_cfg, &err) < 0) {
			log_error("%s: %s", row->cfg->name, err.msg);
		}
	}
}

static void tell(const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct row *row = &p->rows[i];

		if (row->old && row->change == CONFIG_LIVE) {
			log_info("%s: changed in place", row->cfg->name);
		} else if (row->old && strcmp(row->old_cfg->address, row->cfg->address) != 0) {
			log_info("%s: moved from %s", row->cfg->name, row->old_cfg->address);
		} else if (row->old && row->change == CONFIG_REPLACE && !row->lost) {
			log_info("%s: opened anew", row->cfg->name);
		}
	}
}

/* Drains what the new configuration does not have any more. */
static void drain_old(struct plan *p)
{
	for (struct endpoint *ep = p->all->first; ep; ep = ep->next) {
		if (!ep->draining && ep->config != p->config &&
			!config_find_endpoint(p->config->config, ep->cfg->name)) {
			log_info("%s: removed", ep->cfg->name);
			endpoint_drain(ep, p->deadline);
		}
	}
	for (size_t i = 0; i < p->n; i++) {
		if (p->rows[i].old && p->rows[i].opened) {
			endpoint_drain(p->rows[i].old, p->deadline);
		}
	}
}

static int run(struct plan *p)
{
	int r = change_in_place(p);

	if (r == 0) {
		r = open_free(p);
	}
	if (r == 0) {
		r = open_held(p);
	}
	if (r == 0) {
		r = endpoints_attach(p->all, p->err);
	}
	if (r < 0) {
		undo(p);
		return r;
	}
	tell(p);
	drain_old(p);
	return 0;
}

int reload_apply(struct endpoints *all, struct config_ref *config, struct rv_err *err)
{
	struct plan plan = {0};
	int r;

	snprintf(err->msg, sizeof(err->msg), "out of memory");
	r = plan_init(&plan, all, config, err);
	if (r == 0) {
		r = run(&plan);
	}
	plan_finish(&plan);
	return r;
}
