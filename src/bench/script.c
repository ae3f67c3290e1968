#include "bench/script.h"

#include <errno.h>
#include <revd/quote.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/bench.h"
#include "util/log.h"

#define BLOCK 65536u /* bytes of requests at least, so that one write can be large */

static const char eval_script[] = "return string.reverse(ARGV[1])";

/* How a request is laid out: `head` bytes, then text, then `tail` bytes. */
struct layout {
	char head[128], tail[16];
	char reply_head[128], reply_tail[16];
};

static void put_text(uint8_t *p, size_t n, size_t i, const struct script_shape *s)
{
	char number[8];

	for (size_t j = 0; j < n; j++) {
		p[j] = (uint8_t)('a' + (i * 31 + j * 7 + s->client) % 26);
	}
	snprintf(number, sizeof(number), "%06u", (unsigned)(i % 1000000));
	memcpy(p + 2, number, 6);
	script_put_index(p, s->client);
}

static void reverse(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		uint8_t c = p[i];

		p[i] = p[n - 1 - i];
		p[n - 1 - i] = c;
	}
}

static void lay_out(struct layout *l, const struct script_shape *s, size_t i)
{
	memset(l, 0, sizeof(*l));
	switch (s->form) {
	case SCRIPT_ECHO:
		snprintf(l->head, sizeof(l->head), "*2\r\n$4\r\nECHO\r\n$%zu\r\n", s->size);
		break;
	case SCRIPT_EVAL:
		snprintf(l->head, sizeof(l->head),
			"*4\r\n$4\r\nEVAL\r\n$%zu\r\n%s\r\n$1\r\n0\r\n$%zu\r\n",
			sizeof(eval_script) - 1, eval_script, s->size);
		break;
	case SCRIPT_MEMCACHED:
		snprintf(l->head, sizeof(l->head), "get c%04uk%06zu", s->client, i);
		snprintf(l->reply_head, sizeof(l->reply_head), "VALUE c%04uk%06zu 0 %zu\r\n",
			s->client, i, s->size);
		snprintf(l->reply_tail, sizeof(l->reply_tail), "\r\nEND\r\n");
		break;
	default:
		return;
	}
	snprintf(l->tail, sizeof(l->tail), "\r\n");
	if (s->form != SCRIPT_MEMCACHED) {
		snprintf(l->reply_head, sizeof(l->reply_head), "$%zu\r\n", s->size);
		snprintf(l->reply_tail, sizeof(l->reply_tail), "\r\n");
	}
}

static size_t put(uint8_t *to, size_t at, const char *s)
{
	size_t n = strlen(s);

	if (to) {
		memcpy(to + at, s, n);
	}
	return at + n;
}

/* Writes request i and its reply, or with tx NULL only counts their bytes. */
static void put_command(struct script *w, const struct script_shape *s, size_t i, bool count)
{
	uint8_t *tx = count ? NULL : w->tx + i * w->tx_each;
	uint8_t *rx = count ? NULL : w->rx + i * w->rx_each;
	size_t with_text = s->form == SCRIPT_MEMCACHED ? 0 : s->size;
	struct layout l;
	size_t t, r;

	lay_out(&l, s, i);
	t = put(tx, 0, l.head);
	r = put(rx, 0, l.reply_head);
	if (tx && rx) {
		put_text(rx + r, s->size, i, s);
		memcpy(tx + t, rx + r, with_text);
		if (s->reverse) {
			reverse(rx + r, s->size);
		}
	}
	t = put(tx, t + with_text, l.tail);
	r = put(rx, r + s->size, l.reply_tail);
	w->tx_each = t;
	w->rx_each = r;
}

static void put_bare(struct script *w, const struct script_shape *s, size_t i)
{
	uint8_t *tx = w->tx + i * w->tx_each, *rx = w->rx + i * w->rx_each;
	size_t n = w->tx_each;

	put_text(tx, n, i, s);
	for (size_t at = w->index_each; at + 2 <= n && w->index_each; at += w->index_each) {
		script_put_index(tx + at, s->client);
	}
	if (s->form == SCRIPT_LINE) {
		tx[--n] = '\n';
		rx[n] = '\n';
	}
	memcpy(rx, tx, n);
	if (s->reverse) {
		reverse(rx, n);
	}
}

