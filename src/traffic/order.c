#include "traffic/order.h"

struct order_line *order_add(struct order *o, uint8_t term, uint32_t tag)
{
	struct order_line *l = calloc(1, sizeof(*l));

	if (!l) {
		return NULL;
	}
	l->term = term;
	l->tag = tag;
	*(o->last ? &o->last->next : &o->first) = l;
	o->last = l;
	o->cost += sizeof(*l);
	return l;
}

int order_ready(struct order *o, struct order_line *l, uint8_t status, const void *p, size_t n)
{
	int r = bytes_put(&l->text, p, n);

	if (r < 0) {
		return r;
	}
	o->cost += n;
	l->status = status;
	l->ready = true;
	return 0;
}

static struct order_line *unlink_first(struct order *o)
{
	struct order_line *l = o->first;

	o->first = l->next;
	if (!o->first) {
		o->last = NULL;
	}
	o->cost -= sizeof(*l) + l->text.len;
	return l;
}

struct order_line *order_take(struct order *o)
{
	return o->first && o->first->ready ? unlink_first(o) : NULL;
}

void order_line_free(struct order_line *l)
{
	bytes_free(&l->text);
	free(l);
}

void order_remove(struct order *o, struct order_line *l)
{
	struct order_line **at = &o->first, *before = NULL;

	while (*at != l) {
		before = *at;
		at = &before->next;
	}
	*at = l->next;
	if (o->last == l) {
		o->last = before;
	}
	o->cost -= sizeof(*l) + l->text.len;
	order_line_free(l);
}

size_t order_drop(struct order *o)
{
	size_t n = 0;

	while (o->first) {
		order_line_free(unlink_first(o));
		n++;
	}
	return n;
}
