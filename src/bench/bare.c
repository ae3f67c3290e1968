#include "bench/bare.h"

#include <mqueue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include "bench/link.h"
#include "util/fd.h"

#define BYTES 65536u
#define EVENTS 64
#define QUEUE_BATCH 10 /* a queue holds no more, mq_overview(7) */

/* Echoes what has come in at once, or one packet. False once there is nobody any more. */
static bool echo_once(const struct bare *b, int rx, int tx, char *buf)
{
	ssize_t n;

	if (b->transport == BENCH_SEQPACKET) {
		n = recv(rx, buf, b->each, 0);
		return n > 0 && send(tx, buf, (size_t)n, MSG_NOSIGNAL) == n;
	}
	n = read(rx, buf, BYTES);
	return n > 0 && fd_write_all(tx, buf, (size_t)n) == 0;
}

static char *make_buffer(const struct bare *b)
{
	return malloc(MAX((size_t)BYTES, b->each));
}

static void echo_one(const struct bare *b)
{
	CLEANUP_FREE char *buf = make_buffer(b);

	while (buf && echo_once(b, b->rx, b->clients[0], buf)) {
	}
}

static bool send_batch(int fd, struct mmsghdr *m, unsigned n)
{
	unsigned sent = 0;

	while (sent < n) {
		int k = sendmmsg(fd, m + sent, n - sent, MSG_NOSIGNAL);

		if (k < 0) {
			return false;
		}
		sent += (unsigned)k;
	}
	return true;
}

static void echo_packet_batches(int fd, size_t each)
{
	CLEANUP_FREE char *buf = malloc(LINK_BATCH * each);
	struct mmsghdr m[LINK_BATCH];
	struct iovec v[LINK_BATCH];
	int k = 0;

	while (buf) {
		for (unsigned i = 0; i < LINK_BATCH; i++) {
			v[i] = (struct iovec){buf + i * each, each};
			m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &v[i], .msg_iovlen = 1}};
		}
		k = recvmmsg(fd, m, LINK_BATCH, MSG_WAITFORONE, NULL);
		if (k <= 0 || m[0].msg_len == 0) {
			return;
		}
		for (int i = 0; i < k; i++) {
			v[i].iov_len = m[i].msg_len;
		}
		if (!send_batch(fd, m, (unsigned)k)) {
			return;
		}
	}
}

/* Whom a message is for: its own sender, by number where there are many. */
static bool answer_queue(const struct bare *b, const char *p, size_t n, unsigned prio)
{
	size_t to = b->n_clients > 1 ? script_get_index((const uint8_t *)p) : 0;

	return to < b->n_clients && mq_send(b->clients[to], p, n, prio) == 0;
}

/* Takes up to `most` messages that are there before it answers: fewer switches between the two. */
static void echo_queue(const struct bare *b, size_t most)
{
	const struct timespec past = {0};
	CLEANUP_FREE char *buf = malloc(most * b->each);
	unsigned prio[QUEUE_BATCH];
	ssize_t len[QUEUE_BATCH];

	while (buf && (len[0] = mq_receive(b->rx, buf, b->each, &prio[0])) >= 0) {
		size_t n = 1;

		while (n < most && (len[n] = mq_timedreceive(b->rx, buf + n * b->each, b->each,
					    &prio[n], &past)) >= 0) {
			n++;
		}
		for (size_t i = 0; i < n; i++) {
			if (!answer_queue(b, buf + i * b->each, (size_t)len[i], prio[i])) {
				return;
			}
		}
	}
}

void bare_epoll(void *bare)
{
	const struct bare *b = bare;
	CLEANUP_FD int epoll = epoll_create1(EPOLL_CLOEXEC);
	CLEANUP_FREE char *buf = make_buffer(b);
	struct epoll_event ev[EVENTS];

	for (size_t i = 0; i < b->n_clients; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.fd = b->clients[i]};

		if (epoll_ctl(epoll, EPOLL_CTL_ADD, b->clients[i], &e) < 0) {
			return;
		}
	}
	while (buf) {
		int n = epoll_wait(epoll, ev, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (!echo_once(b, ev[i].data.fd, ev[i].data.fd, buf)) {
				return;
			}
		}
	}
}

