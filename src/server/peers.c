#include "server/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include "server/wishes.h"
#include "traffic/listing.h"
#include "util/json.h"

/* Where a page begins: the endpoint of that number, its instance, the slot in there. A
 * reload may shift the numbers; the list is of no one moment anyway. */
struct cursor {
	unsigned endpoint, instance, slot;
};

static bool cursor_parse(const char *text, struct cursor *c)
{
	char rest;

	*c = (struct cursor){0};
	return !*text ||
	       sscanf(text, "%9u.%9u.%9u%c", &c->endpoint, &c->instance, &c->slot, &rest) == 3;
}

static void put_peer(struct json_writer *j, const struct endpoint *ep, unsigned worker,
	const struct listed_peer *p)
{
	json_write_object(j, NULL);
	json_write_string(j, "endpoint", ep->cfg->name);
	json_write_string(j, "transport", ep->ops->name);
	json_write_uint(j, "worker", worker);
	json_write_uint(j, "client", p->client);
	if (ep->ops->caps & RV_CAP_PEERCRED) {
		json_write_uint(j, "uid", p->uid);
		json_write_uint(j, "gid", p->gid);
		json_write_uint(j, "pid", (uint64_t)p->pid);
	} else if (p->name[0]) {
		json_write_string(j, "name", p->name);
	}
	json_write_uint(j, "inflight", p->inflight);
	json_write_uint(j, "requests", p->requests);
	json_write_uint(j, "age", p->age_s);
	json_write_bool(j, "blocked", p->blocked);
	json_write_end(j);
}

/* Goes to the next instance. False: there is none. */
static bool advance(struct cursor *c, const struct endpoint **ep)
{
	c->slot = 0;
	if (++c->instance >= (*ep)->n_instances) {
		c->instance = 0;
		c->endpoint++;
		*ep = (*ep)->next;
	}
	return *ep != NULL;
}

static const struct endpoint *find(const struct endpoints *all, struct cursor *c)
{
	const struct endpoint *ep = all->first;

	for (unsigned i = 0; ep && i < c->endpoint; i++) {
		ep = ep->next;
	}
	if (ep && c->instance >= ep->n_instances) {
		c->instance = c->slot = 0;
		c->endpoint++;
		ep = ep->next;
	}
	return ep;
}

/* Returns whether there may be more at the cursor. */
static bool put_page(
	struct json_writer *j, const struct endpoints *all, struct cursor *c, struct listing *l)
{
	const struct endpoint *ep = find(all, c);

	for (unsigned looked = 0; ep && looked < LISTING_SLOTS;) {
		unsigned worker = ep->first_worker + c->instance;

		l->from = c->slot;
		l->max = LISTING_SLOTS - looked;
		listing_make(l, &ep->instances[c->instance]);
		for (size_t i = 0; i < l->n; i++) {
			put_peer(j, ep, worker, &l->peers[i]);
		}
		looked += l->looked + 1;
		c->slot += l->looked;
		if (!l->more && !advance(c, &ep)) {
			return false;
		}
	}
	return ep != NULL;
}

static int make_page(const struct endpoints *all, struct cursor *c, char **ret)
{
	CLEANUP_FREE struct listing *l = malloc(sizeof(*l));
	char next[40];
	size_t n;
	struct json_writer j = {.file = l ? open_memstream(ret, &n) : NULL};
	bool bad;

	if (!j.file) {
		return -1;
	}
	json_write_object(&j, NULL);
	json_write_array(&j, "peers");
	if (put_page(&j, all, c, l)) {
		json_write_end(&j);
		snprintf(next, sizeof(next), "%u.%u.%u", c->endpoint, c->instance, c->slot);
		json_write_string(&j, "next", next);
	} else {
		json_write_end(&j);
		json_write_null(&j, "next");
	}
	json_write_end(&j);
	bad = ferror(j.file);
	return fclose(j.file) != 0 || bad ? -1 : 0;
}

static void answer(const struct endpoints *all, struct wish *w)
{
	CLEANUP_FREE char *page = NULL;
	struct cursor c;

	if (!cursor_parse(w->text, &c)) {
		wishes_answer(w, RV_STATUS_MALFORMED,
			"the payload is empty, or the 'next' of the page before");
	} else if (make_page(all, &c, &page) < 0) {
		wishes_answer(w, RV_STATUS_INTERNAL, "out of memory");
	} else {
		wishes_answer(w, RV_STATUS_OK, page);
	}
}

void peers_answer(struct endpoints *all)
{
	struct wish *w = wishes_take(all, RV_OP_PEERS);

	while (w) {
		struct wish *next = TAKE_PTR(w->next);

		answer(all, w);
		w = next;
	}
}
