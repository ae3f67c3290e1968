#include "revc/bulk.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "revc/lines.h"
#include "revc/resolve.h"
#include "util/clock.h"

/*
 * Three things need care.
 *
 * A reply that begins with NAK is an error, or the true reply of a service to some
 * unusual text: a line can't tell. Then no more is sent until all lines under way are
 * answered, those with NAK are asked again in frames, whose status is
 * unmistakable, and the results are put in their places.
 *
 * A line that begins with 0xFF would be taken for a frame, a last one without LF for
 * half a line. These wait until all before them are answered and go as frames.
 *
 * A connection may break. Request lines stay in the input until their reply is
 * complete, so they are just sent again over the next one.
 */

#define AHEAD ((size_t)256 << 10) /* bytes of whole lines read before they can be sent */
#define RECEIVE ((size_t)256 << 10)

/* Offsets count from the input's start, the first line without a reply. */
struct bulk {
	struct filter *f;
	struct input *in;
	struct bytes rx;   /* replies not yet written: the rest of a line, or all while asking */
	size_t sent;       /* bytes that were sent */
	size_t ready;      /* end of the lines that may be sent */
	size_t looked;     /* bytes that were looked at to know that */
	bool blocked;      /* what begins at `ready` has to go as a frame */
	bool asking;       /* a NAK came: send no further than `ready`, collect replies */
	size_t held_lines; /* whole lines in rx while asking */
	size_t want_lines; /* lines up to `ready` while asking */
	bool input_ready;
};

static const uint8_t *input_at(const struct bulk *b)
{
	return b->in->data + b->in->start;
}

/* Requests. */

/* How far what was read may be sent. */
static void look(struct bulk *b)
{
	const uint8_t *p = input_at(b), *lf;
	size_t used = input_used(b->in), magic;
	bool was_idle = b->ready == 0;

	if (b->asking || b->blocked) {
		return;
	}
	if (b->looked < used) {
		lf = memrchr(p + b->looked, '\n', used - b->looked);
		magic = lines_find(p, used, b->looked, RV_FRAME_MAGIC);
		b->ready = lf ? (size_t)(lf - p) + 1 : b->ready;
		b->looked = used;
		if (magic < used) {
			b->ready = magic;
			b->blocked = true;
		}
	}
	if (used > b->ready && (b->in->eof || used - b->ready > b->in->line_max)) {
		b->blocked = true;
	}
	if (was_idle && b->ready > 0) {
		pipeline_progress(&b->f->p); /* the timeout begins now */
	}
}

static bool wants_input(const struct bulk *b)
{
	return !b->in->eof && !b->blocked && !b->asking && b->ready - b->sent < AHEAD;
}

static void take(struct bulk *b, size_t n, size_t lines)
{
	input_take_lines(b->in, n, lines);
	b->sent -= n;
	b->ready -= n;
	b->looked -= n;
}

/* Begins to look again behind `ready`. */
static void reopen(struct bulk *b)
{
	b->blocked = b->asking = false;
	b->looked = b->ready;
	b->held_lines = b->want_lines = 0;
}

/* Replies. */

/* The first NAK: lines that are partly sent have to be finished, no more. */
static void begin_asking(struct bulk *b)
{
	const uint8_t *p = input_at(b);

	b->asking = true;
	b->blocked = false;
	if (b->sent > 0 && p[b->sent - 1] == '\n') {
		b->ready = b->sent;
	} else {
		const uint8_t *lf = memchr(p + b->sent, '\n', b->ready - b->sent);

		b->ready = lf ? (size_t)(lf - p) + 1 : b->ready;
	}
	b->looked = b->ready;
	b->want_lines = lines_count(p, b->ready);
	b->held_lines = lines_count(bytes_head(&b->rx), b->rx.len);
}

/* Writes the whole lines that the replies begin with, up to the first NAK. fresh: how many
 * bytes at the end have not been looked at. */
static int write_replies(struct bulk *b, size_t fresh)
{
	const uint8_t *p = bytes_head(&b->rx), *lf;
	size_t n = b->rx.len, good, lines, span;
	int r;

	lf = memrchr(p + n - fresh, '\n', fresh);
	if (!lf) {
		return 0;
	}
	n = (size_t)(lf - p) + 1;
	good = lines_find(p, n, 0, RV_NAK);
	lines = lines_count(p, good);
	span = lines_span(input_at(b), b->sent, lines);
	if (lines > 0 && span == 0) {
		return pipeline_fail(&b->f->p, EPROTO);
	}
	r = output_put(&b->f->out, p, good);
	bytes_take(&b->rx, good);
	take(b, span, lines);
	pipeline_progress(&b->f->p);
	if (r == 0 && good < n) {
		begin_asking(b);
	}
	return r;
}

/* The replies to the first `lines` lines are here, and nothing else is under way. */
static int resolve(struct bulk *b, size_t lines)
{
	size_t n = lines_span(input_at(b), b->ready, lines);
	int r = lines > 0 ? resolve_lines(b->f, b->in, &b->rx, lines) : 0;

	b->sent = MAX(b->sent, n);
	if (r == 0) {
		take(b, n, lines);
	}
	reopen(b);
	return r;
}

