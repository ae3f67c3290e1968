#include "bench/link_nats.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "librevc/nats_module.h"
#include "util/clock.h"

#define CONNECT_MS 2000
#define START_NS 5000000000u
#define RETRY_MS 5
#define WAIT_MS 100 /* then the deadline is looked at */

struct nats_client {
	const struct natslink_ops *ops;
	struct natslink *link;
	char subject[64];
	/* of one receive: */
	struct link *of;
	struct rv_err *err;
	int done; /* replies finished, or an error */
	bool deserted;
};

static bool poll_for(const struct link *l, short events, int ms)
{
	struct pollfd p = {.fd = l->rx, .events = events};

	return poll(&p, 1, ms) > 0;
}

/* A broker takes what it is sent while it waits for us, so that waiting for it is safe. */
static int flush(struct link *l)
{
	struct nats_client *c = l->library;
	int r = c->ops->flush(c->link);

	while (r == -EAGAIN) {
		(void)poll_for(l, POLLOUT, WAIT_MS);
		r = c->ops->flush(c->link);
	}
	return r;
}

static int nats_send(struct link *l)
{
	struct nats_client *c = l->library;
	const struct script *w = &l->script;
	int r = 0;

	while (r == 0 && link_unsent(l)) {
		r = c->ops->publish(c->link, c->subject, w->tx + l->at * w->tx_each, w->tx_each);
		if (r == -EAGAIN) {
			r = flush(l);
			continue;
		}
		l->sent++;
		l->at = l->at + 1 == w->n ? 0 : l->at + 1;
	}
	return r < 0 ? r : flush(l);
}

static void take(void *ctx, const struct natslink_message *msg)
{
	struct nats_client *c = ctx;
	struct link *l = c->of;
	int r;

	c->deserted |= msg->no_responders;
	if (c->done < 0 || msg->no_responders) {
		return;
	}
	r = script_check_message(&l->check, &l->script, msg->data, msg->n, c->err);
	c->done = r < 0 ? r : c->done + r;
}

static int nats_receive(struct link *l, struct rv_err *err)
{
	struct nats_client *c = l->library;
	int r;

	if (l->blocking && !poll_for(l, POLLIN, WAIT_MS)) {
		return -EINTR;
	}
	c->done = 0;
	c->err = err;
	r = c->ops->receive(c->link, take, c);
	return c->deserted ? -ECONNRESET : r < 0 ? r : c->done;
}

static void nats_finish(struct link *l)
{
	struct nats_client *c = l->library;

	if (c) {
		c->ops->close(c->link);
	}
	free(c);
	l->library = NULL;
}

static const struct link_ops link_nats = {nats_send, nats_receive, NULL, nats_finish};

int link_nats_open(struct link *l, const char *url, const char *subject, struct rv_err *err)
{
	const struct natslink_options o = {.servers = &url, .n = 1, .timeout_ms = CONNECT_MS};
	struct nats_client *c = calloc(1, sizeof(*c));
	char why[NATSLINK_WHY] = "out of memory";
	int r;

	if (!c) {
		return bench_fail(err, -ENOMEM, "out of memory");
	}
	l->ops = &link_nats;
	l->bytes = false;
	c->of = l;
	snprintf(c->subject, sizeof(c->subject), "%s", subject);
	r = nats_module_get(&c->ops);
	r = r < 0 ? r : c->ops->open(&o, &c->link, &l->rx, why);
	if (r < 0) {
		free(c);
		return bench_fail(err, r, "%s: %s", url, why);
	}
	l->tx = l->rx;
	l->library = c;
	return 0;
}

/* One answer, or that there is nobody. 0, -EAGAIN, or another -errno. */
static int ask_once(struct link *l, struct rv_err *err)
{
	struct nats_client *c = l->library;
	uint64_t end = clock_now() + START_NS;
	int r = link_send(l, 1);

	c->deserted = false;
	while (r == 0) {
		r = poll_for(l, POLLIN, WAIT_MS) ? nats_receive(l, err) : -EAGAIN;
		r = r == -EAGAIN && clock_now() < end ? 0 : r;
		if (r > 0) {
			return 0;
		}
	}
	return c->deserted ? -EAGAIN : r == -EAGAIN ? -ETIMEDOUT : r;
}

int link_nats_await(struct link *l, struct rv_err *err)
{
	uint64_t end = clock_now() + START_NS;
	int r;

	while ((r = ask_once(l, err)) == -EAGAIN && clock_now() < end) {
		l->goal = l->sent = l->at = 0; /* it is asked the same once more */
		(void)poll(NULL, 0, RETRY_MS);
	}
	return r == -EAGAIN ? -ETIMEDOUT : r;
}
