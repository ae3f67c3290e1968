#include "proto/join.h"

#include <errno.h>

#define ROUNDS 16u /* timeouts that what is remembered of refused messages lives */

struct join_message {
	struct join_message *next;
	uint64_t id, last_ns;
	uint8_t code;
	bool discard; /* a marker: swallow the rest */
	bool late;    /* a marker, and nobody has been told yet */
	struct bytes text;
};

static struct join_message **find(struct joiner *j, uint64_t id)
{
	struct join_message **at = &j->messages;

	while (*at && (*at)->id != id) {
		at = &(*at)->next;
	}
	return at;
}

static size_t cost_of(const struct join_message *m)
{
	return sizeof(*m) + m->text.len;
}

static struct join_message *unlink_message(struct joiner *j, struct join_message **at)
{
	struct join_message *m = *at;

	*at = m->next;
	*(m->discard ? &j->n_markers : &j->n_messages) -= 1;
	j->cost -= cost_of(m);
	return m;
}

static void forget(struct joiner *j, struct join_message **at)
{
	struct join_message *m = unlink_message(j, at);

	bytes_free(&m->text);
	free(m);
}

void joiner_finish(struct joiner *j)
{
	while (j->messages) {
		forget(j, &j->messages);
	}
	*j = (struct joiner){0};
}

static struct join_message *begin(struct joiner *j, const struct rv_frame *f, uint64_t now_ns)
{
	struct join_message *m = calloc(1, sizeof(*m));

	if (!m) {
		return NULL;
	}
	m->id = f->id;
	m->code = f->code;
	m->last_ns = now_ns;
	m->next = j->messages;
	j->messages = m;
	j->n_messages++;
	j->cost += cost_of(m);
	return m;
}

static void make_marker(struct joiner *j, struct join_message *m, uint64_t now_ns)
{
	if (m->discard) {
		return;
	}
	j->cost -= m->text.len;
	bytes_free(&m->text);
	m->discard = true;
	m->last_ns = now_ns;
	j->n_messages--;
	j->n_markers++;
}

void joiner_discard(struct joiner *j, const struct rv_frame *f, uint64_t now_ns)
{
	struct join_message **at = find(j, f->id);

	if (!(f->flags & RV_FRAME_MORE)) {
		if (*at) {
			forget(j, at);
		}
		return;
	}
	if (!*at && j->n_markers < JOIN_MARKERS) {
		(void)begin(j, f, now_ns); /* at the front of the list */
		at = find(j, f->id);
	}
	if (*at) {
		make_marker(j, *at, now_ns);
	} else {
		j->lossy_ns = now_ns;
	}
}

bool joiner_swallow(struct joiner *j, const struct rv_frame *f, uint64_t now_ns)
{
	struct join_message **at = find(j, f->id), *m = *at;

	if (!m || !m->discard || m->late) {
		return false;
	}
	m->last_ns = now_ns;
	if (!(f->flags & RV_FRAME_MORE)) {
		forget(j, at);
	}
	return true;
}

