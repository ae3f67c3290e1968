#include "traffic/reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proto/encode.h"
#include "proto/status.h"
#include "traffic/aside.h"

#define MANY_LINES "the reply has more than one line: ask with a frame"
#define TOO_MANY "too many replies wait" /* short, see ORDER_LINE_COST */

_Static_assert(ORDER_LINE_COST >= sizeof(struct unsent_reply) + 16 + ENCODE_ERROR_SIZE &&
		       sizeof("\x15"
			      "busy: " TOO_MANY "\r\n") <= ENCODE_ERROR_SIZE,
	"an ordered reply costs more when it becomes an unsent one");

/* Puts a reply aside: the error of a line, n bytes of text, a line's terminator. */
static void keep(
	struct request *q, unsigned status, const char *error, const uint8_t *text, size_t n)
{
	size_t head = strlen(error);
	const struct unsent_reply what = {.len = head + n + q->term,
		.request = q->bytes + REQUEST_COST,
		.tag = q->tag,
		.id = q->id,
		.status = (uint8_t)status,
		.frame = !q->line};
	uint8_t *to = aside_put(q->batch->in, q->peer, &what);

	if (!to) {
		return;
	}
	memcpy(to, error, head);
	if (n > 0) {
		memcpy(to + head, text, n);
	}
	encode_terminator(to + head + n, q->term);
	(void)aside_send(q->batch, q->peer);
}

/* Room for a reply of n bytes of text behind `head` bytes, or the reply goes another
 * way. */
static bool reserve(
	struct request *q, unsigned status, const char *error, const uint8_t *text, size_t n)
{
	size_t total = q->head + strlen(error) + n + q->term;
	bool whole = q->line || !q->peer->max_message || total <= q->peer->max_message;
	int r = whole ? batch_reserve(q->batch, q->peer, total) : -EAGAIN;

	if (r == -EAGAIN) {
		keep(q, status, error, text, n);
	} else if (r < 0) {
		count(&q->batch->in->n.drops[RV_DROP_PEER_GONE], 1);
	}
	return r == 0;
}

/* What an error to a line begins with. One that is told beside the text is no line. */
static const char *error_head(struct request *q, unsigned status, char buf[ENCODE_ERROR_SIZE])
{
	const char *error = q->line ? encode_error(status, buf) : "";

	if (!*error || !peer_is_told_errors(q->batch->in, q->peer)) {
		return error;
	}
	q->term = 0;
	return error + 1; /* without the NAK */
}

static void send_text(struct request *q, unsigned status, const uint8_t *text, size_t n)
{
	char buf[ENCODE_ERROR_SIZE];
	const char *error = error_head(q, status, buf);
	size_t head = q->line ? strlen(error) : RV_FRAME_HEADER;
	uint8_t *out;

	if (!reserve(q, status, error, text, n)) {
		return;
	}
	out = q->batch->tail;
	if (q->line) {
		memcpy(out, error, head);
	} else {
		rv_reply_store(out, status, 0, n, q->id);
	}
	if (n > 0) {
		memcpy(out + head, text, n);
	}
	head += encode_terminator(out + head + n, q->line ? q->term : 0);
	q->batch->error = q->line ? batch_error(q->batch, q->peer, status) : 0;
	batch_advance(q->batch, head + n, q->tag);
}

/* The reply to a line in its place. Where it has to wait for others, it leaves room for
 * the first of them. */
static void set_ready(
	struct request *q, struct order_line *l, unsigned status, const void *text, size_t n)
{
	const struct rv_instance *in = q->batch->in;
	struct order *o = &q->peer->backlog->order;

	if (l != o->first && !aside_has_room(in, q->peer, n + aside_largest(in))) {
		order_refuse(l, RV_STATUS_BUSY, TOO_MANY);
	} else if (order_ready(o, l, (uint8_t)status, text, n) < 0) {
		order_refuse(l, RV_STATUS_INTERNAL, "out of memory");
	}
}

/* The reply waits until those of the lines before it are sent. */
static void send_later(struct request *q, unsigned status, const uint8_t *text, size_t n)
{
	struct order *o = &q->peer->backlog->order;
	struct order_line *l = NULL;

	if (aside_has_room(q->batch->in, q->peer, 0)) {
		l = order_add(o, q->term, q->tag);
	}

	if (l) {
		set_ready(q, l, status, text, n);
	} else {
		aside_lose(q->batch->in, q->peer);
	}
}

/* Is the reply, n bytes, too large for the limits or the transport? Then *ret_why says so. */
static bool is_too_large(
	const struct request *q, unsigned status, size_t n, char ret_why[REPLY_SENTENCE])
{
	size_t limit = q->batch->in->limits.max_request, max = q->peer->max_line;

	if (status != RV_STATUS_OK) {
		return false;
	}
	if (n > limit && q->op == RV_OP_CALL) {
		snprintf(ret_why, REPLY_SENTENCE, "%zu bytes of reply, the limit is %zu", n, limit);
		return true;
	}
	if (q->line && max && n + q->term > max) {
		snprintf(ret_why, REPLY_SENTENCE, "%zu bytes of reply, a message takes %zu", n,
			max - q->term);
		return true;
	}
	return false;
}

