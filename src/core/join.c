/*
 * Joins fragments. A peer's messages in progress are a short list: honest
 * clients have one or two. What they may hold is bounded in number and bytes.
 */
#include "core/internal.h"

#include <errno.h>
#include <string.h>

#define MAX_PARTIALS 64

static struct partial **find(struct peer_extra *x, uint64_t id)
{
	struct partial **at = &x->partials;

	while (*at && (*at)->id != id) {
		at = &(*at)->next;
	}
	return at;
}

void partial_free(struct partial *m)
{
	if (m) {
		free(m->data);
		free(m);
	}
}

static struct partial *unlink_partial(struct peer_extra *x, struct partial **at)
{
	struct partial *m = *at;

	*at = m->next;
	m->next = NULL;
	x->n_partials--;
	x->partial_bytes -= m->len;
	return m;
}

void join_free(struct peer_extra *x)
{
	while (x->partials) {
		partial_free(unlink_partial(x, &x->partials));
	}
}

size_t join_expire(struct peer_extra *x, uint64_t now_ns, uint64_t timeout_ns)
{
	struct partial **at = &x->partials;
	size_t n = 0;

	while (*at) {
		if (now_ns - (*at)->last_ns < timeout_ns) {
			at = &(*at)->next;
			continue;
		}
		n += !(*at)->discard;
		partial_free(unlink_partial(x, at));
	}
	return n;
}

static int append(struct peer_extra *x, struct partial *m, const uint8_t *p, size_t n)
{
	if (m->len + n > m->size) {
		size_t size = MAX(m->len + n, 2 * m->size);
		uint8_t *data = realloc(m->data, size);

		if (!data) {
			return -ENOMEM;
		}
		m->data = data;
		m->size = size;
	}
	if (n > 0) {
		memcpy(m->data + m->len, p, n);
	}
	m->len += n;
	x->partial_bytes += n;
	return 0;
}

static struct partial *begin(struct rv_instance *in, struct peer *p, const struct rv_frame *f)
{
	struct peer_extra *x = peer_extra(in, p);
	struct partial *m;

	if (!x || x->n_partials >= MAX_PARTIALS) {
		return NULL;
	}
	m = calloc(1, sizeof(*m));
	if (!m) {
		return NULL;
	}
	m->id = f->id;
	m->op = f->code;
	m->last_ns = worker_now(in->worker);
	m->next = x->partials;
	x->partials = m;
	x->n_partials++;
	peer_watch(in, p);
	return m;
}

static void make_discard(struct peer_extra *x, struct partial *m)
{
	x->partial_bytes -= m->len;
	free(m->data);
	m->data = NULL;
	m->len = m->size = 0;
	m->discard = true;
}

void join_discard(struct rv_instance *in, struct peer *p, const struct rv_frame *f)
{
	struct partial **at = p->extra ? find(p->extra, f->id) : NULL;
	struct partial *m = at && *at ? *at : NULL;

	if (!(f->flags & RV_FRAME_MORE)) {
		if (m) {
			partial_free(unlink_partial(p->extra, at));
		}
		return;
	}
	if (!m) {
		m = begin(in, p, f);
	}
	if (m) {
		make_discard(p->extra, m);
	}
}

static enum join_result refuse(
	struct rv_instance *in, struct peer *p, const struct rv_frame *f, enum join_result why)
{
	join_discard(in, p, f);
	return why;
}

bool join_swallow(struct rv_instance *in, struct peer *p, const struct rv_frame *f)
{
	struct partial **at = p->extra ? find(p->extra, f->id) : NULL;

	if (!at || !*at || !(*at)->discard) {
		return false;
	}
	in->n.fragments++;
	(*at)->last_ns = worker_now(in->worker);
	if (!(f->flags & RV_FRAME_MORE)) {
		partial_free(unlink_partial(p->extra, at));
	}
	return true;
}

enum join_result join_add(struct rv_instance *in, struct peer *p, const struct rv_frame *f,
	const uint8_t *data, size_t n, struct partial **ret_done)
{
	struct partial **at = p->extra ? find(p->extra, f->id) : NULL;
	struct partial *m = at && *at ? *at : NULL;
	struct peer_extra *x = p->extra;
	const struct limits *l = &in->limits;

	*ret_done = NULL;
	if (!m && !(f->flags & RV_FRAME_MORE)) {
		return JOIN_DONE;
	}
	in->n.fragments++;
	if ((m ? m->len : 0) + n > l->max_request) {
		return refuse(in, p, f, JOIN_TOO_LARGE);
	}
	if (x && x->partial_bytes + n + p->inflight > l->max_request + l->max_inflight) {
		return refuse(in, p, f, JOIN_BUSY);
	}
	if (!m) {
		m = begin(in, p, f);
		if (!m) {
			return JOIN_BUSY;
		}
		x = p->extra;
		at = find(x, f->id);
	}
	m->last_ns = worker_now(in->worker);
	if (append(x, m, data, n) < 0) {
		return refuse(in, p, f, JOIN_NO_MEMORY);
	}
	if (f->flags & RV_FRAME_MORE) {
		return JOIN_WAIT;
	}
	*ret_done = unlink_partial(x, at);
	return JOIN_DONE;
}
