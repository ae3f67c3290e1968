#include <string.h>
#include <revd/client.h>
#include "bench/loops.h"
#include "util/fd.h"

/* Sends one request and waits for its reply. */
static int exchange(struct slice *s, struct link *l, struct rv_err *err)
{
	unsigned idle = 0;
	int r = link_send(l, 1);

	while (link_unsent(l) && (r == -EINTR || r == -EAGAIN)) {
		r = slice_retry(s, r == -EAGAIN ? -EINTR : r);
		r = r < 0 ? r : l->ops->send(l);
	}
	while (r >= 0) {
		r = link_receive(l, err);
		if (r > 0) {
			return r == 1 ? 0 : -EBADMSG;
		}
		if (r == -EAGAIN) { /* a client that spins */
			r = ++idle % 4096 ? 0 : slice_retry(s, -EINTR);
		}
		r = slice_retry(s, r);
	}
	return r;
}

static int ping_once(struct slice *s, struct rv_err *err)
{
	return exchange(s, s->target->links, err);
}

static int connect_once(struct slice *s, struct rv_err *err)
{
	struct link *l = s->target->links;
	int type = l->ops == &link_packets ? SOCK_SEQPACKET : SOCK_STREAM, r;

	do {
		l->rx = l->tx = address_connect(&s->target->address, type);
		r = l->rx < 0 ? slice_retry(s, l->rx) : 0;
	} while (l->rx == -EINTR && r == 0);
	r = r < 0 ? r : exchange(s, l, err);
	l->rx = l->tx = fd_close(l->rx);
	return r;
}

static int library_once(struct slice *s, struct rv_err *err)
{
	struct link *l = s->target->links;
	const struct script *w = &l->script;
	struct revc *c = s->target->library;
	size_t i = l->at;
	struct revc_reply reply;
	struct revc_err e;
	int r = revc_call(c, RV_OP_CALL, w->tx + i * w->tx_each, w->tx_each, s->deadline, &reply);

	if (r < 0) {
		revc_error(c, &e);
		return bench_fail(err, r, "%s", e.text);
	}
	l->at = i + 1 == w->n ? 0 : i + 1;
	if (reply.status != RV_STATUS_OK || reply.len != w->rx_each ||
		memcmp(reply.data, w->rx + i * w->rx_each, w->rx_each) != 0) {
		return bench_fail(err, -EBADMSG, "wrong reply to request %zu", i);
	}
	return 0;
}

/* One request after the other; the loops differ in how one is made. */
static ALWAYS_INLINE int repeat(
	struct slice *s, int (*once)(struct slice *, struct rv_err *), struct rv_err *err)
{
	uint64_t began = clock_now();

	while (began < s->end) {
		int r = once(s, err);
		uint64_t now = clock_now();

		if (r < 0) {
			return r;
		}
		slice_count(s, began, now, 1);
		began = now;
	}
	return 0;
}

int loop_ping(struct slice *s, struct rv_err *err)
{
	return repeat(s, ping_once, err);
}

int loop_connect(struct slice *s, struct rv_err *err)
{
	return repeat(s, connect_once, err);
}

int loop_library(struct slice *s, struct rv_err *err)
{
	return repeat(s, library_once, err);
}
