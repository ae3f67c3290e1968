#include "load/asker.h"

#include <errno.h>
#include "load/text.h"

#define REQUEST_COST 512u      /* what a daemon counts beside the text, at most */
#define RARELY 512u            /* one request in so many comes in two halves, one in fragments */
#define FRAGMENTS_MAX 4u       /* but for the last */
#define HOLD_US UINT64_C(8000) /* a pause, at most */

/* What is written of one request. */
struct request {
	struct flow *flow;
	uint64_t seq, random;
	bool halves;
};

static uint32_t hold(const struct request *r)
{
	return 1 + (uint32_t)((r->random >> 24) % HOLD_US);
}

/* n bytes that belong together; on a stream now and then in two halves. */
static int put(const struct request *r, const void *p, size_t n, bool last, bool pause)
{
	struct piece whole = {.n = (uint32_t)n, .hold_us = pause ? hold(r) : 0, .last = last};
	struct piece half = {.n = 1 + (uint32_t)((r->random >> 40) % (n - 1)), .hold_us = hold(r)};
	int e = 0;

	if (r->halves) {
		e = outbox_put(&r->flow->outbox, &half, p);
		p = (const uint8_t *)p + half.n;
		whole.n -= half.n;
	}
	return e < 0 ? e : outbox_put(&r->flow->outbox, &whole, p);
}

/* The frame or fragment with these n bytes of the text. */
static int put_frame(const struct request *r, const char *text, size_t n, bool last)
{
	static uint8_t buf[RV_FRAME_HEADER + 1 + sizeof(r->flow->wire.token) + TEXT_MAX];
	const char *token = r->flow->wire.token;
	size_t at = RV_FRAME_HEADER, token_n = strlen(token);

	if (token_n > 0) {
		buf[at++] = (uint8_t)token_n;
		memcpy(buf + at, token, token_n);
		at += token_n;
	}
	memcpy(buf + at, text, n);
	at += n;
	rv_frame_store(buf, &(struct rv_frame){.version = RV_FRAME_VERSION,
				    .code = RV_OP_CALL,
				    .flags = (uint8_t)((token_n > 0 ? RV_FRAME_REPLY_TO : 0) |
						       (last ? 0 : RV_FRAME_MORE)),
				    .length = (uint32_t)(at - RV_FRAME_HEADER),
				    .id = (uint64_t)r->flow->window.client << 40 | r->seq});
	return put(r, buf, at, last, !last);
}

static int put_frames(const struct request *r, const char *text, size_t n)
{
	bool cut = !r->flow->whole && (r->random >> 10) % RARELY == 1;
	size_t parts = cut ? 1 + (r->random >> 20) % FRAGMENTS_MAX : 0;

	for (size_t i = 0; i < parts && n > 1; i++) {
		size_t k = 1 + (r->random >> (8 * i)) % (n - 1);
		int e = put_frame(r, text, k, false);

		if (e < 0) {
			return e;
		}
		text += k;
		n -= k;
	}
	return put_frame(r, text, n, true);
}

static int put_line(const struct request *r, char *text, size_t n)
{
	if (!r->flow->wire.kind->messages || r->flow->wire.kind->gather) {
		text[n++] = '\n';
	}
	return put(r, text, n, true, false);
}

static int ask(struct flow *f, uint64_t now)
{
	static char text[TEXT_MAX + 1];
	struct window *w = &f->window;
	size_t n = text_request(w->client, w->next, w->text_max, text);
	struct request r = {.flow = f,
		.random = text_random(~w->client, w->next),
		.seq = window_ask(w, n + REQUEST_COST, now)};

	r.halves = !f->wire.kind->messages && r.random % RARELY == 0;
	return f->wire.lines ? put_line(&r, text, n) : put_frames(&r, text, n);
}

int asker_fill(struct flow *f, uint64_t now)
{
	int r = 0;

	while (r == 0 && f->window.open < f->depth && window_has_room(&f->window) &&
		f->window.bytes < f->wire.kind->budget) {
		r = ask(f, now);
	}
	return r;
}
