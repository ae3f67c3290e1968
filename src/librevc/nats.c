/*
 * NATS: a request is a message to the subject, which one of the daemons that serve it gets;
 * replies come to the session's own inbox. A message holds one frame or more.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include "librevc/error.h"
#include "librevc/nats_gather.h"
#include "librevc/nats_module.h"
#include "librevc/nats_uri.h"
#include "librevc/transports.h"
#include "util/clock.h"
#include "util/quote.h"

#define NATS_FRAME ((size_t)1 << 30)
#define NATS_INFLIGHT ((size_t)256 << 10)
#define CONNECT_MS 2000u /* for each broker; a cluster has others */
/* What the broker does per message is dear, but all of one message goes to one daemon. So a
 * message may have so many bytes of frames, as long as there are so many messages: few
 * requests, which may be costly ones, are shared out one by one. */
#define BATCH 2048u
#define MESSAGES 64u

/* Asking all daemons: who takes their answers. */
struct gathering {
	nats_gather_take *take;
	void *ctx;
	uint64_t begun_ns, last_ns;
	bool deserted; /* there is none */
};

struct nats_session {
	const struct natslink_ops *ops;
	struct natslink *link;
	struct nats_place place;
	bool pending;  /* the link has not sent all yet */
	bool deserted; /* the broker says that nobody serves the subject */
	bool no_memory;
	struct gathering *gathering; /* NULL: nobody asks all of them */
};

/* Opening. */

static int exit_code_of(int err)
{
	return err == EINVAL                           ? EXIT_USAGE
	       : err == EACCES                         ? EXIT_NO_PERMISSION
	       : err == ENOMEM                         ? EXIT_TRY_LATER
	       : err == ETIMEDOUT || err == ECONNRESET ? EXIT_TRY_LATER
						       : EXIT_UNAVAILABLE;
}

static int explain(struct revc *s, int r, const char *why)
{
	char shown[REVC_URI_MAX];

	error_set(&s->err, -r, exit_code_of(-r), "%s: %s",
		quote_text(s->uri.shown, strlen(s->uri.shown), shown, sizeof(shown)), why);
	return r;
}

static int connect_to_broker(struct revc *s, uint64_t deadline)
{
	struct nats_session *m = s->nats;
	uint64_t now = clock_now(), left_ms = now < deadline ? (deadline - now) / 1000000 : 0;
	char why[NATSLINK_WHY] = "out of memory";
	const struct natslink_options o = {
		.servers = m->place.servers,
		.n = m->place.n,
		.timeout_ms = (unsigned)MAX(MIN(left_ms, (uint64_t)CONNECT_MS), (uint64_t)1),
	};
	int r = m->ops->open(&o, &m->link, &s->in_fd, why);

	s->out_fd = s->in_fd;
	return r < 0 ? explain(s, r, why) : 0;
}

/* A broker takes requests that nobody serves, so that is found out by a PING. */
static int expect_daemon(struct revc *s, uint64_t deadline)
{
	struct revc_reply reply;
	int r = revc_call(s, RV_OP_PING, NULL, 0, deadline, &reply);

	if (r < 0 && s->nats->deserted) {
		return session_fail(s, FAILURE_CONNECT, ENOENT);
	}
	return r == -ETIMEDOUT ? session_fail(s, FAILURE_CONNECT, ETIMEDOUT) : r;
}

static int nats_open(struct revc *s, uint64_t deadline)
{
	int r;

	s->nats = calloc(1, sizeof(*s->nats));
	if (!s->nats) {
		return session_fail(s, FAILURE_CONNECT, ENOMEM);
	}
	(void)!nats_uri_parse(s->uri.text, &s->nats->place); /* uri_parse() has done it before */
	r = nats_module_get(&s->nats->ops);
	if (r < 0) {
		return session_fail(s, FAILURE_CONNECT, -r);
	}
	r = connect_to_broker(s, deadline);
	if (r < 0) {
		return r;
	}
	s->limits = (struct revc_limits){
		.message_max = MIN(s->nats->ops->payload_max(s->nats->link), NATS_FRAME),
		.inflight_bytes = NATS_INFLIGHT,
		.inflight_max = 4096,
	};
	return expect_daemon(s, deadline);
}

static void nats_close(struct revc *s)
{
	if (s->nats && s->nats->link) {
		s->nats->ops->close(s->nats->link);
	}
	free(TAKE_PTR(s->nats));
}

