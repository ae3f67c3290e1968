/*
 * The receiving half of a session: waiting, and bytes or messages into replies.
 *
 * poll() comes before read() even on an idle connection: a thread that sleeps
 * in a read of a stream socket is woken once more per round trip than one that
 * sleeps in poll, for each wake-up of the socket's other event sources.
 */
#include "librevc/receive.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include "librevc/session.h"
#include "proto/join.h"
#include "proto/status.h"
#include "util/clock.h"
#include "util/quote.h"

#define REPLY_MAX ((size_t)1 << 31) /* bytes; more is nonsense */
#define ROOM ((size_t)1 << 20)      /* bytes of a reply that are believed to come */

/* The daemon refuses whole connections in a line, before it knows which of the two
 * encodings its client speaks. */
static int refused(struct revc *s, const uint8_t *p, size_t n)
{
	const uint8_t *lf = memchr(p, '\n', n);
	const uint8_t *colon;
	char said[200], uri[REVC_URI_MAX];
	int status = -1;

	n = lf ? (size_t)(lf - p) : n;
	colon = memchr(p, ':', n);
	if (p[0] == RV_NAK && colon) {
		status = status_parse((const char *)p + 1, (size_t)(colon - p) - 1);
	}
	if (status < 0) {
		return session_fail(s, FAILURE_RECEIVE, EPROTO);
	}
	error_set(&s->err,
		status == RV_STATUS_DENIED        ? EACCES
		: status == RV_STATUS_UNSUPPORTED ? EPROTO
						  : EBUSY,
		error_exit_code((unsigned)status), "%s: %s",
		quote_text(s->uri.shown, strlen(s->uri.shown), uri, sizeof(uri)),
		quote_text(p + 1, n - 1, said, sizeof(said)));
	return -s->err.err;
}

/* Nothing tells when the daemon behind a reply FIFO dies in mid-reply and another goes on:
 * the rest of a torn frame would be taken from the next one. Then what comes
 * behind it is no header, and that is found out before it is believed. */
static bool is_header(const uint8_t *p, size_t n)
{
	const uint8_t flags = RV_FRAME_REPLY | RV_FRAME_MORE;

	return (n < 1 || p[0] == RV_FRAME_MAGIC) && (n < 2 || p[1] == RV_FRAME_VERSION) &&
	       (n < 3 || p[2] < RV_STATUS_COUNT) &&
	       (n < 4 || ((p[3] & RV_FRAME_REPLY) && !(p[3] & ~flags)));
}

/* A frame of n bytes of text: 1 if a reply is whole with it, 0, or -errno. */
static int join(
	struct revc *s, const struct rv_frame *f, const uint8_t *text, struct revc_reply *ret)
{
	static const struct join_limits limits = {
		.message = REPLY_MAX, .cost = SIZE_MAX, .messages = SIZE_MAX};
	struct bytes joined;
	enum join_result r = joiner_add(&s->joiner, &limits, 0, f, text, f->length, &joined);

	if (r != JOIN_DONE) {
		return r == JOIN_WAIT        ? 0
		       : r == JOIN_NO_MEMORY ? session_fail(s, FAILURE_RECEIVE, ENOMEM)
					     : session_fail(s, FAILURE_RECEIVE, EPROTO);
	}
	ret->id = f->id;
	ret->status = f->code;
	ret->data = text;
	ret->len = f->length;
	if (joined.data) {
		bytes_free(&s->joined);
		s->joined = joined;
		ret->data = bytes_head(&s->joined);
		ret->len = s->joined.len;
	}
	return 1;
}

/* Takes one frame off the n > 0 bytes at p. Bytes taken, 0 if it is not whole,
 * or -errno; *ret_whole tells whether a reply became complete with it. */
static ssize_t take_frame(
	struct revc *s, const uint8_t *p, size_t n, struct revc_reply *ret, bool *ret_whole)
{
	struct rv_frame f;
	int r;

	if (p[0] != RV_FRAME_MAGIC) {
		return refused(s, p, n);
	}
	if (n < RV_FRAME_HEADER) {
		return 0;
	}
	rv_frame_load(p, &f);
	if (f.version != RV_FRAME_VERSION || !(f.flags & RV_FRAME_REPLY) || f.length > REPLY_MAX) {
		return session_fail(s, FAILURE_RECEIVE, EPROTO);
	}
	if (n - RV_FRAME_HEADER < f.length) {
		return 0;
	}
	if (!is_header(p + RV_FRAME_HEADER + f.length, n - RV_FRAME_HEADER - f.length) &&
		s->token_n > 0) {
		return session_fail(s, FAILURE_RECEIVE, EPROTO);
	}
	r = join(s, &f, p + RV_FRAME_HEADER, ret);
	if (r < 0) {
		return r;
	}
	*ret_whole = r > 0;
	s->awaited -= r > 0 && s->awaited > 0;
	return (ssize_t)(RV_FRAME_HEADER + f.length);
}

/* Room for the frame whose beginning is there, so that large ones come in few reads; not
 * for much more than has come of it, for its header may say anything. */
static int make_room(struct revc *s)
{
	const uint8_t *p = bytes_head(&s->rx);
	size_t used = s->rx.len, want;

	if (used < RV_FRAME_HEADER) {
		return 0;
	}
	want = RV_FRAME_HEADER + rv_load_le32(p + 4);
	return want > used && bytes_reserve(&s->rx, MIN(want - used, used + ROOM)) < 0
		       ? session_fail(s, FAILURE_RECEIVE, ENOMEM)
		       : 0;
}

