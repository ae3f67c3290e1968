#include "traffic/listing.h"

#include <stddef.h>
#include "traffic/peer.h"

struct listing_arg {
	struct listing *listing;
	const struct rv_instance *in;
};

static void name_it(const struct rv_instance *in, struct peer *p, struct listed_peer *to)
{
	const struct rv_backend_ops *ops = in->ops;

	to->name[0] = '\0';
	if (ops->size > offsetof(struct rv_backend_ops, peer_name) && ops->peer_name) {
		ops->peer_name(in->block, peer_block(p), to->name, sizeof(to->name));
	}
}

static pid_t pid_of(const struct rv_instance *in, struct peer *p)
{
	const struct rv_backend_ops *ops = in->ops;

	return ops->size > offsetof(struct rv_backend_ops, peer_pid) && ops->peer_pid
		       ? ops->peer_pid(in->block, peer_block(p))
		       : 0;
}

static void add(struct listing *l, const struct rv_instance *in, struct peer *p)
{
	struct listed_peer *to = &l->peers[l->n++];

	*to = (struct listed_peer){.client = p->client,
		.requests = p->requests,
		.uid = p->uid,
		.gid = p->gid,
		.pid = pid_of(in, p),
		.inflight = p->inflight,
		.age_s = ((uint32_t)(worker_now(in->worker) / 1000000000u) - p->since_s) &
			 PEER_SINCE_MAX,
		.blocked = p->bits & PEER_BLOCKED};
	name_it(in, p, to);
}

static void do_list(struct worker *w, void *arg)
{
	const struct listing_arg *a = arg;
	const struct rv_instance *in = a->in;
	struct listing *l = a->listing;

	(void)w;
	l->looked = 0;
	l->n = 0;
	while (l->looked < l->max && l->from + l->looked < in->n_slots) {
		struct peer *p = peer_at(in, l->from + l->looked++);

		if (p->bits & PEER_USED && !peer_is_gone(p)) {
			add(l, in, p);
		}
	}
	l->more = l->from + l->looked < in->n_slots;
}

void listing_make(struct listing *l, const struct rv_instance *in)
{
	struct listing_arg a = {.listing = l, .in = in};

	worker_call(in->worker, do_list, &a);
}
