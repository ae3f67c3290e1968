#include "server/predecessor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "util/log.h"

static int unpack_legacy(struct predecessor *p, struct rv_unpack *u, struct legacy *l)
{
	uint64_t instances;
	int r = 0;

	l->name = rv_unpack_string(u);
	l->transport = rv_unpack_string(u);
	l->address = rv_unpack_string(u);
	l->version = rv_unpack_u64(u);
	takeover_unpack_backend(&l->backend, &p->parcel, u);
	l->peers.parcel = &p->parcel;
	instances = rv_unpack_u64(u);
	for (uint64_t i = 0; r == 0 && i < instances && rv_unpack_ok(u); i++) {
		struct rv_unpack peers = rv_unpack_blob(u);

		r = takeover_peers_add(&l->peers, &peers);
	}
	return rv_unpack_ok(u) ? r : -EBADMSG;
}

/* Each that makes sense is there for itself. */
static void unpack(struct predecessor *p)
{
	struct rv_unpack *u = &p->parcel.data;
	uint64_t n = rv_unpack_u64(u);

	if (!rv_unpack_ok(u) || n > u->left) {
		log_error("what the process before has left is damaged: none of it is taken over");
		return;
	}
	p->v = calloc((size_t)n + 1, sizeof(*p->v));
	for (; p->v && p->n < n; p->n++) {
		if (unpack_legacy(p, u, &p->v[p->n]) < 0) {
			log_error("what the process before has left is damaged: endpoint %zu of "
				  "%llu and those behind it are not taken over",
				p->n + 1, (unsigned long long)n);
			takeover_finish(&p->v[p->n].backend);
			takeover_peers_finish(&p->v[p->n].peers);
			return;
		}
	}
}

void predecessor_init(struct predecessor *p, const int *ends, size_t n)
{
	char why[PARCEL_WHY];

	*p = (struct predecessor){0};
	if (n == 0) {
		return;
	}
	if (parcel_open(&p->parcel, ends, n, why) < 0) {
		log_error("what the process before has left is not taken over: %s", why);
		return;
	}
	if (p->parcel.missing > 0) {
		log_error("%zu of %zu descriptors of the process before did not arrive: their "
			  "connections are lost",
			p->parcel.missing, p->parcel.n_fds);
	}
	unpack(p);
}

static bool is_for(const struct legacy *l, const struct config_endpoint *cfg)
{
	return strcmp(l->transport, cfg->ops->name) == 0 && strcmp(l->address, cfg->names[0]) == 0;
}

static void drop(struct legacy *l)
{
	takeover_finish(&l->backend);
	takeover_peers_finish(&l->peers);
	l->address = NULL;
}

/* The backend knows what its names are, and removes them. */
static void end(struct legacy *l, const struct config_registry *reg)
{
	const struct rv_backend_ops *ops = reg->backend(reg->ctx, l->transport);
	const struct rv_endpoint_info info = {
		.name = l->name, .owner = (uid_t)-1, .group = (gid_t)-1};
	struct rv_err err;
	void *block;

	log_notice(
		"%s: it is not in the configuration any more, %zu peers end", l->name, l->peers.n);
	if (l->peers_only || !ops || !handover_is_supported(ops) ||
		l->version != ops->handover_version) {
		return;
	}
	block = calloc(1, ops->endpoint_size + 1);
	if (block) {
		(void)ops->take_over(block, &info, NULL, NULL, 0, &l->backend, &err);
	}
	free(block);
}

static bool can_go_on(const struct legacy *l, const struct config_endpoint *cfg)
{
	bool can = handover_is_supported(cfg->ops) && l->version == cfg->ops->handover_version;

	if (!can) {
		log_warning("%s: what the process before has left is of version %llu, which this "
			    "%s does not read: %zu peers end",
			cfg->name, (unsigned long long)l->version, cfg->ops->name, l->peers.n);
	}
	return can;
}

void predecessor_settle(
	struct predecessor *p, const struct config *config, const struct config_registry *reg)
{
	for (size_t i = 0; i < p->n; i++) {
		struct legacy *l = &p->v[i];
		const struct config_endpoint *cfg = NULL;

		for (size_t k = 0; k < config->n_endpoints && !cfg; k++) {
			cfg = is_for(l, &config->endpoints[k]) ? &config->endpoints[k] : NULL;
		}
		if (!cfg) {
			end(l, reg);
		}
		if (!cfg || !can_go_on(l, cfg)) {
			drop(l);
		}
	}
}

struct legacy *predecessor_find(struct predecessor *p, const struct config_endpoint *cfg)
{
	for (size_t i = 0; p && i < p->n; i++) {
		if (p->v[i].address && is_for(&p->v[i], cfg)) {
			return &p->v[i];
		}
	}
	return NULL;
}

void predecessor_finish(struct predecessor *p)
{
	for (size_t i = 0; i < p->n; i++) {
		drop(&p->v[i]);
	}
	free(p->v);
	while (p->bytes) {
		struct predecessor_bytes *next = p->bytes->next;

		free(p->bytes);
		p->bytes = next;
	}
	parcel_in_finish(&p->parcel);
	*p = (struct predecessor){0};
}
