#include "bench/revd_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <revd/client.h>
#include "bench/link_nats.h"
#include "bench/link_shm.h"
#include "util/fd.h"

#define MQ_MESSAGE 8192u
#define TOKEN 33 /* 128 random bits as text */

static bool as_line(
	const struct daemon *d, const struct bench_contender *c, const struct bench_load *l)
{
	bool alone = !d->attached && l->clients == 1 && !c->frames && !c->neighbour;

	switch (c->transport) {
	case BENCH_STREAM:
	case BENCH_SHM:
	case BENCH_NATS:
		return true;
	case BENCH_SEQPACKET:
		return l->size <= RIG_PACKET_MAX;
	case BENCH_FIFO:
		return alone;
	default:
		return alone && l->size <= MQ_MESSAGE;
	}
}

static size_t frame_max(enum bench_transport t)
{
	return t == BENCH_FIFO ? PIPE_BUF : t == BENCH_MQUEUE ? MQ_MESSAGE : RIG_PACKET_MAX;
}

static int make_token(char ret[TOKEN])
{
	uint64_t raw[2];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw)) {
		return -EIO;
	}
	snprintf(ret, TOKEN, "%016" PRIx64 "%016" PRIx64, raw[0], raw[1]);
	return 0;
}

/* Opens a FIFO or queue that the daemon has. */
static int open_name(enum bench_transport t, const char *name, int flags)
{
	flags |= O_NONBLOCK | O_CLOEXEC;
	return t == BENCH_FIFO ? open(name, flags) : mq_open(name, flags);
}

/* The request FIFO or queue: opened by the first link, shared by the others. */
static int open_request(struct rig *s, const struct daemon *d, enum bench_transport t, size_t i)
{
	if (i > 0) {
		rig_share_tx(s, i);
		return 0;
	}
	s->target.links[0].tx = open_name(t, daemon_name(d, t), O_WRONLY);
	return s->target.links[0].tx >= 0 ? 0 : -errno;
}

static int open_out(const struct daemon *d, enum bench_transport t, struct link *l)
{
	char name[DAEMON_URI + 8];

	snprintf(name, sizeof(name), "%s.out", daemon_name(d, t));
	l->rx = open_name(t, name, O_RDONLY);
	return l->rx >= 0 ? 0 : -errno;
}

/* The client's own FIFO or queue, which the daemon may write to whoever it runs as. */
static int make_reply(const struct daemon *d, enum bench_transport t, struct link *l,
	const char *token, const struct bench_load *load)
{
	struct bench_queue q = bench_queue(load);
	size_t message = MIN(q.message, load->size + RV_FRAME_HEADER);
	struct mq_attr attr = {.mq_maxmsg = (long)q.depth, .mq_msgsize = (long)message};
	const int flags = O_NONBLOCK | O_CLOEXEC;
	mode_t old = umask(0);
	int r;

	snprintf(l->unlink, sizeof(l->unlink), t == BENCH_FIFO ? "%s.d/%s" : "%s.%s",
		daemon_name(d, t), token);
	if (t == BENCH_FIFO) {
		l->rx = mkfifo(l->unlink, 0622) < 0 ? -1 : open(l->unlink, O_RDWR | flags);
	} else {
		l->rx = mq_open(l->unlink, O_RDONLY | O_CREAT | O_EXCL | flags, 0622, &attr);
	}
	r = l->rx < 0 ? -errno : 0;
	umask(old);
	if (t == BENCH_FIFO) {
		l->ops = &link_atomic;
		l->bytes = false;
		(void)fcntl(l->rx, F_SETPIPE_SZ, RIG_PIPE_BYTES); /* refused: the default does */
	}
	return r;
}

/* Connects link i. token: set if the link has a reply name of its own. */
static int connect_link(struct rig *s, const struct daemon *d, const struct bench_contender *c,
	const struct bench_load *load, size_t i, char *token, struct rv_err *err)
{
	struct link *l = &s->target.links[i];
	enum bench_transport t = c->transport;
	int r;

	if (t == BENCH_NATS) {
		return link_nats_open(l, d->broker, daemon_address(d, t), err);
	}
	if (bench_socket_type(t)) {
		r = address_set(&s->target.address, daemon_name(d, t));
		r = r < 0 ? r : address_connect(&s->target.address, bench_socket_type(t));
		l->rx = l->tx = r;
		return r < 0 || t != BENCH_SHM ? MIN(r, 0) : link_shm_connect(l, r);
	}
	r = open_request(s, d, t, i);
	if (r == 0 && as_line(d, c, load)) {
		return open_out(d, t, l);
	}
	r = r < 0 ? r : make_token(token);
	return r < 0 ? r : make_reply(d, t, l, token, load);
}

static int make_script(struct rig *s, const struct daemon *d, const struct bench_contender *c,
	const struct bench_load *load, size_t i, const char *token)
{
	bool line = as_line(d, c, load);
	bool bytes = c->transport == BENCH_STREAM || c->transport == BENCH_SHM ||
		     c->transport == BENCH_FIFO;
	struct script_shape shape = {
		.form = !line   ? SCRIPT_FRAME
			: bytes ? SCRIPT_LINE
				: SCRIPT_BARE,
		.size = load->size,
		.in_flight = bench_load_in_flight(load),
		.client = (unsigned)i,
		.reverse = d->reverse,
		.message_max = line ? 0 : frame_max(c->transport),
		.token = token[0] ? token : NULL,
	};

	if (c->wait == BENCH_LIBRARY) { /* librevc makes the frames itself */
		shape.form = SCRIPT_BARE;
		shape.message_max = 0;
	}
	return script_init(&s->target.links[i].script, &shape);
}

static int open_library(
	struct rig *s, const struct daemon *d, const struct bench_contender *c, struct rv_err *err)
{
	struct revc_options o = {.spin_us = c->spin ? 1000 : 0};
	struct revc_err e;
	int r = revc_open(d->uri[c->transport], &o, &s->target.library, &e);

	return r < 0 ? bench_fail(err, r, "%s", e.text) : 0;
}

int revd_rig_open(struct rig *s, const struct daemon *d, const struct bench_contender *c,
	const struct bench_load *load, struct rv_err *err)
{
	int r = rig_links(s, load, c->transport, MAX(load->size + 64, (size_t)MQ_MESSAGE), err);

	if (r < 0) {
		return r;
	}
	s->server = (struct proc){.pid = d->proc.pid};
	for (size_t i = 0; i < s->target.n_links && r == 0; i++) {
		char token[TOKEN] = "";

		if (c->wait != BENCH_LIBRARY) {
			r = connect_link(s, d, c, load, i, token, err);
		}
		r = r < 0 ? r : make_script(s, d, c, load, i, token);
	}
	if (r < 0 && c->transport == BENCH_NATS) {
		return r; /* it has a sentence */
	}
	if (r < 0) {
		return bench_fail(err, r, "%s: %s", d->uri[c->transport], rig_why(c->transport, r));
	}
	if (load->connect) {
		s->target.links[0].rx = s->target.links[0].tx = fd_close(s->target.links[0].rx);
	}
	return c->wait == BENCH_LIBRARY ? open_library(s, d, c, err) : 0;
}