/* Sends whole records on to whom they belong, a run of one client's in one write. */
static bool route_records(const struct bare *b, const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		unsigned to = script_get_index(p + at);
		size_t end = at + b->each;

		while (end < n && script_get_index(p + end) == to) {
			end += b->each;
		}
		if (to >= b->n_clients || fd_write_all(b->clients[to], p + at, end - at) < 0) {
			return false;
		}
		at = end;
	}
	return true;
}

static void shared_bytes(const struct bare *b)
{
	CLEANUP_FREE uint8_t *buf = malloc(BYTES);
	size_t have = 0;
	ssize_t n;

	while (buf && (n = read(b->rx, buf + have, BYTES - have)) > 0) {
		size_t whole;

		have += (size_t)n;
		whole = have - have % b->each;
		if (!route_records(b, buf, whole)) {
			return;
		}
		memmove(buf, buf + whole, have - whole);
		have -= whole;
	}
}

void bare_echo(void *bare)
{
	const struct bare *b = bare;
	bool many = b->n_clients > 1;

	if (b->transport == BENCH_MQUEUE) {
		echo_queue(b, b->batch || many ? QUEUE_BATCH : 1);
	} else if (many) {
		shared_bytes(b);
	} else if (b->transport == BENCH_SEQPACKET && b->batch) {
		echo_packet_batches(b->rx, b->each);
	} else {
		echo_one(b);
	}
}

void bare_accept(void *bare)
{
	const struct bare *b = bare;
	CLEANUP_FREE char *buf = make_buffer(b);

	while (buf) {
		CLEANUP_FD int fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : recv(fd, buf, MAX((size_t)BYTES, b->each), 0);

		if (fd < 0) {
			return;
		}
		if (n > 0) {
			(void)!send(fd, buf, (size_t)n, MSG_NOSIGNAL);
		}
	}
}

struct line_conn {
	struct event *ev;
	uint8_t in[BYTES], out[BYTES];
	size_t have;
};

/* Lines up to BYTES; a longer one ends the server, which is only a yardstick. */
static void on_line_input(evutil_socket_t fd, short what, void *arg)
{
	struct line_conn *c = arg;
	ssize_t n = read(fd, c->in + c->have, BYTES - c->have);
	size_t at = 0, len;
	uint8_t *lf;

	(void)what;
	if (n <= 0) {
		event_base_loopbreak(event_get_base(c->ev));
		return;
	}
	len = c->have + (size_t)n;
	while ((lf = memchr(c->in + at, '\n', len - at))) {
		size_t end = (size_t)(lf - c->in);

		for (size_t i = 0; i < end - at; i++) {
			c->out[at + i] = c->in[end - 1 - i];
		}
		c->out[end] = '\n';
		at = end + 1;
	}
	if (at > 0 && fd_write_all(fd, c->out, at) < 0) {
		event_base_loopbreak(event_get_base(c->ev));
	}
	memmove(c->in, c->in + at, len - at);
	c->have = len - at;
}

void bare_libevent(void *bare)
{
	const struct bare *b = bare;
	struct event_config *cfg = event_config_new();
	struct event_base *base;

	if (!cfg || event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK) < 0 ||
		!(base = event_base_new_with_config(cfg))) {
		return;
	}
	for (size_t i = 0; i < b->n_clients; i++) {
		struct line_conn *c = calloc(1, sizeof(*c));

		if (!c) {
			return;
		}
		c->ev = event_new(base, b->clients[i], EV_READ | EV_PERSIST, on_line_input, c);
		if (!c->ev || event_add(c->ev, NULL) < 0) {
			return;
		}
	}
	event_base_dispatch(base); /* the process ends with it, and frees all of this */
}