/* The overhead of a frame that carries a part of the text. */
static size_t frame_overhead(const struct script_shape *s)
{
	return RV_FRAME_HEADER + (s->token ? 1 + strlen(s->token) : 0);
}

static size_t put_frame(uint8_t *p, const struct script_shape *s, size_t id, const uint8_t *text,
	size_t n, bool more)
{
	size_t token = s->token ? strlen(s->token) : 0, at = RV_FRAME_HEADER;
	struct rv_frame f = {
		.version = RV_FRAME_VERSION,
		.code = RV_OP_CALL,
		.flags = (uint8_t)((more ? RV_FRAME_MORE : 0) | (token ? RV_FRAME_REPLY_TO : 0)),
		.length = (uint32_t)(n + frame_overhead(s) - RV_FRAME_HEADER),
		.id = id,
	};

	rv_frame_store(p, &f);
	if (token) {
		p[at++] = (uint8_t)token;
		memcpy(p + at, s->token, token);
		at += token;
	}
	memcpy(p + at, text, n);
	return at + n;
}

static void put_frames(struct script *w, const struct script_shape *s, size_t i)
{
	uint8_t *tx = w->tx + i * w->tx_each, *rx = w->rx + i * w->rx_each;
	size_t room = s->message_max ? s->message_max - frame_overhead(s) : s->size, at = 0;

	put_text(rx, s->size, i, s);
	for (size_t m = 0, off = 0; m < w->messages; m++, off += room) {
		size_t n = MIN(room, s->size - off);

		w->cuts[i * w->messages + m] = (uint32_t)(i * w->tx_each + at);
		at += put_frame(tx + at, s, i, rx + off, n, off + n < s->size);
	}
	if (s->reverse) {
		reverse(rx, s->size);
	}
}

/* Sets the sizes of one request, its reply, and the number of its messages. */
static void measure(struct script *w, const struct script_shape *s)
{
	size_t room = s->message_max ? s->message_max : SIZE_MAX;

	switch (s->form) {
	case SCRIPT_BARE:
		w->messages = (s->size - 1) / room + 1;
		w->index_each = (s->size - 1) / w->messages + 1;
		w->tx_each = w->rx_each = w->messages * w->index_each;
		break;
	case SCRIPT_LINE:
		w->messages = 1;
		w->tx_each = w->rx_each = s->size;
		break;
	case SCRIPT_FRAME:
		room -= s->message_max ? frame_overhead(s) : 0;
		w->messages = (s->size - 1) / room + 1;
		w->tx_each = s->size + w->messages * frame_overhead(s);
		w->rx_each = s->size;
		w->frames = true;
		break;
	default:
		w->messages = 1;
		put_command(w, s, 0, true);
		break;
	}
}

static void fill(struct script *w, const struct script_shape *s)
{
	for (size_t i = 0; i < w->n; i++) {
		for (size_t m = 0; m < w->messages; m++) {
			w->cuts[i * w->messages + m] =
				(uint32_t)(i * w->tx_each + m * (w->tx_each / w->messages));
		}
		switch (s->form) {
		case SCRIPT_BARE:
		case SCRIPT_LINE:
			put_bare(w, s, i);
			break;
		case SCRIPT_FRAME:
			put_frames(w, s, i);
			break;
		default:
			put_command(w, s, i, false);
			break;
		}
	}
	w->cuts[w->n * w->messages] = (uint32_t)w->tx_len;
}

int script_init(struct script *w, const struct script_shape *s)
{
	memset(w, 0, sizeof(*w));
	measure(w, s);
	w->n = MAX((size_t)s->in_flight + 3, BLOCK / w->tx_each);
	w->tx_len = w->n * w->tx_each;
	w->rx_len = w->n * w->rx_each;
	w->tx = malloc(w->tx_len);
	w->rx = malloc(w->rx_len);
	w->cuts = calloc(w->n * w->messages + 1, sizeof(*w->cuts));
	if (!w->tx || !w->rx || !w->cuts) {
		script_finish(w);
		return -ENOMEM;
	}
	fill(w, s);
	return 0;
}

