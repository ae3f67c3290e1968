/*
 * What librevc makes of replies. The first byte says what the rest is: bytes of a stream,
 * whose replies are the same however reads cut them; replies in fragments, which must all
 * come out as they were; or messages of a queue, whole replies and junk between them.
 */
#include <errno.h>
#include <string.h>
#include "fuzz/feed.h"
#include "librevc/receive.h"
#include "librevc/session.h"
#include "util/macro.h"

#define REPLIES 64u
#define SLOT 256u
#define OURS (UINT64_C(0x6f757273) << 32) /* ids of replies in a queue */

struct source {
	struct revc s; /* first, so that fill() finds the rest */
	struct feed f;
	size_t first, step; /* bytes of the first read and of each later one */
	bool queue;
};

static struct source *source_of(struct revc *s)
{
	return (struct source *)(void *)s;
}

static int fill_stream(struct source *from)
{
	const uint8_t *p;
	size_t n = feed_bytes(&from->f, from->first ? from->first : from->step, &p);

	from->first = 0;
	return n == 0 ? -ECONNRESET : bytes_put(&from->s.rx, p, n);
}

/* A message: its length, and so many bytes. */
static int fill_queue(struct source *from)
{
	struct session_slots *m = &from->s.slots;
	const uint8_t *p;

	m->n = m->next = 0;
	while (m->n < SESSION_SLOTS && from->f.n > 0) {
		size_t n = feed_bytes(&from->f, feed_byte(&from->f), &p);

		memcpy(m->mem + m->n * m->size, p, n);
		m->lens[m->n++] = n;
	}
	return m->n == 0 ? -ECONNRESET : 0;
}

static int fill(struct revc *s)
{
	struct source *from = source_of(s);

	return from->queue ? fill_queue(from) : fill_stream(from);
}

static const struct transport transport = {.name = "fuzz", .fill = fill};

static void begin(struct source *from, const uint8_t *data, size_t n, bool queue)
{
	struct revc_err err;

	memset(from, 0, sizeof(*from));
	from->f = (struct feed){data, n};
	from->first = from->step = SIZE_MAX;
	from->queue = queue;
	from->s.ops = &transport;
	from->s.in_fd = from->s.out_fd = -1;
	from->s.awaited = 1;
	from->s.limits.stream = !queue;
	from->s.token_n = queue;
	FUZZ_CHECK(uri_parse("uds:/fuzz", &from->s.uri, &err) == 0);
	FUZZ_CHECK(!queue || session_make_slots(&from->s, SLOT) == 0);
}

static void end(struct source *from)
{
	bytes_free(&from->s.rx);
	bytes_free(&from->s.joined);
	free(from->s.slots.mem);
	joiner_finish(&from->s.joiner);
}

/* FNV-1a */
static uint64_t hash(uint64_t h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		h = (h ^ ((const uint8_t *)p)[i]) * UINT64_C(0x100000001b3);
	}
	return h;
}

/* All replies and the error behind them. */
static uint64_t receive_all(struct source *from, int *ret_err)
{
	struct revc_reply r;
	uint64_t h = 1;

	while ((*ret_err = receive_reply(&from->s, REVC_NOW, -1, &r)) == 0) {
		h = hash(h, &r.id, sizeof(r.id));
		h = hash(h, &r.status, sizeof(r.status));
		h = hash(h, &r.len, sizeof(r.len));
		h = hash(h, r.data, r.len);
	}
	FUZZ_CHECK(*ret_err != -ETIMEDOUT && from->s.err.err == -*ret_err);
	FUZZ_CHECK(from->s.err.text[0]);
	return h;
}

static void check_stream(struct feed *f)
{
	static struct source a, b;
	size_t first = 1u + feed_byte(f), step = 1u + feed_byte(f);
	int err_a, err_b;
	uint64_t h;

	begin(&a, f->p, f->n, false);
	begin(&b, f->p, f->n, false);
	b.first = first;
	b.step = step;
	h = receive_all(&a, &err_a);
	FUZZ_CHECK(h == receive_all(&b, &err_b));
	/* of a sentence that a read cut the beginning decides */
	FUZZ_CHECK(err_a == err_b || err_a == -EBUSY || err_a == -EACCES || err_a == -EPROTO);
	end(&a);
	end(&b);
}

