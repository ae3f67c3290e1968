/*
 * Joins fragments. A peer's messages in progress are a short list: honest
 * clients have one or two. What they may hold is bounded in number and bytes.
 */
#include "core/internal.h"

#include <errno.h>
#include <string.h>

#define MAX_PARTIALS 64 /* messages in progress of one peer */
#define MAX_MARKERS 64  /* and refused ones whose rest is still to come */
#define ROUNDS 16u      /* fragment_timeouts that what is remembered of refused ones lives */

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
	if (m->discard) {
		x->n_markers--;
	} else {
		x->n_partials--;
	}
	x->partial_bytes -= m->len;
	return m;
}

void join_free(struct peer_extra *x)
{
	while (x->partials) {
		partial_free(unlink_partial(x, &x->partials));
	}
}

/* From here on the message is only remembered, so that its rest is not taken for
 * a message of its own. */
static void make_marker(struct peer_extra *x, struct partial *m, uint64_t now_ns)
{
	if (m->discard) {
		return;
	}
	x->partial_bytes -= m->len;
	free(m->data);
	m->data = NULL;
	m->len = m->size = 0;
	m->discard = true;
	m->last_ns = now_ns;
	x->n_partials--;
	x->n_markers++;
}

size_t join_expire(struct peer_extra *x, uint64_t now_ns, uint64_t timeout_ns)
{
	struct partial **at = &x->partials;
	size_t n = 0;

	if (x->lossy_ns && now_ns > x->lossy_ns && now_ns - x->lossy_ns >= ROUNDS * timeout_ns) {
		x->lossy_ns = 0;
	}
	while (*at) {
		struct partial *m = *at;
		uint64_t age = now_ns > m->last_ns ? now_ns - m->last_ns : 0;

		if (!m->discard && age >= timeout_ns) {
			make_marker(x, m, now_ns);
			m->late = true;
			n++;
		} else if (m->discard && x->peer->bits & PEER_REPLY_ONLY &&
			   age >= ROUNDS * timeout_ns) {
			partial_free(unlink_partial(x, at));
			continue;
		}
		at = &m->next;
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
	struct peer_extra *x = peer_extra(p);
	struct partial *m = x ? calloc(1, sizeof(*m)) : NULL;

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
	if (!m && !(p->extra && p->extra->n_markers >= MAX_MARKERS)) {
		m = begin(in, p, f);
	}
	if (m) {
		make_marker(p->extra, m, worker_now(in->worker));
	} else if (p->extra) {
		p->extra->lossy_ns = worker_now(in->worker);
		peer_watch(in, p);
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

	if (!at || !*at || !(*at)->discard || (*at)->late) {
		return false;
	}
	count(&in->n.fragments, 1);
	(*at)->last_ns = worker_now(in->worker);
	if (!(f->flags & RV_FRAME_MORE)) {
		partial_free(unlink_partial(p->extra, at));
	}
	return true;
}

enum join_result join_add(struct rv_instance *in, struct peer *p, const struct rv_frame *f,
	const uint8_t *data, size_t n, struct partial **ret_done, size_t *ret_total)
{
	struct partial **at = p->extra ? find(p->extra, f->id) : NULL;
	struct partial *m = at && *at ? *at : NULL;
	struct peer_extra *x = p->extra;
	const struct limits *l = &in->limits;

	*ret_done = NULL;
	if (UNLIKELY(!m && x && x->lossy_ns)) {
		return refuse(in, p, f, JOIN_BUSY);
	}
	if (!m && !(f->flags & RV_FRAME_MORE)) {
		return JOIN_DONE;
	}
	count(&in->n.fragments, 1);
	*ret_total = (m ? m->len : 0) + n;
	if (m && m->late) {
		m->late = false;
		return refuse(in, p, f, JOIN_LATE);
	}
	if (m && m->op != f->code) {
		return refuse(in, p, f, JOIN_MALFORMED);
	}
	if (*ret_total > l->max_request) {
		return refuse(in, p, f, JOIN_TOO_LARGE);
	}
	if (x && x->partial_bytes + n + p->inflight > l->max_request + l->max_inflight) {
		return refuse(in, p, f, JOIN_BUSY);
	}
	if (!m && x && x->n_partials >= MAX_PARTIALS) {
		return refuse(in, p, f, JOIN_BUSY);
	}
	if (!m) {
		m = begin(in, p, f);
		if (!m) {
			return refuse(in, p, f, JOIN_NO_MEMORY);
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