void reply_text(struct request *q, unsigned status, const uint8_t *text, size_t n)
{
	char why[REPLY_SENTENCE];

	if (UNLIKELY(is_too_large(q, status, n, why))) {
		status = RV_STATUS_TOO_LARGE;
		text = (const uint8_t *)why;
		n = strlen(why);
	}
	if (UNLIKELY(q->line && peer_keeps_order(q->peer))) {
		send_later(q, status, text, n);
		return;
	}
	batch_count(q->batch, status, n);
	send_text(q, status, text, n);
}

void reply_status(struct request *q, enum rv_status status, const char *fmt, ...)
{
	char text[REPLY_SENTENCE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = n < 0 ? 0 : MIN(n, REPLY_SENTENCE - 1);
	instance_log_client(q->batch->in, q->batch->source->uid, "a request is refused, %s: %s",
		status_name(status), text);
	reply_text(q, status, (const uint8_t *)text, (size_t)n);
}

void reply_late_line(
	struct request *q, struct order_line *l, unsigned status, const void *text, size_t n)
{
	char why[REPLY_SENTENCE];

	q->line = true;
	q->term = l->term;
	if (is_too_large(q, status, n, why)) {
		status = RV_STATUS_TOO_LARGE;
		text = why;
		n = strlen(why);
	} else if (n > 0 && memchr(text, '\n', n)) {
		status = RV_STATUS_INVALID_TEXT;
		text = MANY_LINES;
		n = strlen(MANY_LINES);
	}
	set_ready(q, l, status, text, n);
	reply_ordered(q->batch, q->peer);
}

/* A piece of a run has a place of its own in front of what is left of it, and its share of
 * what the run counts for. */
static struct order_line *cut_off_run(
	struct request *q, struct order_line *run, size_t lines, size_t left)
{
	struct order_line *l = order_add_before(&q->peer->backlog->order, run);

	if (l) {
		l->request = (uint32_t)((uint64_t)run->request * lines / left);
		run->request -= l->request;
	}
	return l;
}

/* The same error for each of the lines. NULL: no memory. */
static uint8_t *repeat_error(
	unsigned status, size_t lines, const void *text, size_t n, size_t *ret_n)
{
	char buf[ENCODE_ERROR_SIZE];
	const char *error = encode_error(status, buf);
	size_t head = strlen(error), each = head + n + 1;
	uint8_t *all = malloc(lines * each), *p = all;

	for (size_t i = 0; all && i < lines; i++, p += each) {
		memcpy(p, error, head);
		memcpy(p + head, text, n);
		p[head + n] = '\n';
	}
	*ret_n = lines * each;
	return all;
}

/* It is their turn: nothing has to be remembered. */
static void send_lines(struct request *q, struct order_line *run, size_t lines, size_t left,
	unsigned status, const uint8_t *text, size_t n)
{
	uint32_t share = (uint32_t)((uint64_t)run->request * lines / left);

	run->request -= share;
	q->peer->inflight -= share;
	if (lines == left) {
		order_remove(&q->peer->backlog->order, run);
	}
	batch_count_many(q->batch, status, n, lines);
	send_text(q, RV_STATUS_OK, text, n);
	if (lines == left) {
		reply_ordered(q->batch, q->peer); /* and those behind it */
	}
}

static void keep_lines(struct request *q, struct order_line *run, size_t lines, size_t left,
	unsigned status, const uint8_t *text, size_t n)
{
	struct order_line *l = lines < left ? cut_off_run(q, run, lines, left) : run;

	if (!l || !text || order_ready(&q->peer->backlog->order, l, (uint8_t)status, text, n) < 0) {
		/* their places can't be told from one another any more */
		aside_lose(q->batch->in, q->peer);
		order_refuse(l ? l : run, RV_STATUS_INTERNAL, "out of memory");
		return;
	}
	l->lines = (uint32_t)lines;
}

void reply_late_lines(struct request *q, struct order_line *run, size_t lines, size_t left,
	unsigned status, const void *text, size_t n)
{
	CLEANUP_FREE uint8_t *errors = NULL;

	q->line = true;
	if (status != RV_STATUS_OK) {
		errors = repeat_error(status, lines, text, n, &n);
		text = errors;
	}
	if (text && q->peer->backlog->order.first == run) {
		send_lines(q, run, lines, left, status, text, n);
	} else {
		keep_lines(q, run, lines, left, status, text, n);
		reply_ordered(q->batch, q->peer);
	}
}

/* One line, or a piece of a run, which has all that belongs to its lines. */
static void send_ordered(struct request *q, const struct order_line *l)
{
	if (l->lines > 0) {
		q->term = 0;
		batch_count_many(q->batch, l->status, l->len, l->lines);
		send_text(q, RV_STATUS_OK, l->text, l->len);
	} else {
		batch_count(q->batch, l->status, l->len);
		send_text(q, l->status, l->text, l->len);
	}
}

void reply_ordered(struct batch *b, struct peer *p)
{
	struct order_line *l;

	while (p->backlog && (l = order_take(&p->backlog->order))) {
		struct request q = {
			.batch = b, .peer = p, .line = true, .term = l->term, .tag = l->tag};

		p->inflight -= l->request;
		send_ordered(&q, l);
		order_line_free(l);
	}
}