void script_finish(struct script *w)
{
	free(w->tx);
	free(w->rx);
	free(w->cuts);
	memset(w, 0, sizeof(*w));
}

static int wrong(struct rv_err *err, const struct script_check *c, const struct script *w,
	const uint8_t *p, size_t n)
{
	char want[64], got[96];

	rv_quote(w->rx + c->at, MIN(w->rx_len - c->at, 16), want, sizeof(want));
	rv_quote(p, MIN(n, 24), got, sizeof(got));
	return bench_fail(err, -EBADMSG, "wrong reply to request %zu, at its byte %zu: %s, not %s",
		c->request, c->in_text, got, want);
}

/* n bytes of reply text, which may hold many replies. Those finished, or -EBADMSG. */
static int check_text(struct script_check *c, const struct script *w, const uint8_t *p, size_t n,
	struct rv_err *err)
{
	int done = 0;

	while (n > 0) {
		size_t k = MIN(n, w->rx_len - c->at), ends;

		if (memcmp(w->rx + c->at, p, k) != 0) {
			return wrong(err, c, w, p, k);
		}
		ends = c->in_text + k;
		done += (int)(ends / w->rx_each);
		c->request = (c->request + ends / w->rx_each) % w->n;
		c->in_text = ends % w->rx_each;
		c->at = c->at + k == w->rx_len ? 0 : c->at + k;
		p += k;
		n -= k;
	}
	return done;
}

static int start_frame(struct script_check *c, const struct script *w, struct rv_err *err)
{
	size_t left = w->rx_each - c->in_text;
	struct rv_frame f;

	rv_frame_load(c->head, &f);
	if (c->head[0] != RV_FRAME_MAGIC || f.version != RV_FRAME_VERSION ||
		!(f.flags & RV_FRAME_REPLY)) {
		return wrong(err, c, w, c->head, sizeof(c->head));
	}
	if (f.code != RV_STATUS_OK) {
		return bench_fail(err, -EBADMSG, "request %zu was refused with status %u",
			c->request, f.code);
	}
	c->more = f.flags & RV_FRAME_MORE;
	if (f.id != c->request || f.length > left || (c->more ? f.length == 0 : f.length != left)) {
		return bench_fail(err, -EBADMSG,
			"wrong reply: id %llu with %u bytes, expected %zu with %zu",
			(unsigned long long)f.id, f.length, c->request, left);
	}
	c->body_left = f.length;
	c->head_len = 0;
	return 0;
}

static int check_frames(struct script_check *c, const struct script *w, const uint8_t *p, size_t n,
	struct rv_err *err)
{
	int done = 0, r;

	while (n > 0) {
		size_t k;

		if (c->body_left > 0) {
			k = MIN(n, c->body_left);
			r = check_text(c, w, p, k, err);
			if (r < 0) {
				return r;
			}
			done += r;
			c->body_left -= k;
		} else {
			k = MIN(n, sizeof(c->head) - c->head_len);
			memcpy(c->head + c->head_len, p, k);
			c->head_len += k;
			r = c->head_len == sizeof(c->head) ? start_frame(c, w, err) : 0;
			if (r < 0) {
				return r;
			}
		}
		p += k;
		n -= k;
	}
	return done;
}

int script_check_bytes(struct script_check *c, const struct script *w, const uint8_t *p, size_t n,
	struct rv_err *err)
{
	return w->frames ? check_frames(c, w, p, n, err) : check_text(c, w, p, n, err);
}

int script_check_message(struct script_check *c, const struct script *w, const uint8_t *p, size_t n,
	struct rv_err *err)
{
	int r;

	if (n == 0 || (!w->frames && n > w->rx_each - c->in_text)) {
		return wrong(err, c, w, p, n);
	}
	r = script_check_bytes(c, w, p, n, err);
	if (r >= 0 && (c->body_left > 0 || c->head_len > 0)) {
		return bench_fail(err, -EBADMSG,
			"wrong reply: a message of %zu bytes ends in the"
			" middle of its frame",
			n);
	}
	return r;
}