static int on_bytes(struct bulk *b, size_t fresh)
{
	if (!b->asking) {
		int r = write_replies(b, fresh);

		if (r < 0 || !b->asking) {
			return r;
		}
	} else {
		b->held_lines += lines_count(bytes_head(&b->rx) + b->rx.len - fresh, fresh);
	}
	return b->sent == b->ready && b->held_lines >= b->want_lines ? resolve(b, b->want_lines)
								     : 0;
}

/* The connection. */

/* It is lost: the whole lines that came are good, the rest is asked for again. */
static int on_lost(struct bulk *b)
{
	int r = pipeline_recover(&b->f->p);

	if (r == 0 && b->asking) {
		r = resolve(b, MIN(b->held_lines, b->want_lines));
	}
	bytes_take(&b->rx, b->rx.len);
	b->sent = 0;
	return r;
}

static bool is_lost(int err)
{
	return err == ECONNRESET || err == EPIPE || err == ENOTCONN;
}

/* 1: something was done, 0: not now, -errno. */
static int send_some(struct bulk *b)
{
	ssize_t k = send(
		revc_out_fd(b->f->p.s), input_at(b) + b->sent, b->ready - b->sent, MSG_NOSIGNAL);

	if (k >= 0) {
		b->sent += (size_t)k;
		return 1;
	}
	if (is_lost(errno)) {
		/* What the daemon said before it left comes first: receiving finds out. */
		b->sent = b->ready;
		return 1;
	}
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static int receive_some(struct bulk *b)
{
	ssize_t k;
	int r;

	if (bytes_room(&b->rx) < RECEIVE / 4 && bytes_reserve(&b->rx, RECEIVE) < 0) {
		return pipeline_fail(&b->f->p, ENOMEM);
	}
	k = recv(revc_fd(b->f->p.s), bytes_tail(&b->rx), bytes_room(&b->rx), 0);
	if (k < 0 && (errno == EAGAIN || errno == EINTR)) {
		return 0;
	}
	if (k < 0 && !is_lost(errno)) {
		return pipeline_fail(&b->f->p, errno);
	}
	if (k <= 0) {
		r = on_lost(b);
		return r < 0 ? r : 1;
	}
	b->rx.len += (size_t)k;
	r = on_bytes(b, (size_t)k);
	return r < 0 ? r : 1;
}

static int wait_for_more(struct bulk *b)
{
	bool busy = b->ready > 0;
	const struct timespec ts = clock_until(b->f->p.progress_ns + b->f->p.timeout_ns);
	struct pollfd pfds[2] = {
		/* A connection without requests may close: that is found out when there are some.
		 */
		{.fd = busy ? revc_fd(b->f->p.s) : -1,
			.events = (short)(POLLIN | (b->ready > b->sent ? POLLOUT : 0))},
		{.fd = wants_input(b) ? b->in->fd : -1, .events = POLLIN},
	};
	int r = output_flush(&b->f->out);

	if (r < 0) {
		return r;
	}
	r = ppoll(pfds, ARRAY_SIZE(pfds), busy ? &ts : NULL, NULL);
	if (r == 0) {
		return pipeline_fail(&b->f->p, ETIMEDOUT);
	}
	b->input_ready = r > 0 && pfds[1].revents;
	return 0;
}

/* One turn: read, send, receive, as far as each goes, else wait. */
static int turn(struct bulk *b)
{
	bool did = false;
	int r = 0;

	if (wants_input(b) && (b->in->regular || b->input_ready)) {
		b->input_ready = false;
		did = true;
		r = filter_fill(b->f, b->in);
		look(b);
	}
	if (r == 0 && b->ready > b->sent) {
		r = send_some(b);
		did |= r > 0;
	}
	if (r >= 0 && b->sent > 0) {
		r = receive_some(b);
		did |= r > 0;
	}
	return r < 0 ? r : did ? 0 : wait_for_more(b);
}

static bool is_stream(const struct bulk *b)
{
	struct revc_limits limits;

	revc_limits(b->f->p.s, &limits);
	return limits.stream;
}

static int run(struct filter *f, struct input *in)
{
	struct bulk b = {.f = f, .in = in};
	int r = 0;

	while (r == 0 && is_stream(&b)) {
		look(&b);
		if (b.ready > 0) {
			r = turn(&b);
		} else if (b.blocked) {
			r = filter_frames(f, in, false);
			reopen(&b);
		} else if (in->eof) {
			break;
		} else {
			r = turn(&b);
		}
	}
	bytes_free(&b.rx);
	return r;
}

int bulk_input(struct filter *f, struct input *in)
{
	struct revc_limits limits;
	int r = 0;

	f->name = in->name;
	f->what = "line";
	revc_limits(f->p.s, &limits);
	if (limits.stream && !f->json) {
		r = run(f, in);
	}
	r = r < 0 ? r : filter_frames(f, in, true);
	f->done += in->taken;
	return r < 0 ? r : output_flush(&f->out);
}
