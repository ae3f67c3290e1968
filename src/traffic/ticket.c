#include "traffic/ticket.h"

#include <errno.h>
#include <stdlib.h>

#define TICKETS_KEPT 128u /* places that stay, used or not */

static int grow(struct tickets *ts)
{
	uint32_t n = ts->n ? 2 * ts->n : 64;
	struct ticket *t = realloc(ts->table, n * sizeof(*t));

	if (!t) {
		return -ENOMEM;
	}
	ts->table = t;
	for (uint32_t i = n; i-- > ts->n;) {
		t[i] = (struct ticket){.generation = ts->generation + 1, .next_free = ts->free};
		ts->free = i + 1;
	}
	ts->n = n;
	return 0;
}

static uint32_t index_of(const struct tickets *ts, const struct ticket *t)
{
	return (uint32_t)(t - ts->table) + 1;
}

rv_ticket ticket_id(const struct tickets *ts, const struct ticket *t)
{
	return (uint64_t)t->generation << 32 | index_of(ts, t);
}

struct ticket *ticket_create(struct tickets *ts, uint32_t *chain, rv_ticket *ret)
{
	struct ticket *t;
	uint32_t generation;

	if (!ts->free && grow(ts) < 0) {
		return NULL;
	}
	t = &ts->table[ts->free - 1];
	ts->free = t->next_free;
	generation = t->generation;
	*t = (struct ticket){
		.generation = generation, .used = true, .chain = chain, .next = *chain};
	if (*chain) {
		ts->table[*chain - 1].prev = index_of(ts, t);
	}
	*chain = index_of(ts, t);
	ts->used++;
	*ret = ticket_id(ts, t);
	return t;
}

struct ticket *ticket_find(struct tickets *ts, rv_ticket id)
{
	uint32_t index = (uint32_t)id;

	if (index < 1 || index > ts->n || !ts->table[index - 1].used ||
		ts->table[index - 1].generation != (uint32_t)(id >> 32)) {
		return NULL;
	}
	return &ts->table[index - 1];
}

void ticket_free(struct tickets *ts, struct ticket *t)
{
	if (t->prev) {
		ts->table[t->prev - 1].next = t->next;
	} else {
		*t->chain = t->next;
	}
	if (t->next) {
		ts->table[t->next - 1].prev = t->prev;
	}
	t->used = false;
	ts->used--;
	if (++t->generation != 0) { /* else its ids are used up */
		t->next_free = ts->free;
		ts->free = index_of(ts, t);
	}
}

void tickets_cancel(struct tickets *ts, uint32_t *chain, void (*each)(struct ticket *, rv_ticket))
{
	while (*chain) {
		struct ticket *t = &ts->table[*chain - 1];
		const struct ticket was = *t;
		rv_ticket id = ticket_id(ts, t);

		ticket_free(ts, t);
		each(&(struct ticket){.in = was.in, .service = was.service}, id);
	}
}

size_t tickets_trim(struct tickets *ts)
{
	uint32_t generation = ts->generation;
	size_t n = ts->n * sizeof(*ts->table);

	if (ts->used > 0 || ts->n <= TICKETS_KEPT) {
		return 0;
	}
	for (uint32_t i = 0; i < ts->n; i++) {
		/* that of a free place is the next one; 0: its ids are used up */
		generation = MAX(generation, ts->table[i].generation - 1);
	}
	if (generation == UINT32_MAX) {
		return 0;
	}
	free(ts->table);
	*ts = (struct tickets){.generation = generation};
	return n;
}

struct ticket *tickets_due(struct tickets *ts, uint64_t now_ns, uint32_t *at)
{
	while (*at < ts->n) {
		struct ticket *t = &ts->table[(*at)++];

		if (t->used && now_ns >= t->deadline_ns) {
			return t;
		}
	}
	return NULL;
}

void tickets_finish(struct tickets *ts)
{
	free(ts->table);
	*ts = (struct tickets){0};
}
