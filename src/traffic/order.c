#include "traffic/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	o->cost += ORDER_LINE_COST;
	return l;
}

struct order_line *order_add_before(struct order *o, const struct order_line *next)
{
	struct order_line **at = &o->first, *l = calloc(1, sizeof(*l));

	if (!l) {
		return NULL;
	}
	while (*at != next) {
		at = &(*at)->next;
	}
	l->term = next->term;
	l->tag = next->tag;
	l->next = *at;
	*at = l;
	o->cost += ORDER_LINE_COST;
	return l;
}

static size_t cost_of_text(const struct order_line *l)
{
	return l->memory ? l->len : 0;
}

int order_ready(struct order *o, struct order_line *l, uint8_t status, const void *p, size_t n)
{
	if (n > 0) {
		l->memory = malloc(n);
		if (!l->memory) {
			return -ENOMEM;
		}
		l->text = memcpy(l->memory, p, n);
	}
	l->len = n;
	o->cost += cost_of_text(l);
	l->status = status;
	l->ready = true;
	return 0;
}

void order_refuse(struct order_line *l, uint8_t status, const char *sentence)
{
	l->text = sentence;
	l->len = strlen(sentence);
	l->status = status;
	l->ready = true;
}

static struct order_line *unlink_first(struct order *o)
{
	struct order_line *l = o->first;

	o->first = l->next;
	if (!o->first) {
		o->last = NULL;
	}
	o->cost -= ORDER_LINE_COST + cost_of_text(l);
	return l;
}

struct order_line *order_take(struct order *o)
{
	return o->first && o->first->ready ? unlink_first(o) : NULL;
}

void order_line_free(struct order_line *l)
{
	free(l->memory);
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
	o->cost -= ORDER_LINE_COST + cost_of_text(l);
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
