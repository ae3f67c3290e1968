#include "load/outbox.h"

#include <errno.h>

#define SEND_MAX (64u << 10) /* bytes of a stream at once */

int outbox_put(struct outbox *o, const struct piece *p, const void *data)
{
	int r = bytes_put(&o->data, data, p->n);

	return r < 0 ? r : bytes_put(&o->pieces, p, sizeof(*p));
}

/* Pieces lie unaligned in their buffer. */
static struct piece piece_at(const struct outbox *o, size_t i)
{
	struct piece p;

	memcpy(&p, bytes_head(&o->pieces) + i * sizeof(p), sizeof(p));
	return p;
}

/* Bytes that one send may have: up to a pause, and in whole messages where that matters. */
static size_t bunch(const struct outbox *o, const struct wire_kind *k)
{
	size_t max = k->messages ? k->gather : SEND_MAX, n = 0,
	       count = o->pieces.len / sizeof(struct piece);

	for (size_t i = 0; i < count; i++) {
		struct piece p = piece_at(o, i);

		if (n > 0 && n + p.n > max) {
			break;
		}
		n += p.n;
		if (p.hold_us) {
			break;
		}
	}
	return n;
}

/* n bytes have left. Returns how many requests ended in them. */
static ssize_t took(struct outbox *o, size_t n, uint64_t now)
{
	ssize_t ended = 0;

	bytes_take(&o->data, n);
	while (n > 0) {
		struct piece p = piece_at(o, 0);

		if (n < p.n) {
			p.n -= (uint32_t)n;
			memcpy(bytes_head(&o->pieces), &p, sizeof(p));
			break;
		}
		n -= p.n;
		ended += p.last;
		o->hold_until = p.hold_us ? now + p.hold_us * UINT64_C(1000) : 0;
		bytes_take(&o->pieces, sizeof(p));
	}
	return ended;
}

ssize_t outbox_send(struct outbox *o, struct wire *w, uint64_t now)
{
	ssize_t ended = 0;

	o->full = false;
	while (!outbox_is_empty(o) && now >= o->hold_until) {
		ssize_t k = w->kind->send(w, bytes_head(&o->data), bunch(o, w->kind));

		if (k < 0) {
			o->full = k == -EAGAIN;
			return k == -EAGAIN ? ended : k;
		}
		ended += took(o, (size_t)k, now);
	}
	return ended;
}

void outbox_clear(struct outbox *o)
{
	bytes_free(&o->data);
	bytes_free(&o->pieces);
	*o = (struct outbox){0};
}
