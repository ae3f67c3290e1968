#include "nats/peers.h"

#include <stdio.h>

static struct nats_peer *of_entry(const struct rv_peer_cache_entry *e)
{
	return CONTAINER_OF(e, struct nats_peer, entry);
}

/* Nothing of it is under way, nor in the batch that is being put together. */
static bool is_idle(void *ctx, const struct rv_peer_cache_entry *e)
{
	const struct nats_instance *in = ctx;
	const struct nats_peer *p = of_entry(e);

	return p->turn != in->turn && in->out.owner != p && in->host->peer_idle(in->handle, p);
}

static bool evict(struct nats_instance *in)
{
	struct rv_peer_cache_entry *e = rv_peer_cache_victim(&in->cache, is_idle, in);

	if (e) {
		nats_peer_end(of_entry(e));
	}
	return e != NULL;
}

static int make_room(struct nats_instance *in)
{
	uint64_t most = __atomic_load_n(&in->ep->max_peers, __ATOMIC_RELAXED);

	if (in->cache.n >= most && !evict(in)) {
		return -EUSERS;
	}
	return rv_peer_cache_reserve(&in->cache);
}

int nats_peer_new(struct nats_instance *in, const char *subject, struct nats_peer **ret)
{
	const struct rv_peer_info info = {.flags = subject ? RV_PEER_REPLY_ONLY : RV_PEER_SHARED,
		.max_message = in->max_payload,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1};
	struct nats_peer *p;
	void *block;
	int r = subject ? make_room(in) : 0;

	r = r < 0 ? r : in->host->peer_new(in->handle, &info, &block);
	if (r == -EUSERS && subject && evict(in)) {
		r = in->host->peer_new(in->handle, &info, &block);
	}
	if (r < 0) {
		return r;
	}
	p = block;
	p->in = in;
	p->source = !subject;
	p->turn = in->turn;
	if (subject) {
		snprintf(p->subject, sizeof(p->subject), "%s", subject);
		rv_peer_cache_add(&in->cache, &p->entry, p->subject, strlen(p->subject));
	}
	*ret = p;
	return 0;
}

void nats_peer_end(struct nats_peer *p)
{
	struct nats_instance *in = p->in;

	nats_output_forget(&in->out, p);
	if (p->source) {
		in->source = NULL;
	} else {
		rv_peer_cache_remove(&in->cache, &p->entry);
	}
	p->ended = true;
	in->host->peer_gone(in->handle, p);
}

void nats_peer_close(void *block, void *peer, enum rv_close how)
{
	struct nats_instance *in = block;
	struct nats_peer *p = peer;
	bool source = p->source;

	if (how == RV_CLOSE_FLUSH) {
		nats_flush(in, p);
	}
	nats_peer_end(p);
	if (source && in->attached && nats_peer_new(in, NULL, &in->source) < 0) {
		in->host->failed(in->handle, ENOMEM); /* nobody could be served any more */
	}
}
