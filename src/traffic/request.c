#include "traffic/request.h"

#include <revd/quote.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "traffic/call.h"
#include "traffic/probe.h"

static const char busy[] = "too much in flight for one client";

/* Who may change what the daemon does, and see who else is there: root, and whoever it runs as, where the kernel
 * vouches for it. */
static bool may_control(const struct request *q)
{
	uid_t uid = q->batch->source->uid;

	return q->batch->in->ops->caps & RV_CAP_PEERCRED && (uid == 0 || uid == geteuid());
}

static void count_request(const struct request *q)
{
	PROBE_REQUEST_START(q->batch->in->name, q->bytes, 1);
	count(&q->batch->in->n.requests, 1);
	peer_count(q->peer, 1);
}

/* Answered by the main thread, later. */
static void serve_control(struct request *q, const uint8_t *data, size_t n)
{
	struct rv_instance *in = q->batch->in;
	rv_ticket ticket;

	if (!may_control(q)) {
		reply_status(
			q, RV_STATUS_DENIED, "only root and the daemon's own user may do that");
		return;
	}
	ticket = call_make_ticket(q, in->traffic->control);
	if (ticket && in->reports->control(in->owner, q->op, data, n, in->traffic, ticket) == 0) {
		return;
	}
	if (ticket) {
		call_withdraw(q, ticket);
	}
	reply_status(q, RV_STATUS_INTERNAL, "out of memory");
}

/* Is the payload that one word? What is not known is no error: it may be of later versions. */
static bool is_word(const uint8_t *data, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(data, word, n) == 0;
}

static void serve_op(struct request *q, const uint8_t *data, size_t n)
{
	CLEANUP_FREE char *json = NULL;
	struct rv_instance *in = q->batch->in;
	size_t len = 0;
	int r;

	count(&in->n.ops[q->op], 1);
	if (q->op == RV_OP_CALL) {
		call_service(q, data, n);
		return;
	}
	if (q->op == RV_OP_PING) {
		reply_text(q, RV_STATUS_OK, data, n);
		return;
	}
	if (q->op == RV_OP_RELOAD || q->op == RV_OP_PEERS) {
		serve_control(q, data, n);
		return;
	}
	r = q->op == RV_OP_INFO ? in->reports->info(in, &json, &len)
				: in->reports->stats(in->owner, is_word(data, n, "histogram"), &json, &len);
	if (r < 0) {
		reply_status(q, RV_STATUS_INTERNAL, "out of memory");
		return;
	}
	reply_text(q, RV_STATUS_OK, (const uint8_t *)json, len);
}

static const char *why_refused(const struct peer *p)
{
	return p->refuse == RV_STATUS_BUSY ? "too many clients, try again later"
					   : "this user may not use the endpoint";
}

/* May `to` not have another request of n bytes under way? Whose requests come with the
 * input of others can't be pushed back, and is told. */
static bool is_too_much(const struct batch *b, const struct peer *to, size_t n)
{
	size_t limit = b->in->limits.max_inflight;

	return to != b->source && ((to->inflight > 0 && to->inflight + n + REQUEST_COST > limit) ||
					  (to->backlog && to->backlog->order.cost > limit));
}

static void serve_line(
	struct batch *b, struct peer *p, const struct cut_piece *piece, const struct origin *from)
{
	struct request q = {.batch = b,
		.peer = from->reply_to ? from->reply_to : p,
		.line = true,
		.term = (uint8_t)piece->term,
		.tag = from->tag,
		.bytes = (uint32_t)piece->total};
	struct rv_instance *in = b->in;

	count_request(&q);
	count(&in->n.lines, 1);
	if (UNLIKELY(p->refuse)) {
		reply_status(&q, p->refuse, "%s", why_refused(p));
	} else if (UNLIKELY(piece->kind == CUT_LONG_LINE)) {
		reply_status(&q, RV_STATUS_TOO_LARGE, "%llu bytes, the limit is %zu",
			(unsigned long long)piece->total, in->limits.max_request);
	} else if (UNLIKELY(is_too_much(b, q.peer, piece->len))) {
		reply_status(&q, RV_STATUS_BUSY, "%s", busy);
	} else {
		count(&in->n.ops[RV_OP_CALL], 1);
		call_service(&q, piece->data, piece->len);
	}
}

