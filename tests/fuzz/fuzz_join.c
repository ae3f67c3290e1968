/*
 * Joining, beside a plain one that knows eight ids: each fragment has the result that it
 * must have, a message that is done has all of its text, and what is held has a limit.
 */
#include <string.h>
#include "fuzz/feed.h"
#include "proto/join.h"
#include "util/macro.h"

#define IDS 8u
#define TEXT 300u
#define SECOND UINT64_C(1000000000)

static const struct join_limits limits = {.message = TEXT, .cost = 4096, .messages = 5};

struct plain {
	enum { NONE, BEGUN, REFUSED, LATE } state;
	uint8_t code;
	uint64_t ns;
	size_t n;
	uint8_t text[TEXT];
};

struct both {
	struct joiner j;
	struct plain ids[IDS];
	uint64_t now;
};

static size_t count_state(const struct both *b, bool begun)
{
	size_t n = 0;

	for (size_t i = 0; i < IDS; i++) {
		n += begun ? b->ids[i].state == BEGUN : b->ids[i].state > BEGUN;
	}
	return n;
}

/* What the joiner has to say. */
static enum join_result expected(const struct both *b, const struct rv_frame *f, size_t n)
{
	const struct plain *p = &b->ids[f->id];
	size_t have = p->state == BEGUN ? p->n : 0;

	if (p->state == LATE) {
		return JOIN_LATE;
	}
	if (p->state == BEGUN && p->code != f->code) {
		return JOIN_MALFORMED;
	}
	if (have + n > TEXT) {
		return JOIN_TOO_LARGE;
	}
	if (p->state == NONE && f->flags & RV_FRAME_MORE &&
		count_state(b, true) >= limits.messages) {
		return JOIN_BUSY;
	}
	return f->flags & RV_FRAME_MORE ? JOIN_WAIT : JOIN_DONE;
}

static void add_plain(
	struct both *b, const struct rv_frame *f, enum join_result r, const uint8_t *text, size_t n)
{
	struct plain *p = &b->ids[f->id];
	bool more = f->flags & RV_FRAME_MORE;

	p->ns = b->now;
	if (r != JOIN_WAIT) {
		p->state = r != JOIN_DONE && more ? REFUSED : NONE;
		return;
	}
	p->n = p->state == BEGUN ? p->n : 0;
	p->state = BEGUN;
	p->code = f->code;
	memcpy(p->text + p->n, text, n);
	p->n += n;
}

static void check_done(
	const struct plain *p, const struct bytes *joined, const uint8_t *text, size_t n)
{
	if (!joined->data) {
		FUZZ_CHECK(p->state == NONE || p->n + n == 0);
		return;
	}
	FUZZ_CHECK(p->state == BEGUN && joined->len == p->n + n);
	FUZZ_CHECK(memcmp(joined->data + joined->head, p->text, p->n) == 0);
	FUZZ_CHECK(n == 0 || memcmp(joined->data + joined->head + p->n, text, n) == 0);
}

static void add(struct both *b, struct feed *f)
{
	uint8_t what = feed_byte(f);
	struct rv_frame frame = {.id = what & 7, .code = what >> 6, .flags = what >> 3 & 1};
	const uint8_t *text;
	size_t n = feed_bytes(f, feed_byte(f), &text);
	struct plain *p = &b->ids[frame.id];
	enum join_result r, want = expected(b, &frame, n);
	struct bytes joined;

	if (joiner_swallow(&b->j, &frame, b->now)) {
		FUZZ_CHECK(p->state == REFUSED);
		p->ns = b->now;
		p->state = frame.flags & RV_FRAME_MORE ? REFUSED : NONE;
		return;
	}
	FUZZ_CHECK(p->state != REFUSED);
	r = joiner_add(&b->j, &limits, b->now, &frame, text, n, &joined);
	FUZZ_CHECK(r == want);
	if (r == JOIN_DONE) {
		check_done(p, &joined, text, n);
	}
	add_plain(b, &frame, r, text, n);
	bytes_free(&joined);
}

static void expire(struct both *b, uint64_t ns)
{
	size_t n = 0;

	b->now += ns;
	for (size_t i = 0; i < IDS; i++) {
		struct plain *p = &b->ids[i];

		if (p->state == BEGUN && b->now - p->ns >= SECOND) {
			p->state = LATE;
			p->ns = b->now;
			n++;
		} else if (p->state > BEGUN && b->now - p->ns >= 16 * SECOND) {
			p->state = NONE;
		}
	}
	FUZZ_CHECK(joiner_expire(&b->j, b->now, SECOND, true) == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct both b;
	struct feed f = {data, size};

	b = (struct both){.now = SECOND};
	while (f.n > 0) {
		uint8_t what = feed_byte(&f);

		if (what < 32) {
			expire(&b, what * SECOND / 4);
		} else {
			add(&b, &f);
		}
		FUZZ_CHECK(b.j.n_messages == count_state(&b, true));
		FUZZ_CHECK(b.j.n_markers == count_state(&b, false));
		FUZZ_CHECK(b.j.cost <= limits.cost + TEXT);
	}
	joiner_finish(&b.j);
	FUZZ_CHECK(b.j.cost == 0 && !b.j.messages);
	return 0;
}
