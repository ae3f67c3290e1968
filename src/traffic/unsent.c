#include "traffic/unsent.h"

#include <stdlib.h>

struct unsent_reply *unsent_add(struct unsent *u, const struct unsent_reply *what)
{
	struct unsent_reply *r = malloc(unsent_cost(what->len));

	if (!r) {
		return NULL;
	}
	*r = *what;
	r->next = NULL;
	*(u->last ? &u->last->next : &u->first) = r;
	u->last = r;
	u->cost += unsent_cost(r->len);
	return r;
}

uint32_t unsent_pop(struct unsent *u)
{
	struct unsent_reply *r = u->first;
	uint32_t request = r->request;

	u->first = r->next;
	if (!u->first) {
		u->last = NULL;
	}
	u->cost -= unsent_cost(r->len);
	free(r);
	return request;
}