/* How what a client has sent begins, for the log. */
#define SHOWN 48
static const char *show(const struct cut_piece *piece, char buf[SHOWN])
{
	return rv_quote(piece->data, piece->data ? piece->len : 0, buf, SHOWN);
}

/* Whom a frame wants its reply sent to. NULL: to nobody, counted. */
static struct peer *addressee(struct batch *b, struct peer *p, struct cut_piece *piece,
	const struct origin *from, bool *ret_bad_token)
{
	struct rv_instance *in = b->in;
	char start[SHOWN];
	const uint8_t *token;
	void *block;
	size_t n;
	/* of a large frame on a stream there is only the header */
	bool has = piece->frame.flags & RV_FRAME_REPLY_TO && piece->data;
	bool ok = has && cut_token(piece, &token, &n);

	*ret_bad_token = has && !ok;
	if (from->reply_to || !(in->ops->caps & RV_CAP_REPLY_TO)) {
		return from->reply_to ? from->reply_to : p;
	}
	if (!ok) {
		count(&in->n.unaddressed, 1);
		instance_log(in, LOG_DEBUG, "a frame without a usable reply token is dropped: %s",
			show(piece, start));
		return NULL;
	}
	if (in->ops->reply_peer(in->block, (const char *)token, n, &block) < 0) {
		count(&in->n.drops[RV_DROP_REPLY_NAME], 1);
		return NULL;
	}
	return peer_of(block);
}

/* The rest of a message is to be discarded. */
static void discard(struct rv_instance *in, struct peer *p, const struct rv_frame *f)
{
	bool fragment = f->flags & RV_FRAME_MORE;

	if (fragment ? peer_backlog(p) != NULL : p->backlog != NULL) {
		joiner_discard(&p->backlog->joining, f, worker_now(in->worker));
		peer_watch(in, p);
	}
}

/* An error before the message is joined: the rest of it is discarded. */
static void refuse_frame(
	struct request *q, const struct rv_frame *f, enum rv_status status, const char *what)
{
	count_request(q);
	discard(q->batch->in, q->peer, f);
	reply_status(q, status, "%s", what);
}

static void too_large(struct request *q, uint64_t n)
{
	count_request(q);
	reply_status(q, RV_STATUS_TOO_LARGE, "%llu bytes, the limit is %zu", (unsigned long long)n,
		q->batch->in->limits.max_request);
}

/* The message could not be joined. */
static void refuse_joined(struct request *q, enum join_result why, size_t total)
{
	static const struct {
		enum rv_status status;
		const char *sentence;
	} answers[] = {
		[JOIN_LATE] = {RV_STATUS_TIMEOUT,
			"the fragments before this one came too long ago"},
		[JOIN_MALFORMED] = {RV_STATUS_MALFORMED, "the fragments name different operations"},
		[JOIN_BUSY] = {RV_STATUS_BUSY, busy},
		[JOIN_NO_MEMORY] = {RV_STATUS_INTERNAL, "out of memory"},
	};

	if (why == JOIN_TOO_LARGE) {
		too_large(q, total);
		return;
	}
	count_request(q);
	reply_status(q, answers[why].status, "%s", answers[why].sentence);
}

static void serve_whole(struct request *q, const uint8_t *text, size_t n)
{
	q->bytes = (uint32_t)n;
	count_request(q);
	serve_op(q, text, n);
}

/* A message that consists of several fragments, or may do so. */
static void serve_fragment(struct request *q, const struct cut_piece *piece)
{
	struct rv_instance *in = q->batch->in;
	const struct limits *l = &in->limits;
	const struct join_limits limits = {
		.message = l->max_request,
		.cost = l->max_request + l->max_inflight - MIN(l->max_inflight, q->peer->inflight),
		.messages = JOIN_MESSAGES,
	};
	struct backlog *b = peer_backlog(q->peer);
	enum join_result r = JOIN_NO_MEMORY;
	struct bytes text = {0};

	if (b) {
		r = joiner_add(&b->joining, &limits, worker_now(in->worker), &piece->frame,
			piece->data, piece->len, &text);
		peer_watch(in, q->peer);
	}
	if (r == JOIN_DONE) {
		bool joined = text.data;

		count(&in->n.fragments, joined);
		serve_whole(q, joined ? bytes_head(&text) : piece->data,
			joined ? text.len : piece->len);
	} else {
		count(&in->n.fragments, 1);
		if (r != JOIN_WAIT) {
			refuse_joined(q, r, text.len);
		}
	}
	bytes_free(&text);
}

