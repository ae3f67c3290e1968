#include "revc/resolve.h"

#include <string.h>

/* A line of the input and the reply to it. */
struct walk {
	const uint8_t *request, *reply;
	size_t request_n, reply_n; /* with their LF */
	const uint8_t *requests_end, *replies_end;
};

static struct walk walk_begin(const struct input *in, const struct bytes *replies)
{
	const uint8_t *request = in->data + in->start, *reply = bytes_head(replies);

	return (struct walk){
		.request = request,
		.reply = reply,
		.requests_end = request + input_used(in),
		.replies_end = reply + replies->len,
	};
}

/* The line behind the present one, on both sides. */
static void walk_on(struct walk *w)
{
	const uint8_t *lf;

	w->request += w->request_n;
	w->reply += w->reply_n;
	lf = memchr(w->request, '\n', (size_t)(w->requests_end - w->request));
	w->request_n = lf ? (size_t)(lf - w->request) + 1 : 0;
	lf = memchr(w->reply, '\n', (size_t)(w->replies_end - w->reply));
	w->reply_n = lf ? (size_t)(lf - w->reply) + 1 : 0;
}

static size_t term_of(const struct walk *w)
{
	return w->request_n > 1 && w->request[w->request_n - 2] == '\r' ? 2 : 1;
}

/* Asks in frames for those whose reply has a NAK. */
static int ask_again(struct filter *f, struct walk w, size_t lines)
{
	int r = 0;

	for (size_t i = 0; i < lines && r == 0; i++) {
		walk_on(&w);
		if (w.reply[0] == RV_NAK) {
			r = pipeline_push(
				&f->p, RV_OP_CALL, 0, w.request, w.request_n - term_of(&w));
		}
	}
	return r < 0 ? r : pipeline_drain(&f->p);
}

static int emit_result(struct filter *f, struct bytes *results, uint64_t tag)
{
	struct filter_result head;
	int r;

	memcpy(&head, bytes_head(results), sizeof(head));
	r = filter_emit(f, tag, head.status, bytes_head(results) + sizeof(head), head.n);
	bytes_take(results, sizeof(head) + head.n);
	return r;
}

static int write_all(
	struct filter *f, struct walk *w, size_t lines, uint64_t number, struct bytes *results)
{
	int r = 0;

	for (size_t i = 0; i < lines && r == 0; i++) {
		walk_on(w);
		if (w->reply[0] == RV_NAK) {
			r = emit_result(f, results, filter_tag(number + i, term_of(w)));
		} else {
			r = output_put(&f->out, w->reply, w->reply_n);
		}
	}
	return r;
}

int resolve_lines(struct filter *f, const struct input *in, struct bytes *replies, size_t lines)
{
	struct walk w = walk_begin(in, replies);
	struct bytes results = {0};
	int r;

	f->results = &results;
	r = ask_again(f, w, lines);
	f->results = NULL;
	r = r < 0 ? r : write_all(f, &w, lines, in->line, &results);
	if (r == 0) {
		bytes_take(replies, (size_t)(w.reply + w.reply_n - bytes_head(replies)));
	}
	bytes_free(&results);
	return r;
}