/* Sending. */

/* The bytes of the whole frames at p that go into one message, one frame at least. */
static size_t next_message(const struct revc *s, const uint8_t *p, size_t n)
{
	size_t len = RV_FRAME_HEADER + rv_load_le32(p + 4), frames = s->awaited / MESSAGES;
	size_t max = MIN(s->limits.message_max, (size_t)BATCH);

	for (size_t i = 1; i < frames && len < n; i++) {
		size_t next = RV_FRAME_HEADER + rv_load_le32(p + len + 4);

		if (len + next > max) {
			break;
		}
		len += next;
	}
	return len;
}

static ssize_t nats_send(struct revc *s, const uint8_t *p, size_t n)
{
	struct nats_session *m = s->nats;
	size_t sent = 0;
	int r = 0;

	while (r == 0 && sent < n) {
		size_t len = next_message(s, p + sent, n - sent);

		r = m->ops->publish(m->link, m->place.subject, p + sent, len);
		sent += r == 0 ? len : 0;
	}
	if (r < 0 && r != -EAGAIN) {
		return r;
	}
	r = m->ops->flush(m->link);
	m->pending = r == -EAGAIN;
	return r < 0 && (sent == 0 || r != -EAGAIN) ? r : (ssize_t)sent;
}

static size_t nats_unsent(const struct revc *s)
{
	return s->nats->pending ? 1 : 0;
}

/* Receiving. */

static void take_answer(struct gathering *g, const struct natslink_message *msg)
{
	if (msg->no_responders) {
		g->deserted = true;
		return;
	}
	g->last_ns = clock_now();
	g->take(g->ctx, msg->data, msg->n, g->last_ns - g->begun_ns);
}

static void take(void *ctx, const struct natslink_message *msg)
{
	struct revc *s = ctx;
	bool frames = msg->n > 0 && msg->data[0] == RV_FRAME_MAGIC;

	if (s->nats->gathering && !frames) {
		take_answer(s->nats->gathering, msg);
	} else if (msg->no_responders) {
		s->nats->deserted = true;
	} else if (bytes_put(&s->rx, msg->data, msg->n) < 0) {
		s->nats->no_memory = true;
	}
}

static int nats_fill(struct revc *s)
{
	size_t before = s->rx.len;
	int r = s->nats->ops->receive(s->nats->link, take, s);

	if (s->nats->no_memory) {
		return -ENOMEM;
	}
	/* What has come is looked at first. */
	return s->rx.len > before ? 0 : s->nats->deserted ? -ENOTCONN : r;
}

/* All of them. */

const char *nats_subject(const struct revc *s)
{
	return s->nats ? s->nats->place.subject : NULL;
}

/* Until something has come: 0; -ETIMEDOUT. */
static int wait_for_answer(const struct revc *s, uint64_t deadline)
{
	struct pollfd p = {.fd = s->in_fd, .events = s->nats->pending ? POLLIN | POLLOUT : POLLIN};
	const struct timespec left = clock_until(deadline);
	int r = ppoll(&p, 1, &left, NULL);

	return r > 0 || (r < 0 && errno == EINTR) ? 0 : r == 0 ? -ETIMEDOUT : -errno;
}

int nats_gather(struct revc *s, const char *subject, uint64_t quiet_ns, nats_gather_take *take_one,
	void *ctx)
{
	struct nats_session *m = s->nats;
	struct gathering g = {.take = take_one, .ctx = ctx, .begun_ns = clock_now()};
	int r = m->ops->publish(m->link, subject, "", 0);

	g.last_ns = g.begun_ns;
	m->gathering = &g;
	while (r == 0 && !g.deserted) {
		r = m->ops->flush(m->link);
		m->pending = r == -EAGAIN;
		r = r == 0 || r == -EAGAIN ? wait_for_answer(s, g.last_ns + quiet_ns) : r;
		r = r < 0 ? r : nats_fill(s);
		r = r == -EAGAIN ? 0 : r;
	}
	m->gathering = NULL;
	return r < 0 && r != -ETIMEDOUT ? session_fail(s, FAILURE_RECEIVE, -r) : 0;
}

const struct transport transport_nats = {
	.name = "nats",
	.many = true,
	.open = nats_open,
	.send = nats_send,
	.unsent = nats_unsent,
	.fill = nats_fill,
	.close = nats_close,
};