static int next_of_stream(struct revc *s, struct revc_reply *ret)
{
	while (s->rx.len > 0) {
		bool whole = false;
		ssize_t k = take_frame(s, bytes_head(&s->rx), s->rx.len, ret, &whole);

		if (k <= 0) {
			return k < 0 ? (int)k : make_room(s);
		}
		bytes_take(&s->rx, (size_t)k);
		if (whole) {
			return 1;
		}
	}
	return 0;
}

static int next_of_slots(struct revc *s, struct revc_reply *ret)
{
	struct session_slots *m = &s->slots;

	while (m->next < m->n) {
		const uint8_t *p = m->mem + m->next * m->size;
		size_t n = m->lens[m->next++];
		bool whole = false;
		ssize_t k = n > 0 ? take_frame(s, p, n, ret, &whole) : 0;

		/* A message that is not one whole frame is nobody's reply. */
		if (k > 0 && whole) {
			return 1;
		}
		if (k < 0 && (k != -EPROTO || s->limits.stream || s->token_n == 0)) {
			return (int)k;
		}
	}
	return 0;
}

/* The next whole reply among what was received, without a system call: 1, 0 if
 * there is none, or -errno. */
static int next_reply(struct revc *s, struct revc_reply *ret)
{
	return s->slots.mem ? next_of_slots(s, ret) : next_of_stream(s, ret);
}

static int poll_until(struct pollfd *pfds, nfds_t n, uint64_t deadline_ns)
{
	const struct timespec ts = deadline_ns ? clock_until(deadline_ns) : clock_span(0);
	int k = ppoll(pfds, n, deadline_ns ? &ts : NULL, NULL);
	if (k < 0) {
		return errno == EINTR ? 0 : -errno;
	}
	return k == 0 ? -ETIMEDOUT : k;
}

/* Waits until the deadline for replies, for room to send if something is unsent, or
 * for also_fd (-1: none) to be readable. 0: look again; 1: also_fd is ready;
 * -ETIMEDOUT; -EPIPE: the reader of the request FIFO has left. */
static int wait_for_more(struct revc *s, uint64_t deadline_ns, int also_fd)
{
	bool unsent = revc_unsent(s) > 0, split = s->in_fd != s->out_fd;
	struct pollfd pfds[3] = {
		{.fd = s->in_fd, .events = POLLIN},
		{.fd = split ? s->out_fd : -1, .events = unsent ? POLLOUT : 0},
		{.fd = also_fd, .events = POLLIN},
	};
	int r;

	if (unsent && !split) {
		pfds[0].events |= POLLOUT;
	}
	r = poll_until(pfds, ARRAY_SIZE(pfds), deadline_ns);
	if (r <= 0) {
		return r;
	}
	if (!pfds[0].revents && (pfds[1].revents & POLLERR)) {
		return session_fail(s, FAILURE_SEND, EPIPE);
	}
	return !pfds[0].revents && !pfds[1].revents && pfds[2].revents ? 1 : 0;
}

/* Reads without sleeping for as long as the options say, if that has paid lately. */
static int spin(struct revc *s)
{
	uint64_t us = s->options.spin_us ? s->options.spin_us : REVC_SPIN_US, end;
	int r;

	if (us == REVC_NEVER || s->awaited == 0 || !spin_begin(&s->spinner)) {
		return -EAGAIN;
	}
	end = clock_now() + us * 1000;
	do {
		r = s->ops->fill(s);
	} while (r == -EAGAIN && clock_now() < end);
	spin_end(&s->spinner, r != -EAGAIN);
	return r;
}

/* A daemon that refuses a connection says why and closes it: sending fails then,
 * but its sentence can still be read. 0, or the error `r` if there is nothing. */
static int read_last_words(struct revc *s, int r)
{
	struct revc_err err = s->err;

	bytes_take(&s->out, s->out.len);
	if (s->ops->fill(s) == 0) {
		return 0;
	}
	s->err = err;
	return r;
}

int receive_reply(struct revc *s, uint64_t deadline_ns, int also_fd, struct revc_reply *ret)
{
	bool just_look = deadline_ns == REVC_NOW;

	for (;;) {
		int r = next_reply(s, ret);

		if (r != 0) {
			return r < 0 ? r : 0;
		}
		r = revc_flush(s);
		if (r < 0) {
			r = read_last_words(s, r);
			if (r < 0) {
				return r;
			}
			continue;
		}
		r = just_look ? s->ops->fill(s) : also_fd < 0 ? spin(s) : -EAGAIN;
		if (r == -EAGAIN && just_look && !s->ops->wait) {
			return -ETIMEDOUT;
		}
		if (r == -EAGAIN) {
			r = s->ops->wait ? s->ops->wait(s, deadline_ns, also_fd)
					 : wait_for_more(s, deadline_ns, also_fd);
			if (r != 0) {
				return r;
			}
			r = s->ops->fill(s);
		}
		if (r < 0 && r != -EAGAIN) {
			return session_fail(s, FAILURE_RECEIVE, -r);
		}
	}
}

int revc_receive(struct revc *s, uint64_t deadline_ns, struct revc_reply *ret)
{
	int r = receive_reply(s, deadline_ns, -1, ret);

	return r == -ETIMEDOUT ? session_fail(s, FAILURE_RECEIVE, ETIMEDOUT) : r;
}

int revc_call(struct revc *s, enum rv_op op, const void *data, size_t n, uint64_t deadline_ns,
	struct revc_reply *ret)
{
	uint64_t id = revc_id(s);
	int r = revc_submit(s, op, id, data, n);

	do {
		r = r < 0 ? r : revc_receive(s, deadline_ns, ret);
	} while (r == 0 && ret->id != id); /* the late reply to a call that timed out */
	return r;
}
