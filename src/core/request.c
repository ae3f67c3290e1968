/*
 * One piece of input, a line or a frame, to its reply: who gets it, whether it is
 * refused, which operation it is, whether fragments of it are missing.
 */
#include "core/internal.h"

static void serve_op(struct request *q, const uint8_t *data, size_t n)
{
	CLEANUP_FREE char *json = NULL;
	struct rv_instance *in = q->batch->in;
	size_t len = 0;
	int r;

	count(&in->n.ops[q->op], 1);
	if (q->op == RV_OP_CALL) {
		reply_call(q, data, n);
		return;
	}
	if (q->op == RV_OP_PING) {
		reply_data(q, RV_STATUS_OK, data, n);
		return;
	}
	r = q->op == RV_OP_INFO ? info_json(in, &json, &len)
				: stats_json(in->worker->core, &json, &len);
	if (r < 0) {
		reply_status(q, RV_STATUS_INTERNAL, "out of memory");
		return;
	}
	reply_data(q, RV_STATUS_OK, (const uint8_t *)json, len);
}

static void serve_line(
	struct batch *b, struct peer *p, const struct split_piece *piece, uint32_t tag)
{
	struct request q = {.batch = b,
		.peer = p,
		.line = true,
		.term = (uint8_t)piece->term,
		.tag = tag,
		.bytes = (uint32_t)piece->total};
	struct rv_instance *in = b->in;

	count(&in->n.requests, 1);
	count(&in->n.lines, 1);
	if (UNLIKELY(p->refuse)) {
		reply_status(&q, p->refuse,
			p->refuse == RV_STATUS_BUSY ? "too many clients, try again later"
						    : "this user may not use the endpoint");
	} else if (UNLIKELY(piece->kind == SPLIT_LONG_LINE)) {
		reply_status(&q, RV_STATUS_TOO_LARGE, "%llu bytes, the limit is %zu",
			(unsigned long long)piece->total, in->limits.max_request);
	} else {
		count(&in->n.ops[RV_OP_CALL], 1);
		reply_call(&q, piece->data, piece->len);
	}
}

/* Whom a frame wants its reply sent to. NULL: to nobody, counted. */
static struct peer *addressee(
	struct batch *b, struct peer *p, struct split_piece *piece, bool *ret_bad_token)
{
	struct rv_instance *in = b->in;
	const uint8_t *token;
	void *block;
	size_t n;
	/* of a large frame on a stream there is only the header */
	bool has = piece->frame.flags & RV_FRAME_REPLY_TO && piece->data;
	bool ok = has && split_token(piece, &token, &n);

	*ret_bad_token = has && !ok;
	if (!(in->ops->caps & RV_CAP_REPLY_TO)) {
		return p;
	}
	if (!ok) {
		count(&in->n.unaddressed, 1);
		return NULL;
	}
	if (in->ops->reply_peer(in->block, (const char *)token, n, &block) < 0) {
		count(&in->n.drops[RV_DROP_REPLY_NAME], 1);
		return NULL;
	}
	return peer_of(block);
}

/* An error before the message is joined: the rest of it is discarded. */
static void refuse_frame(
	struct request *q, const struct rv_frame *f, enum rv_status status, const char *what)
{
	count(&q->batch->in->n.requests, 1);
	join_discard(q->batch->in, q->peer, f);
	reply_status(q, status, "%s", what);
}

static void too_large(struct request *q, uint64_t n)
{
	count(&q->batch->in->n.requests, 1);
	reply_status(q, RV_STATUS_TOO_LARGE, "%llu bytes, the limit is %zu", (unsigned long long)n,
		q->batch->in->limits.max_request);
}