/* Replies in fragments. */

struct reply {
	const uint8_t *text;
	size_t n, sent;
	bool sent_last, received;
};

/* The next fragment of one of them; returns its size. */
static size_t put_fragment(uint8_t *to, struct reply *all, size_t n, struct feed *f)
{
	size_t i = feed_byte(f) % n, k;
	struct reply *r = &all[i];

	if (r->sent_last) {
		return 0;
	}
	k = feed_byte(f);
	k = MIN(k, r->n - r->sent);
	r->sent_last = r->sent + k == r->n;
	rv_reply_store(to, RV_STATUS_OK, r->sent_last ? 0 : RV_FRAME_MORE, k, i);
	memcpy(to + RV_FRAME_HEADER, r->text + r->sent, k);
	r->sent += k;
	return RV_FRAME_HEADER + k;
}

static void check_fragments(struct feed *f)
{
	static uint8_t stream[65536];
	static struct source from;
	struct reply all[8] = {0};
	struct revc_reply r;
	size_t n = 0, step = 1u + feed_byte(f);
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		all[i].n = feed_bytes(f, feed_byte(f), &all[i].text);
	}
	while (f->n > 0 && n + SLOT + RV_FRAME_HEADER < sizeof(stream)) {
		n += put_fragment(stream + n, all, ARRAY_SIZE(all), f);
	}
	begin(&from, stream, n, false);
	from.first = from.step = step;
	while ((err = receive_reply(&from.s, REVC_NOW, -1, &r)) == 0) {
		struct reply *of = &all[r.id];

		FUZZ_CHECK(of->sent_last && !of->received && r.len == of->n);
		FUZZ_CHECK(r.len == 0 || memcmp(r.data, of->text, r.len) == 0);
		of->received = true;
	}
	FUZZ_CHECK(err == -ECONNRESET);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		FUZZ_CHECK(all[i].received == all[i].sent_last);
	}
	end(&from);
}

/* Messages: half of them replies of ours, which nothing beside them may lose. */
static void check_queue(struct feed *f)
{
	static uint8_t queue[65536];
	static struct source from;
	struct revc_reply r;
	size_t n = 0, next = 0;
	uint64_t ours = 0;
	int err;

	while (f->n > 0 && n + SLOT < sizeof(queue)) {
		uint8_t k = feed_byte(f);
		const uint8_t *p;
		size_t len = feed_bytes(f, k / 2, &p);

		if (k & 1) {
			queue[n] = (uint8_t)(RV_FRAME_HEADER + len);
			rv_reply_store(queue + n + 1, RV_STATUS_OK, 0, len, OURS + ours++);
			memcpy(queue + n + 1 + RV_FRAME_HEADER, p, len);
			n += 1 + RV_FRAME_HEADER + len;
		} else if (len < RV_FRAME_HEADER || rv_load_le64(p + 8) >> 32 != OURS >> 32) {
			queue[n] = (uint8_t)len;
			memcpy(queue + n + 1, p, len);
			n += 1 + len;
		}
	}
	begin(&from, queue, n, true);
	while ((err = receive_reply(&from.s, REVC_NOW, -1, &r)) != -ECONNRESET) {
		if (err == 0 && r.id >> 32 == OURS >> 32) {
			FUZZ_CHECK(r.id == OURS + next++);
		}
	}
	FUZZ_CHECK(next == ours);
	end(&from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed f = {data, size};

	switch (feed_byte(&f) % 3) {
	case 0:
		check_stream(&f);
		break;
	case 1:
		check_fragments(&f);
		break;
	default:
		check_queue(&f);
		break;
	}
	return 0;
}
