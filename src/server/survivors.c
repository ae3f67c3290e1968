#include "server/survivors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "traffic/keeper.h"
#include "util/bag.h"
#include "util/fd.h"
#include "util/log.h"

struct found_bag {
	struct bag_in in;
	const char *name;
};

struct survivors {
	struct predecessor *p;
	const struct bag_marks *marks; /* of the bag */
	size_t n, ended;
};

/* A message and its descriptors become the predecessor's. *ret_first: the first one's number. */
static struct predecessor_bytes *keep(
	struct predecessor *p, const void *data, size_t n, const struct passed_fds *fds)
{
	struct predecessor_bytes *m = malloc(sizeof(*m) + n);
	int *all =
		m ? reallocarray(p->parcel.fds, p->parcel.n_fds + fds->n + 1, sizeof(*all)) : NULL;

	if (!all) {
		free(m);
		return NULL;
	}
	memcpy(m->data, data, n);
	memcpy(all + p->parcel.n_fds, fds->fds, fds->n * sizeof(*all));
	p->parcel.fds = all;
	m->first_fd = p->parcel.n_fds;
	p->parcel.n_fds += fds->n;
	m->next = p->bytes;
	p->bytes = m;
	return m;
}

static struct legacy *add_legacy(struct predecessor *p, const struct legacy *of)
{
	struct legacy *v;

	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->v[i].transport, of->transport) == 0 &&
			strcmp(p->v[i].address, of->address) == 0 &&
			p->v[i].version == of->version) {
			return &p->v[i];
		}
	}
	v = reallocarray(p->v, p->n + 1, sizeof(*v));
	if (!v) {
		return NULL;
	}
	p->v = v;
	v[p->n] = *of;
	return &v[p->n++];
}

/* The descriptors of a peer were numbered in its message; false: that makes no sense. */
static bool renumber(struct rv_unpack blob, size_t first, size_t n_fds, bool end, int *fds)
{
	uint64_t n;

	(void)rv_unpack_bytes(&blob, 2 * sizeof(uint64_t)); /* its client and bits */
	n = rv_unpack_u64(&blob);
	for (uint64_t i = 0; i < n && rv_unpack_ok(&blob); i++) {
		uint8_t *at = (uint8_t *)(uintptr_t)rv_unpack_bytes(&blob, sizeof(uint64_t));
		uint64_t number = UINT64_MAX;

		if (at) {
			memcpy(&number, at, sizeof(number));
		}
		if (number >= n_fds) {
			return false;
		}
		number += first;
		memcpy(at, &number, sizeof(number));
		if (end) {
			(void)shutdown(fds[number], SHUT_RDWR); /* another bag may hold it, too */
			fds[number] = fd_close(fds[number]);
		}
	}
	return rv_unpack_ok(&blob);
}

static bool is_settled(const struct bag_marks *marks, uint64_t slot, uint64_t block)
{
	return slot < BAG_SLOTS && marks->clean[slot] &&
	       (uint64_t)(uintptr_t)marks->serving != block;
}

static int unpack_peer(struct survivors *s, const struct predecessor_bytes *m, struct rv_unpack *u,
	struct legacy *l)
{
	uint64_t slot = rv_unpack_u64(u), block = rv_unpack_u64(u);
	struct rv_unpack blob = rv_unpack_blob(u);
	bool goes_on = is_settled(s->marks, slot, block);

	if (rv_unpack_ok(u) && blob.left == 0) { /* an input that many share */
		l->peers.torn |= !goes_on;
		return 0;
	}
	if (!rv_unpack_ok(u) || !renumber(blob, m->first_fd, s->p->parcel.n_fds - m->first_fd,
					!goes_on, s->p->parcel.fds)) {
		return -EBADMSG;
	}
	s->n += goes_on;
	s->ended += !goes_on;
	return goes_on ? takeover_peers_put(&l->peers, blob) : 0;
}

