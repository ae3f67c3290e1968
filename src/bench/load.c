#include "bench/load.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "bench/flight.h"
#include <revd/client.h>
#include "util/clock.h"
#include "util/fd.h"

#define BLOCK_MAX 32768u
#define INTERVAL_US 100000 /* of the timer, once a slice is late */

static void on_alarm(int sig)
{
	(void)sig; /* it has interrupted a call, which is all that it is for */
}

int load_init(void)
{
	struct sigaction sa = {.sa_handler = on_alarm};

	return sigaction(SIGALRM, &sa, NULL) < 0 ? -errno : 0;
}

unsigned load_in_flight(const struct bench_load *l)
{
	return l->rate > 0 ? LOAD_OPEN_MAX : l->window;
}

bool load_may_block(const struct bench_load *l)
{
	return l->clients == 1 && l->window == 1 && !(l->rate > 0) && l->size <= BLOCK_MAX;
}

int load_retry(const struct load_slice *s, int r)
{
	if (r != -EINTR) {
		return r;
	}
	return clock_now() > s->deadline ? -ETIMEDOUT : 0;
}

/* Sends one request and waits for its reply. */
static int exchange(struct load_slice *s, struct link *l, struct rv_err *err)
{
	unsigned idle = 0;
	int r = link_send(l, 1);

	while (link_unsent(l) && (r == -EINTR || r == -EAGAIN)) {
		r = load_retry(s, r == -EAGAIN ? -EINTR : r);
		r = r < 0 ? r : l->ops->send(l);
	}
	while (r >= 0) {
		r = link_receive(l, err);
		if (r > 0) {
			return r == 1 ? 0 : -EBADMSG;
		}
		if (r == -EAGAIN) { /* a client that spins */
			r = ++idle % 4096 ? 0 : load_retry(s, -EINTR);
		}
		r = load_retry(s, r);
	}
	return r;
}

int load_ping(struct load_slice *s, struct rv_err *err)
{
	struct link *l = s->target->links;
	uint64_t began = clock_now();

	while (began < s->end) {
		uint64_t now;
		int r = exchange(s, l, err);

		if (r < 0) {
			return r;
		}
		now = clock_now();
		load_count(s, began, now, 1);
		began = now;
	}
	return 0;
}

static int wait_link(const struct link *l)
{
	struct pollfd p[2] = {
		{.fd = l->rx, .events = POLLIN},
		{.fd = l->tx, .events = POLLOUT},
	};

	return poll(p, link_unsent(l) ? 2 : 1, -1) < 0 ? -errno : 0;
}

/* Receives, and waits if there is nothing yet. */
static int window_step(struct load_slice *s, struct link *l, struct flight *f, struct rv_err *err)
{
	int r = link_receive(l, err);

	if (r == -EAGAIN) {
		r = link_unsent(l) ? l->ops->send(l) : 0;
		r = r == -EAGAIN || r == 0 ? wait_link(l) : r;
		return load_retry(s, r);
	}
	return r <= 0 ? load_retry(s, r) : flight_end(f, s, clock_now(), (unsigned)r);
}

static int window_run(struct load_slice *s, struct flight *f, struct rv_err *err)
{
	struct link *l = s->target->links;
	unsigned window = s->load->window;
	int r = 0;

	for (;;) {
		uint64_t now = clock_now();

		if (now < s->end && f->in_flight < window) {
			unsigned n = window - f->in_flight;

			flight_begin(f, now, n);
			r = link_send(l, n);
			r = r == -EAGAIN ? 0 : load_retry(s, r);
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

int load_window(struct load_slice *s, struct rv_err *err)
{
	struct flight f;
	int r = flight_init(&f, s->load->window);

	if (r == 0) {
		r = window_run(s, &f, err);
		flight_finish(&f);
	}
	return r;
}

int load_library(struct load_slice *s, struct rv_err *err)
{
	const struct wire *w = &s->target->links[0].wire;
	struct revc *c = s->target->library;
	uint64_t began = clock_now();

	for (size_t i = 0; began < s->end; i = (i + 1) % w->n) {
		struct revc_reply reply;
		uint64_t now;
		int r = revc_call(
			c, RV_OP_CALL, w->tx + i * w->tx_each, w->tx_each, s->deadline, &reply);

		if (r < 0) {
			struct revc_err e;

			revc_error(c, &e);
			return bench_fail(err, r, "%s", e.text);
		}
		if (reply.status != RV_STATUS_OK || reply.len != w->rx_each ||
			memcmp(reply.data, w->rx + i * w->rx_each, w->rx_each) != 0) {
			return bench_fail(err, -EBADMSG, "wrong reply to request %zu", i);
		}
		now = clock_now();
		load_count(s, began, now, 1);
		began = now;
	}
	return 0;
}

/* One request over a connection of its own. */
static int connect_once(struct load_slice *s, struct rv_err *err)
{
	const struct load_target *t = s->target;
	struct link *l = t->links;
	int type = l->ops == &link_packets ? SOCK_SEQPACKET : SOCK_STREAM, r;
	CLEANUP_FD int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		return -errno;
	}
	while (connect(fd, (const struct sockaddr *)&t->address, t->address_len) < 0) {
		r = load_retry(s, -errno);
		if (r < 0) {
			return r;
		}
	}
	l->rx = l->tx = fd;
	r = exchange(s, l, err);
	l->rx = l->tx = -1;
	return r;
}

int load_connect(struct load_slice *s, struct rv_err *err)
{
	uint64_t began = clock_now();

	while (began < s->end) {
		uint64_t now;
		int r = connect_once(s, err);

		if (r < 0) {
			return r;
		}
		now = clock_now();
		load_count(s, began, now, 1);
		began = now;
	}
	return 0;
}

static int run_loop(struct load_slice *s, struct rv_err *err)
{
	if (s->load->connect) {
		return load_connect(s, err);
	}
	if (s->wait == BENCH_LIBRARY) {
		return load_library(s, err);
	}
	if (s->load->rate > 0) {
		return load_open(s, err);
	}
	if (s->load->clients > 1) {
		return load_many(s, err);
	}
	return load_may_block(s->load) ? load_ping(s, err) : load_window(s, err);
}

static void set_timer(long first_us, long interval_us)
{
	struct itimerval t = {
		.it_value = {.tv_sec = first_us / 1000000, .tv_usec = first_us % 1000000},
		.it_interval = {.tv_usec = interval_us},
	};

	setitimer(ITIMER_REAL, &t, NULL);
}

static const char *reason(int err)
{
	switch (err) {
	case -ETIMEDOUT:
		return "no reply any more";
	case -ECONNRESET:
	case -EPIPE:
		return "the server closed the connection";
	case -EBADMSG:
		return "more replies than requests";
	default:
		return strerror(-err);
	}
}

int load_run(struct load_slice *s, uint64_t ns, struct rv_err *err)
{
	int r;

	err->msg[0] = '\0';
	s->start = clock_now();
	s->end = s->start + ns;
	s->deadline = s->end + LOAD_STALL_NS;
	s->requests = s->answered = 0;
	set_timer((long)((ns + LOAD_STALL_NS) / 1000), INTERVAL_US);
	r = run_loop(s, err);
	set_timer(0, 0);
	if (r < 0 && !err->msg[0]) {
		bench_fail(err, r, "%s", reason(r));
	}
	return r;
}