static bool is_late_or_refused(struct rv_instance *in, struct peer *p, const struct rv_frame *f)
{
	return p->backlog && joiner_swallow(&p->backlog->joining, f, worker_now(in->worker));
}

static bool may_join(const struct peer *p, const struct rv_frame *f)
{
	const struct joiner *j = p->backlog ? &p->backlog->joining : NULL;

	return f->flags & RV_FRAME_MORE || (j && (j->messages || j->lossy_ns));
}

static bool is_too_large(const struct rv_instance *in, const struct cut_piece *piece)
{
	return piece->kind == CUT_LARGE_FRAME || piece->len > in->limits.max_request;
}

static void serve_frame(
	struct batch *b, struct peer *p, struct cut_piece *piece, const struct origin *from)
{
	struct rv_instance *in = b->in;
	const struct rv_frame *f = &piece->frame;
	struct request q = {
		.batch = b, .head = RV_FRAME_HEADER, .tag = from->tag, .id = f->id, .op = f->code};
	bool bad_token;

	count(&in->n.frames, 1);
	q.peer = addressee(b, p, piece, from, &bad_token);
	if (!q.peer || is_late_or_refused(in, q.peer, f)) {
		return;
	}
	if (UNLIKELY(p->refuse)) {
		refuse_frame(&q, f, p->refuse, why_refused(p));
	} else if (UNLIKELY(bad_token)) {
		refuse_frame(&q, f, RV_STATUS_MALFORMED, "malformed reply token");
	} else if (UNLIKELY(q.op >= RV_OP_COUNT)) {
		refuse_frame(&q, f, RV_STATUS_UNSUPPORTED, "no such operation");
	} else if (UNLIKELY(is_too_large(in, piece))) {
		discard(in, q.peer, f);
		too_large(&q, piece->data ? piece->len : f->length);
	} else if (UNLIKELY(is_too_much(b, q.peer, piece->len))) {
		refuse_frame(&q, f, RV_STATUS_BUSY, busy);
	} else if (may_join(q.peer, f)) {
		serve_fragment(&q, piece);
	} else {
		serve_whole(&q, piece->data, piece->len);
	}
}

/* A malformed header. A connection ends with it; a message is answered alone. */
static void serve_bad(
	struct batch *b, struct peer *p, struct cut_piece *piece, const struct origin *from)
{
	struct request q = {.batch = b,
		.peer = p,
		.head = RV_FRAME_HEADER,
		.tag = from->tag,
		.id = piece->frame.id};
	bool bad_token;

	count(&b->in->n.frames, 1);
	if (p->bits & PEER_STREAM) {
		p->bits |= PEER_EOF | PEER_UNCUTTABLE;
	} else {
		q.peer = addressee(b, p, piece, from, &bad_token);
	}
	if (q.peer) {
		count_request(&q);
		reply_status(&q, RV_STATUS_MALFORMED, "malformed frame header");
	}
}

void request_serve(
	struct batch *b, struct peer *p, struct cut_piece *piece, const struct origin *from)
{
	char start[SHOWN];

	switch (piece->kind) {
	case CUT_LINE:
	case CUT_LONG_LINE:
		serve_line(b, p, piece, from);
		break;
	case CUT_FRAME:
	case CUT_LARGE_FRAME:
		serve_frame(b, p, piece, from);
		break;
	case CUT_BAD:
		serve_bad(b, p, piece, from);
		break;
	case CUT_SKIPPED:
		count(&b->in->n.torn, 1);
		instance_log(b->in, LOG_DEBUG, "something torn is skipped: %s", show(piece, start));
		break;
	case CUT_MORE:
		break;
	}
}

bool request_calls(const struct peer *p, const struct cut_piece *piece)
{
	return !p->refuse && (piece->kind == CUT_LINE ||
				     (piece->kind == CUT_FRAME && piece->frame.code == RV_OP_CALL &&
					     !(piece->frame.flags & RV_FRAME_MORE)));
}
