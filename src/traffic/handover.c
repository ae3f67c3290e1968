#include "traffic/handover.h"

#include "traffic/batch.h"
#include "traffic/peer.h"

/* What goes over of a peer's state. Whether it is blocked or stopped shows there anew. */
#define BITS (PEER_EOF | PEER_NO_READER | PEER_UNCUTTABLE)

static void pack_cutter(struct rv_pack *p, const struct cutter *c)
{
	rv_pack_u64(p, c->skip);
	rv_pack_u64(p, c->line);
	rv_pack_u64(p, c->scanned);
	rv_pack_u64(p, c->line_cr);
	rv_pack_u64(p, c->resync);
	rv_pack_u64(p, c->open);
}

static void pack_waiting(struct rv_pack *p, const struct waiting *w)
{
	const struct bytes *b = &w->records;
	const uint8_t *at = bytes_head(b), *end = at + b->len;
	struct waiting_record rec;

	for (; at && at < end; at += sizeof(rec) + rec.len) {
		memcpy(&rec, at, sizeof(rec));
		rv_pack_u64(p, true);
		rv_pack_u64(p, rec.tag);
		rv_pack_u64(p, rec.reply_to != 0);
		rv_pack_u64(p, rec.lines);
		rv_pack_u64(p, rec.client);
		rv_pack_u64(p, rec.total);
		rv_pack_blob(p, at + sizeof(rec), rec.len);
	}
	rv_pack_u64(p, false);
}

static void pack_order(struct rv_pack *p, const struct order *o)
{
	for (const struct order_line *l = o->first; l; l = l->next) {
		rv_pack_u64(p, true);
		rv_pack_u64(p, l->ready ? l->status : (uint64_t)RV_STATUS_INTERNAL);
		rv_pack_u64(p, l->term);
		rv_pack_u64(p, l->lines);
		rv_pack_u64(p, l->tag);
		rv_pack_u64(p, l->request);
		rv_pack_blob(p, l->text, l->ready ? l->len : 0);
	}
	rv_pack_u64(p, false);
}

static void pack_unsent(struct rv_pack *p, const struct unsent *u)
{
	for (const struct unsent_reply *r = u->first; r; r = r->next) {
		rv_pack_u64(p, true);
		rv_pack_u64(p, r->sent);
		rv_pack_u64(p, r->request);
		rv_pack_u64(p, r->tag);
		rv_pack_u64(p, r->id);
		rv_pack_u64(p, r->status);
		rv_pack_u64(p, r->frame);
		rv_pack_blob(p, r->text, r->len);
	}
	rv_pack_u64(p, false);
}

static void pack_backlog(struct rv_pack *p, const struct backlog *b)
{
	rv_pack_u64(p, b != NULL);
	if (b) {
		pack_cutter(p, &b->cutter);
		rv_pack_blob(p, bytes_head(&b->uncut), b->uncut.len);
		rv_pack_u64(p, b->input_ns);
		joiner_pack(&b->joining, p);
		pack_waiting(p, &b->waiting);
		pack_waiting(p, &b->addressed);
		pack_order(p, &b->order);
		pack_unsent(p, &b->unsent);
	}
}

/* A blob whose length is known only at its end. */
static size_t begin_blob(struct rv_pack *p)
{
	rv_pack_u64(p, 0);
	return p->len;
}

static void end_blob(struct rv_pack *p, size_t begin)
{
	uint64_t n = p->len - begin;

	if (!p->failed) {
		memcpy(p->data + begin - sizeof(n), &n, sizeof(n));
	}
}

void handover_pack_backend(struct rv_handover *h, struct parcel *parcel)
{
	struct rv_pack *p = &parcel->data;
	size_t n = h->fds.len / sizeof(int);

	rv_pack_u64(p, n);
	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, h->fds.data + i * sizeof(fd), sizeof(fd));
		rv_pack_u64(p, parcel_add_fd(parcel, fd));
	}
	rv_pack_blob(p, h->data.data, h->data.len);
	p->failed |= h->data.failed || h->fds.failed;
	h->data.len = h->fds.len = 0;
}

bool handover_is_supported(const struct rv_backend_ops *ops)
{
	return ops->size > offsetof(struct rv_backend_ops, take_over_peer) && ops->hand_over &&
	       ops->take_over && ops->hand_over_peer && ops->take_over_peer;
}

void handover_pack_peer(
	struct rv_instance *in, struct peer *p, struct rv_handover *scratch, struct parcel *parcel)
{
	struct rv_pack *pack = &parcel->data;
	size_t begin = begin_blob(pack);

	in->ops->hand_over_peer(in->block, peer_block(p), scratch);
	rv_pack_u64(pack, p->client);
	rv_pack_u64(pack, p->bits & BITS);
	handover_pack_backend(scratch, parcel);
	pack_backlog(pack, p->backlog);
	end_blob(pack, begin);
}

struct packing {
	struct parcel *parcel;
	struct rv_handover of_backend; /* its memory is used again */
	uint64_t n;
};

static void pack_peer(struct rv_instance *in, struct peer *p, void *arg)
{
	struct packing *packing = arg;

	handover_pack_peer(in, p, &packing->of_backend, packing->parcel);
	packing->n++;
}

void handover_pack(struct rv_instance *in, struct parcel *parcel)
{
	struct packing packing = {.parcel = parcel};
	struct rv_pack *p = &parcel->data;
	size_t n_at;

	batch_flush(in);
	peers_free_dying(in);
	rv_pack_u64(p, 0);
	n_at = p->len;
	peers_each(in, pack_peer, &packing);
	if (!p->failed) {
		memcpy(p->data + n_at - sizeof(packing.n), &packing.n, sizeof(packing.n));
	}
	free(packing.of_backend.data.data);
	free(packing.of_backend.fds.data);
}
