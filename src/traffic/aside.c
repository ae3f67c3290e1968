#include "traffic/aside.h"

#include <errno.h>
#include <string.h>

/* How many of the largest size may wait for a connection, and for others. */
#define LARGE_REPLIES 16
#define LARGE_REPLIES_SHARED 2

void aside_lose(struct rv_instance *in, struct peer *p)
{
	count(&in->n.drops[RV_DROP_OUTPUT], 1);
	if (!(p->bits & (PEER_SHARED | PEER_REPLY_ONLY))) {
		p->bits |= PEER_EOF | PEER_UNCUTTABLE;
	}
}

size_t aside_largest(const struct rv_instance *in)
{
	return in->limits.max_request + unsent_cost(REPLY_SENTENCE);
}

bool aside_has_room(const struct rv_instance *in, const struct peer *p, size_t n)
{
	const struct backlog *b = p->backlog;
	bool shared = p->bits & (PEER_SHARED | PEER_REPLY_ONLY);
	size_t large = shared ? LARGE_REPLIES_SHARED : LARGE_REPLIES;

	return b->unsent.cost + b->order.cost + unsent_cost(n) <=
	       in->limits.max_inflight + large * aside_largest(in);
}

uint8_t *aside_put(struct rv_instance *in, struct peer *p, const struct unsent_reply *what)
{
	struct unsent_reply *u = NULL;

	if (peer_is_gone(p)) {
		count(&in->n.drops[RV_DROP_PEER_GONE], 1);
		return NULL;
	}
	if (peer_backlog(p) && aside_has_room(in, p, what->len)) {
		u = unsent_add(&p->backlog->unsent, what);
	}
	if (!u) {
		aside_lose(in, p);
		return NULL;
	}
	p->inflight += what->request;
	return u->text;
}

/* The next piece of a reply that was put aside: a line, a whole frame or a fragment. */
static int send_piece(struct batch *b, struct peer *p, struct unsent_reply *u)
{
	size_t head = u->frame ? RV_FRAME_HEADER : 0;
	size_t n = u->len - u->sent;
	int r;

	if (u->frame && p->max_message) {
		n = MIN(n, p->max_message - RV_FRAME_HEADER);
	}
	r = batch_reserve_next(b, p, head + n);
	if (r < 0) {
		return r;
	}
	if (u->frame) {
		bool more = u->sent + n < u->len;

		rv_reply_store(b->tail, u->status, more ? RV_FRAME_MORE : 0, n, u->id);
	}
	memcpy(b->tail + head, u->text + u->sent, n);
	u->sent += n;
	b->error = u->frame ? 0 : batch_error(b, p, u->status);
	batch_advance(b, head + n, u->tag);
	return 0;
}

bool aside_send(struct batch *b, struct peer *p)
{
	while (p->backlog && p->backlog->unsent.first) {
		struct unsent_reply *u = p->backlog->unsent.first;
		int r = send_piece(b, p, u);

		if (r == -EAGAIN) {
			peer_watch(b->in, p);
			return false;
		}
		if (r < 0) {
			peer_drop_unsent(b->in, p);
			return true;
		}
		if (u->sent == u->len) {
			b->in->traffic->freed += unsent_cost(u->len);
			p->inflight -= unsent_pop(&p->backlog->unsent);
		}
	}
	return true;
}
