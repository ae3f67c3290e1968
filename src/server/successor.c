#include "server/successor.h"

#include <stdlib.h>

bool successor_can_have(const struct endpoint *ep)
{
	return !ep->draining && handover_is_supported(ep->ops);
}

static void pack_backend(const struct endpoint *ep, struct parcel *parcel)
{
	struct rv_handover h = {.data = {.len = 0}};

	ep->ops->hand_over(ep->block, &h);
	handover_pack_backend(&h, parcel);
	free(h.data.data);
	free(h.fds.data);
}

static void pack_endpoint(const struct endpoint *ep, struct parcel *parcel)
{
	struct rv_pack *p = &parcel->data;

	rv_pack_string(p, ep->cfg->name);
	rv_pack_string(p, ep->ops->name);
	rv_pack_string(p, ep->cfg->names[0]);
	rv_pack_u64(p, ep->ops->handover_version);
	pack_backend(ep, parcel);
	rv_pack_u64(p, ep->n_instances);
	for (unsigned i = 0; i < ep->n_instances; i++) {
		size_t begin;
		uint64_t n;

		rv_pack_u64(p, 0);
		begin = p->len;
		handover_pack(&ep->instances[i], parcel);
		n = p->len - begin;
		if (!p->failed) {
			memcpy(p->data + begin - sizeof(n), &n, sizeof(n));
		}
	}
}

void successor_pack(const struct endpoints *all, struct parcel *parcel)
{
	uint64_t n = 0;

	for (const struct endpoint *ep = all->first; ep; ep = ep->next) {
		n += successor_can_have(ep);
	}
	rv_pack_u64(&parcel->data, n);
	for (const struct endpoint *ep = all->first; ep; ep = ep->next) {
		if (successor_can_have(ep)) {
			pack_endpoint(ep, parcel);
		}
	}
}
