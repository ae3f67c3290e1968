#include <poll.h>
#include <time.h>
#include "bench/flight.h"
#include "bench/loops.h"

/* Waits until input, room for output if some waits, or the moment `until` (0: none, which
 * needs no timer). -EINTR says to look at the deadline. */
static int wait_link(struct link *l, uint64_t until)
{
	struct pollfd p[2] = {
		{.fd = l->rx, .events = POLLIN},
		{.fd = l->tx, .events = POLLOUT},
	};
	nfds_t n = link_unsent(l) ? 2 : 1;
	uint64_t now = until > 0 ? clock_now() : 0, ns = until > now ? until - now : 0;
	struct timespec ts = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	if (l->ops->wait) {
		return l->ops->wait(l, until);
	}
	return (until > 0 ? ppoll(p, n, &ts, NULL) : poll(p, n, -1)) <= 0 ? -EINTR : 0;
}

/* Receives once; -EAGAIN if there is nothing yet. */
static int receive(struct slice *s, struct link *l, struct flight *f, struct rv_err *err)
{
	int r = link_receive(l, err);

	return r > 0 ? flight_end(f, s, clock_now(), (unsigned)r) : r;
}

/* Receives, and waits if there is nothing yet. */
static int window_step(struct slice *s, struct link *l, struct flight *f, struct rv_err *err)
{
	int r = receive(s, l, f, err);

	if (r == -EAGAIN) {
		r = link_unsent(l) ? l->ops->send(l) : 0;
		r = r == -EAGAIN || r == 0 ? wait_link(l, 0) : r;
	}
	return slice_retry(s, r);
}

static int window_run(struct slice *s, struct link *l, struct flight *f, struct rv_err *err)
{
	unsigned window = s->load->window;
	int r = 0;

	for (;;) {
		uint64_t now = clock_now();

		if (now < s->end && f->in_flight < window) {
			unsigned n = window - f->in_flight;

			flight_begin(f, now, n);
			r = link_send(l, n);
			r = r == -EAGAIN ? 0 : slice_retry(s, r);
		}
		if (r >= 0 && f->in_flight == 0) {
			return 0;
		}
		r = r < 0 ? r : window_step(s, l, f, err);
		if (r < 0) {
			return r;
		}
	}
}

/* Sends all requests whose time has come; *next is the moment of the first that
 * has not. A request that must wait for room keeps its moment. */
static int open_send(
	struct slice *s, struct link *l, struct flight *f, uint64_t *sent, uint64_t *next)
{
	double step = 1e9 / s->load->rate;
	unsigned due = 0;

	for (;;) {
		*next = s->start + (uint64_t)((double)(*sent + 1) * step);
		if (*next > clock_now() || *next >= s->end || f->in_flight >= BENCH_OPEN_MAX) {
			break;
		}
		flight_begin(f, *next, 1);
		++*sent;
		due++;
	}
	return due > 0 ? link_send(l, due) : link_unsent(l) ? l->ops->send(l) : 0;
}

static int open_run(struct slice *s, struct link *l, struct flight *f, struct rv_err *err)
{
	uint64_t sent = 0, next;

	for (;;) {
		int r = open_send(s, l, f, &sent, &next);

		r = r == -EAGAIN ? 0 : slice_retry(s, r);
		r = r == 0 ? receive(s, l, f, err) : r;
		if (r == -EAGAIN) {
			bool idle = next >= s->end || f->in_flight >= BENCH_OPEN_MAX;

			if (next >= s->end && f->in_flight == 0) {
				return 0;
			}
			r = wait_link(l, idle ? s->deadline : next);
		}
		r = slice_retry(s, r);
		if (r < 0) {
			return r;
		}
	}
}

static int run(struct slice *s,
	int (*fn)(struct slice *, struct link *, struct flight *, struct rv_err *),
	struct rv_err *err)
{
	struct flight f;
	int r = flight_init(&f, bench_load_in_flight(s->load));

	if (r == 0) {
		r = fn(s, s->target->links, &f, err);
		flight_finish(&f);
	}
	return r;
}

int loop_window(struct slice *s, struct rv_err *err)
{
	return run(s, window_run, err);
}

int loop_open(struct slice *s, struct rv_err *err)
{
	return run(s, open_run, err);
}
