/*
 * Many connections at once. Every rx is in an epoll set for good, and a tx joins it
 * one-shot while it is full. FIFO and mqueue clients share one tx, so its event means
 * all of them. A socket is both, so its tx is watched through a duplicate.
 */
#include <sys/epoll.h>
#include <unistd.h>
#include "bench/flight.h"
#include "bench/loops.h"
#include "util/fd.h"

#define EVENTS 64
#define TX_BIT (UINT64_C(1) << 32)

struct many_link {
	struct flight flight;
	int watch_tx;
};

struct many {
	struct slice *slice;
	struct many_link *links;
	size_t n, added;
	uint64_t in_flight; /* of all links */
	size_t turn;        /* whose turn it is to use a shared tx */
	int epoll;
};

static int watch(const struct many *m, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = {.events = events, .data.u64 = data};

	return epoll_ctl(m->epoll, op, fd, &ev) < 0 ? -errno : 0;
}

static void many_finish(struct many *m)
{
	for (size_t i = 0; i < m->added; i++) {
		flight_finish(&m->links[i].flight);
		if (m->links[i].watch_tx != m->slice->target->links[i].tx) {
			fd_close(m->links[i].watch_tx);
		}
	}
	free(m->links);
	fd_close(m->epoll);
}

static int many_add(struct many *m, size_t i)
{
	const struct link *l = &m->slice->target->links[i];
	struct many_link *ml = &m->links[i];
	int r = flight_init(&ml->flight, m->slice->load->window);

	m->added++;
	ml->watch_tx = l->tx == l->rx ? dup(l->tx) : l->tx;
	if (r < 0 || ml->watch_tx < 0) {
		return r < 0 ? r : -errno;
	}
	r = watch(m, EPOLL_CTL_ADD, l->rx, EPOLLIN, i);
	if (r == 0) {
		r = watch(m, EPOLL_CTL_ADD, ml->watch_tx, EPOLLONESHOT, TX_BIT | i);
	}
	return r == -EEXIST ? 0 : r; /* a shared tx is there already */
}

static int many_init(struct many *m, struct slice *s)
{
	int r = 0;

	*m = (struct many){.slice = s, .n = s->target->n_links};
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	m->links = calloc(m->n, sizeof(*m->links));
	if (m->epoll < 0 || !m->links) {
		r = m->epoll < 0 ? -errno : -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < m->n; i++) {
		r = many_add(m, i);
	}
	if (r < 0) {
		many_finish(m);
	}
	return r;
}

/* Sends what link i has to send, and asks for an event if not all of it fits. */
static int push(struct many *m, size_t i)
{
	struct link *l = &m->slice->target->links[i];
	int r = l->ops->send(l);

	if (r == -EAGAIN || (r == -EINTR && link_unsent(l))) {
		r = watch(m, EPOLL_CTL_MOD, m->links[i].watch_tx, EPOLLOUT | EPOLLONESHOT,
			TX_BIT | i);
	}
	return r;
}

static int top_up(struct many *m, size_t i, uint64_t now)
{
	struct flight *f = &m->links[i].flight;
	struct link *l = &m->slice->target->links[i];
	unsigned n = m->slice->load->window - f->in_flight;

	if (now >= m->slice->end || n == 0) {
		return 0;
	}
	flight_begin(f, now, n);
	m->in_flight += n;
	link_allow(l, n);
	return push(m, i);
}

static int on_readable(struct many *m, size_t i, struct rv_err *err)
{
	uint64_t now;
	int k = link_receive(&m->slice->target->links[i], err), r;

	if (k <= 0) {
		return k == -EAGAIN || k == -EINTR ? 0 : k;
	}
	now = clock_now();
	r = flight_end(&m->links[i].flight, m->slice, now, (unsigned)k);
	if (r < 0) {
		return r;
	}
	m->in_flight -= (uint64_t)k;
	return top_up(m, i, now);
}

/* A shared tx has room: those with something to send take turns until it is full. */
static int push_shared(struct many *m)
{
	const struct link *links = m->slice->target->links;
	int r = 0;

	for (size_t tried = 0; tried < m->n && r == 0; tried++) {
		size_t i = m->turn;

		r = link_unsent(&links[i]) ? push(m, i) : 0;
		if (r == 0 && link_unsent(&links[i])) {
			break;
		}
		m->turn = (i + 1) % m->n;
	}
	return r;
}

static int on_writable(struct many *m, size_t i)
{
	return m->n > 1 && m->slice->target->links[1].tx_shared ? push_shared(m) : push(m, i);
}

static int many_turn(struct many *m, struct rv_err *err)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(m->epoll, ev, EVENTS, -1), r = 0;

	if (n < 0) {
		return slice_retry(m->slice, -errno);
	}
	for (int i = 0; i < n && r == 0; i++) {
		uint64_t d = ev[i].data.u64;

		r = d & TX_BIT ? on_writable(m, d & ~TX_BIT) : on_readable(m, d, err);
	}
	return r;
}

int loop_many(struct slice *s, struct rv_err *err)
{
	struct many m;
	int r = many_init(&m, s);

	if (r < 0) {
		return r;
	}
	for (size_t i = 0; i < m.n && r == 0; i++) {
		r = top_up(&m, i, clock_now());
	}
	while (r == 0 && m.in_flight > 0) {
		r = many_turn(&m, err);
	}
	many_finish(&m);
	return r;
}