static void serve_fragment(struct request *q, const struct split_piece *piece)
{
	struct rv_instance *in = q->batch->in;
	struct partial *done = NULL;
	size_t total = 0;

	switch (join_add(in, q->peer, &piece->frame, piece->data, piece->len, &done, &total)) {
	case JOIN_DONE:
		count(&in->n.requests, 1);
		q->bytes = (uint32_t)(done ? done->len : piece->len);
		serve_op(q, done ? done->data : piece->data, q->bytes);
		partial_free(done);
		break;
	case JOIN_TOO_LARGE:
		too_large(q, total);
		break;
	case JOIN_LATE:
		count(&in->n.requests, 1);
		reply_status(
			q, RV_STATUS_TIMEOUT, "the fragments before this one came too long ago");
		break;
	case JOIN_MALFORMED:
		count(&in->n.requests, 1);
		reply_status(q, RV_STATUS_MALFORMED, "the fragments name different operations");
		break;
	case JOIN_BUSY:
		count(&in->n.requests, 1);
		reply_status(q, RV_STATUS_BUSY, "too much in flight for one client");
		break;
	case JOIN_NO_MEMORY:
		count(&in->n.requests, 1);
		reply_status(q, RV_STATUS_INTERNAL, "out of memory");
		break;
	case JOIN_WAIT:
		break;
	}
}

static void serve_frame(struct batch *b, struct peer *p, struct split_piece *piece, uint32_t tag)
{
	struct rv_instance *in = b->in;
	struct request q = {.batch = b, .tag = tag, .id = piece->frame.id, .op = piece->frame.code};
	bool bad_token;

	count(&in->n.frames, 1);
	q.peer = addressee(b, p, piece, &bad_token);
	if (!q.peer || join_swallow(in, q.peer, &piece->frame)) {
		return;
	}
	if (UNLIKELY(p->refuse)) {
		refuse_frame(&q, &piece->frame, p->refuse,
			p->refuse == RV_STATUS_BUSY ? "too many clients, try again later"
						    : "this user may not use the endpoint");
	} else if (UNLIKELY(bad_token)) {
		refuse_frame(&q, &piece->frame, RV_STATUS_MALFORMED, "malformed reply token");
	} else if (UNLIKELY(q.op >= RV_OP_COUNT)) {
		refuse_frame(&q, &piece->frame, RV_STATUS_UNSUPPORTED, "no such operation");
	} else if (UNLIKELY(piece->kind == SPLIT_LARGE_FRAME ||
			    piece->len > in->limits.max_request)) {
		join_discard(in, q.peer, &piece->frame);
		too_large(&q, piece->kind == SPLIT_LARGE_FRAME && !piece->data ? piece->frame.length
									       : piece->len);
	} else if (UNLIKELY(q.peer->bits & PEER_REPLY_ONLY && q.peer->inflight > 0 &&
			    q.peer->inflight + piece->len > in->limits.max_inflight)) {
		refuse_frame(
			&q, &piece->frame, RV_STATUS_BUSY, "too much in flight for one client");
	} else {
		serve_fragment(&q, piece);
	}
}

/* A malformed header. A connection ends with it; a message is answered alone. */
static void serve_bad(struct batch *b, struct peer *p, struct split_piece *piece, uint32_t tag)
{
	struct request q = {.batch = b, .peer = p, .tag = tag, .id = piece->frame.id};
	bool bad_token;

	count(&b->in->n.frames, 1);
	if (p->bits & PEER_STREAM) {
		p->bits |= PEER_EOF | PEER_POISONED;
	} else {
		q.peer = addressee(b, p, piece, &bad_token);
	}
	if (q.peer) {
		count(&b->in->n.requests, 1);
		reply_status(&q, RV_STATUS_MALFORMED, "malformed frame header");
	}
}

void request_serve(struct batch *b, struct peer *p, struct split_piece *piece, uint32_t tag)
{
	switch (piece->kind) {
	case SPLIT_LINE:
	case SPLIT_LONG_LINE:
		serve_line(b, p, piece, tag);
		break;
	case SPLIT_FRAME:
	case SPLIT_LARGE_FRAME:
		serve_frame(b, p, piece, tag);
		break;
	case SPLIT_BAD:
		serve_bad(b, p, piece, tag);
		break;
	case SPLIT_SKIPPED:
		count(&b->in->n.torn, 1);
		break;
	case SPLIT_MORE:
		break;
	}
}