static int unpack_message(struct survivors *s, struct predecessor_bytes *m, size_t size)
{
	struct rv_unpack u = {m->data, size, false};
	bool known = rv_unpack_u64(&u) == KEEPER_MAGIC && rv_unpack_u64(&u) == KEEPER_VERSION;
	struct legacy of = {.peers_only = true, .peers = {.parcel = &s->p->parcel}}, *l;
	uint64_t n;
	int r = 0;

	of.transport = rv_unpack_string(&u);
	of.name = of.address = rv_unpack_string(&u);
	of.version = rv_unpack_u64(&u);
	n = rv_unpack_u64(&u);
	if (!known || !rv_unpack_ok(&u)) {
		return -EBADMSG;
	}
	l = add_legacy(s->p, &of);
	for (uint64_t i = 0; l && r == 0 && i < n; i++) {
		r = unpack_peer(s, m, &u, l);
	}
	return l ? r : -ENOMEM;
}

static void unpack_bag(struct survivors *s, const struct bag_in *in)
{
	uint8_t *buf = malloc(BAG_MESSAGE);
	struct passed_fds fds;
	size_t n;

	s->marks = in->marks;
	while (buf && (n = bag_next(in, buf, &fds)) > 0) {
		struct predecessor_bytes *m = keep(s->p, buf, n, &fds);

		if (!m) {
			while (fds.n > 0) {
				close(fds.fds[--fds.n]);
			}
		}
		if (!m || unpack_message(s, m, n) < 0) {
			log_error("connections of the process before are lost: what was kept of "
				  "them is damaged, or of another version");
		}
	}
	free(buf);
}

/* Bags. */

static size_t open_bags(struct found_bag *bags, int *fds, char *const *names, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		size_t j = i + 1;

		while (fds[i] >= 0 && j < n && strcmp(names[i], names[j]) != 0) {
			j++;
		}
		if (fds[i] >= 0 && j < n) {
			const int ends[BAG_ENDS] = {fds[i], fds[j]};

			bags[k].name = names[i];
			k += bag_open(&bags[k].in, ends) == 0;
			fds[j] = -1;
		} else if (fds[i] >= 0) {
			log_notice("connections of the process before are lost: the service "
				   "manager has kept a part alone; FileDescriptorStoreMax= of the "
				   "unit is too small");
			close(fds[i]);
		}
	}
	return k;
}

/* Names end with a generation; those of one worker are the same but for that. */
static bool is_older(const struct found_bag *a, const struct found_bag *b)
{
	const char *end = strrchr(a->name, '-'), *other = strrchr(b->name, '-');

	return end && other && end - a->name == other - b->name &&
	       strncmp(a->name, b->name, (size_t)(end - a->name)) == 0 &&
	       a->in.marks->generation < b->in.marks->generation;
}

static void unpack_newest(struct survivors *s, const struct found_bag *bags, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool older = false;

		for (size_t j = 0; j < n; j++) {
			older |= is_older(&bags[i], &bags[j]);
		}
		if (!older) {
			unpack_bag(s, &bags[i].in);
		}
	}
}

void survivors_add(struct predecessor *p, const int *given, char *const *names, size_t n)
{
	CLEANUP_FREE struct found_bag *bags = calloc(n + 1, sizeof(*bags));
	CLEANUP_FREE int *fds = calloc(n + 1, sizeof(*fds));
	struct survivors s = {.p = p};
	size_t k = 0;

	if (!bags || !fds) {
		return;
	}
	memcpy(fds, given, n * sizeof(*fds));
	k = open_bags(bags, fds, names, n);
	unpack_newest(&s, bags, k);
	for (size_t i = 0; i < k; i++) {
		bag_in_finish(&bags[i].in);
	}
	if (s.n + s.ended > 0) {
		log_notice("the process before did not end by itself: %zu of its connections go "
			   "on, %zu end",
			s.n, s.ended);
	}
}