static uint64_t age(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

size_t joiner_expire(struct joiner *j, uint64_t now_ns, uint64_t timeout_ns, bool forget_markers)
{
	struct join_message **at = &j->messages;
	size_t n = 0;

	if (j->lossy_ns && age(now_ns, j->lossy_ns) >= ROUNDS * timeout_ns) {
		j->lossy_ns = 0;
	}
	while (*at) {
		struct join_message *m = *at;
		uint64_t old = age(now_ns, m->last_ns);

		if (!m->discard && old >= timeout_ns) {
			make_marker(j, m, now_ns);
			m->late = true;
			n++;
		} else if (m->discard && forget_markers && old >= ROUNDS * timeout_ns) {
			forget(j, at);
			continue;
		}
		at = &m->next;
	}
	return n;
}

/* May a frame with n bytes of text be added to m (NULL: a new message)? JOIN_WAIT: yes. */
static enum join_result check(const struct joiner *j, const struct join_limits *l,
	const struct join_message *m, const struct rv_frame *f, size_t n)
{
	if (m && m->late) {
		return JOIN_LATE;
	}
	if (m && m->code != f->code) {
		return JOIN_MALFORMED;
	}
	if (n > l->message || (m && m->text.len > l->message - n)) {
		return JOIN_TOO_LARGE;
	}
	if (j->cost > l->cost || n > l->cost - j->cost || (!m && j->n_messages >= l->messages)) {
		return JOIN_BUSY;
	}
	return JOIN_WAIT;
}

static enum join_result append(
	struct joiner *j, struct join_message *m, const uint8_t *text, size_t n, uint64_t now_ns)
{
	if (bytes_put(&m->text, text, n) < 0) {
		return JOIN_NO_MEMORY;
	}
	j->cost += n;
	m->last_ns = now_ns;
	return JOIN_WAIT;
}

enum join_result joiner_add(struct joiner *j, const struct join_limits *l, uint64_t now_ns,
	const struct rv_frame *f, const uint8_t *text, size_t n, struct bytes *ret)
{
	struct join_message **at = find(j, f->id), *m = *at;
	enum join_result r;

	*ret = (struct bytes){0};
	if (!m && j->lossy_ns) {
		joiner_discard(j, f, now_ns);
		return JOIN_BUSY;
	}
	if (!m && !(f->flags & RV_FRAME_MORE)) {
		ret->len = n > l->message ? n : 0;
		return n > l->message ? JOIN_TOO_LARGE : JOIN_DONE;
	}
	r = check(j, l, m, f, n);
	if (r == JOIN_TOO_LARGE) {
		ret->len = (m ? m->text.len : 0) + n;
	}
	if (r == JOIN_LATE) {
		m->late = false;
		m->last_ns = now_ns;
	}
	if (r == JOIN_WAIT && !m) {
		m = begin(j, f, now_ns);
		at = &j->messages;
	}
	if (r == JOIN_WAIT) {
		r = m ? append(j, m, text, n, now_ns) : JOIN_NO_MEMORY;
	}
	if (r != JOIN_WAIT) {
		joiner_discard(j, f, now_ns);
		return r;
	}
	if (f->flags & RV_FRAME_MORE) {
		return JOIN_WAIT;
	}
	m = unlink_message(j, at);
	*ret = m->text;
	free(m);
	return JOIN_DONE;
}

void joiner_pack(const struct joiner *j, struct rv_pack *p)
{
	rv_pack_u64(p, j->lossy_ns);
	rv_pack_u64(p, j->n_messages + j->n_markers);
	for (const struct join_message *m = j->messages; m; m = m->next) {
		rv_pack_u64(p, m->id);
		rv_pack_u64(p, m->code);
		rv_pack_u64(p, m->last_ns);
		rv_pack_u64(p, m->discard);
		rv_pack_u64(p, m->late);
		rv_pack_blob(p, bytes_head(&m->text), m->text.len);
	}
}

static int unpack_message(struct joiner *j, struct rv_unpack *u)
{
	uint64_t id = rv_unpack_u64(u), code = rv_unpack_u64(u), last_ns = rv_unpack_u64(u);
	bool discard = rv_unpack_u64(u) != 0, late = rv_unpack_u64(u) != 0;
	struct rv_unpack text = rv_unpack_blob(u);
	const struct rv_frame f = {.id = id, .code = (uint8_t)code};
	struct join_message *m;

	if (!rv_unpack_ok(u) || *find(j, id)) {
		return -EBADMSG;
	}
	m = begin(j, &f, last_ns);
	if (!m) {
		return -ENOMEM;
	}
	if (append(j, m, text.data, text.left, last_ns) != JOIN_WAIT) {
		return -ENOMEM;
	}
	if (discard) {
		make_marker(j, m, last_ns);
		m->late = late;
	}
	return 0;
}

int joiner_unpack(struct joiner *j, struct rv_unpack *u)
{
	uint64_t n, lossy_ns = rv_unpack_u64(u);
	int r = 0;

	n = rv_unpack_u64(u);
	if (!rv_unpack_ok(u) || n > JOIN_MESSAGES + JOIN_MARKERS) {
		return -EBADMSG;
	}
	j->lossy_ns = lossy_ns;
	for (uint64_t i = 0; r == 0 && i < n; i++) {
		r = unpack_message(j, u);
	}
	return r;
}
