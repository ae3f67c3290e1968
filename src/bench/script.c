#include "bench/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 65536u /* bytes of requests at least, so that one write can be large */

static const char eval_script[] = "return string.reverse(ARGV[1])";

/* How a request and its reply are laid out, but for frames. */
struct layout {
	size_t text; /* bytes of it */
	bool stored; /* the request only names the text */
	char head[128], tail[4], reply_head[64], reply_tail[16];
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

static void lay_out(
	struct layout *l, const struct script *w, const struct script_shape *s, size_t i)
{
	*l = (struct layout){.text = s->size, .tail = "\r\n", .reply_tail = "\r\n"};
	snprintf(l->reply_head, sizeof(l->reply_head), "$%zu\r\n", s->size);
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
		l->stored = true;
		snprintf(l->head, sizeof(l->head), "get c%04uk%06zu", s->client, i);
		snprintf(l->reply_head, sizeof(l->reply_head), "VALUE c%04uk%06zu 0 %zu\r\n",
			s->client, i, s->size);
		snprintf(l->reply_tail, sizeof(l->reply_tail), "\r\nEND\r\n");
		break;
	case SCRIPT_LINE:
		*l = (struct layout){.text = s->size - 1, .tail = "\n", .reply_tail = "\n"};
		break;
	default:
		*l = (struct layout){.text = w->messages * w->index_each};
		break;
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

/* Writes request i and its reply, or with `count` only measures them. */
static void put_request(struct script *w, const struct script_shape *s, size_t i, bool count)
{
	uint8_t *tx = count ? NULL : w->tx + i * w->tx_each;
	uint8_t *rx = count ? NULL : w->rx + i * w->rx_each;
	struct layout l;
	size_t t, r;

	lay_out(&l, w, s, i);
	t = put(tx, 0, l.head);
	r = put(rx, 0, l.reply_head);
	if (tx && rx) {
		put_text(rx + r, l.text, i, s);
		for (size_t at = w->index_each; at > 0 && at + 2 <= l.text; at += w->index_each) {
			script_put_index(rx + r + at, s->client);
		}
		memcpy(tx + t, rx + r, l.stored ? 0 : l.text);
		if (s->reverse) {
			reverse(rx + r, l.text);
		}
	}
	w->tx_each = put(tx, l.stored ? t : t + l.text, l.tail);
	w->rx_each = put(rx, r + l.text, l.reply_tail);
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

	w->frames = s->form == SCRIPT_FRAME;
	if (w->frames) {
		room -= s->message_max ? frame_overhead(s) : 0;
		w->messages = (s->size - 1) / room + 1;
		w->tx_each = s->size + w->messages * frame_overhead(s);
		w->rx_each = s->size;
		return;
	}
	w->messages = 1;
	if (s->form == SCRIPT_BARE) {
		w->messages = (s->size - 1) / room + 1;
		w->index_each = (s->size - 1) / w->messages + 1;
	}
	put_request(w, s, 0, true);
}

static void fill(struct script *w, const struct script_shape *s)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->frames) {
			put_frames(w, s, i);
			continue;
		}
		put_request(w, s, i, false);
		for (size_t m = 0; m < w->messages; m++) {
			w->cuts[i * w->messages + m] =
				(uint32_t)(i * w->tx_each + m * w->tx_each / w->messages);
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
