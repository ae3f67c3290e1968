#include "fake.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "util/bytes.h"

#define FRAMES_MAX 4096

struct conn {
	struct fake *fake;
	int fd;
	struct bytes in, out;
	unsigned served;
	bool doomed;
	struct bytes join; /* of the one request that comes in fragments at a time */
	size_t starts[FRAMES_MAX], n_starts; /* of the replies to frames in `out` */
};

static void put(struct bytes *b, const void *p, size_t n)
{
	if (bytes_put(b, p, n) < 0) {
		abort();
	}
}

static void reverse(struct bytes *to, const uint8_t *p, size_t n)
{
	while (n > 0) {
		put(to, &p[--n], 1);
	}
}

static bool is_bad(const uint8_t *p, size_t n)
{
	return n > 0 && memmem(p, n, "bad", 3) != NULL;
}

static size_t limit(const struct fake *f)
{
	return f->habits.max_request ? f->habits.max_request : (size_t)1 << 20;
}

/* What the service says. Returns the status. */
static uint8_t serve(struct conn *c, uint8_t op, const uint8_t *p, size_t n, struct bytes *text)
{
	char said[80];
	int k = 0;
	uint8_t status = RV_STATUS_OK;

	if (op == RV_OP_INFO) {
		k = snprintf(said, sizeof(said),
			"{\"uptime\":1.5,\"limits\":{\"max_request\":%zu}}", limit(c->fake));
	} else if (n > limit(c->fake)) {
		status = RV_STATUS_TOO_LARGE;
		k = snprintf(said, sizeof(said), "%zu bytes, the limit is %zu", n, limit(c->fake));
	} else if (is_bad(p, n)) {
		status = RV_STATUS_INVALID_TEXT;
		k = snprintf(said, sizeof(said), "not valid UTF-8 at byte %zu", n);
	} else if (op == RV_OP_PING) {
		put(text, p, n);
	} else {
		reverse(text, p, n);
	}
	put(text, said, (size_t)k);
	return status;
}

static void put_reply(struct conn *c, uint8_t status, uint64_t id, const struct bytes *text)
{
	size_t at = 0, n = text->len;
	size_t most = c->fake->habits.fragment ? c->fake->habits.fragment : MAX(n, (size_t)1);

	c->starts[c->n_starts++] = c->out.len;
	do {
		size_t part = MIN(n - at, most);
		uint8_t h[RV_FRAME_HEADER];
		struct rv_frame f = {
			.version = RV_FRAME_VERSION,
			.code = status,
			.flags = (uint8_t)(RV_FRAME_REPLY | (at + part < n ? RV_FRAME_MORE : 0)),
			.length = (uint32_t)part,
			.id = id,
		};

		rv_frame_store(h, &f);
		put(&c->out, h, sizeof(h));
		put(&c->out, bytes_head(text) + at, part);
		at += part;
	} while (at < n);
}

static void on_frame(struct conn *c, const struct rv_frame *f, const uint8_t *p)
{
	struct bytes text = {0};
	uint8_t status = RV_STATUS_BUSY;

	put(&c->join, p, f->length);
	if (f->flags & RV_FRAME_MORE) {
		return;
	}
	atomic_fetch_add(&c->fake->frames, 1);
	if (c->fake->busy_left > 0) {
		c->fake->busy_left--;
	} else {
		status = serve(c, f->code, bytes_head(&c->join), c->join.len, &text);
	}
	put_reply(c, status, f->id, &text);
	bytes_free(&text);
	bytes_free(&c->join);
	c->served++;
}

static void on_line(struct conn *c, const uint8_t *p, size_t n)
{
	struct bytes text = {0};
	bool cr = n > 1 && p[n - 2] == '\r';

	atomic_fetch_add(&c->fake->lines, 1);
	n -= cr ? 2 : 1;
	switch (serve(c, RV_OP_CALL, p, n, &text)) {
	case RV_STATUS_OK:
		break;
	case RV_STATUS_TOO_LARGE:
		put(&c->out, "\x15too-large: ", 12);
		break;
	default:
		put(&c->out, "\x15invalid-text: ", 15);
		break;
	}
	put(&c->out, bytes_head(&text), text.len);
	put(&c->out, cr ? "\r\n" : "\n", cr ? 2 : 1);
	bytes_free(&text);
	c->served++;
}

/* The size of the request at p, 0 if it is not whole. */
static size_t take(struct conn *c, const uint8_t *p, size_t n)
{
	struct rv_frame f;
	const uint8_t *lf;

	if (p[0] != RV_FRAME_MAGIC) {
		lf = memchr(p, '\n', n);
		if (lf) {
			on_line(c, p, (size_t)(lf - p) + 1);
		}
		return lf ? (size_t)(lf - p) + 1 : 0;
	}
	if (n < RV_FRAME_HEADER) {
		return 0;
	}
	rv_frame_load(p, &f);
	if (n - RV_FRAME_HEADER < f.length) {
		return 0;
	}
	on_frame(c, &f, p + RV_FRAME_HEADER);
	return RV_FRAME_HEADER + f.length;
}

/* The replies of one turn, last first. Only frames came, or the test is wrong. */
static void turn_around(struct conn *c)
{
	struct bytes to = {0};
	size_t end = c->out.len;

	while (c->n_starts > 0) {
		size_t start = c->starts[--c->n_starts];

		put(&to, bytes_head(&c->out) + start, end - start);
		end = start;
	}
	bytes_free(&c->out);
	c->out = to;
}

static bool is_over(const struct conn *c)
{
	return c->doomed && c->served >= c->fake->habits.die_after;
}

static void serve_input(struct conn *c)
{
	c->n_starts = 0;
	while (c->in.len > 0 && !is_over(c) && c->n_starts < FRAMES_MAX) {
		size_t k = take(c, bytes_head(&c->in), c->in.len);

		if (k == 0) {
			break;
		}
		bytes_take(&c->in, k);
	}
	if (c->fake->habits.backwards) {
		turn_around(c);
	}
	if (c->fake->habits.silent) {
		bytes_take(&c->out, c->out.len);
	}
}

/* False when the connection is to be closed. Dying, it leaves its last reply torn. */
static bool send_out(struct conn *c)
{
	size_t n = c->out.len - (is_over(c) && c->out.len > 3 ? 3 : 0);
	ssize_t k = n > 0 ? send(c->fd, bytes_head(&c->out), n, MSG_NOSIGNAL) : 0;

	if (k > 0) {
		bytes_take(&c->out, (size_t)k);
		n -= (size_t)k;
	}
	return k >= 0 && !(is_over(c) && n == 0);
}

static bool read_in(struct conn *c)
{
	ssize_t k;

	if (bytes_reserve(&c->in, 65536) < 0) {
		abort();
	}
	k = read(c->fd, bytes_tail(&c->in), 65536);
	if (k <= 0) {
		return false;
	}
	c->in.len += (size_t)k;
	serve_input(c);
	return true;
}

static void converse(struct conn *c)
{
	const char *refuse = c->fake->habits.refuse;

	while (!refuse) {
		struct pollfd pfds[2] = {
			{.fd = c->fd, .events = c->out.len > 0 ? POLLOUT : POLLIN},
			{.fd = c->fake->stop[0], .events = POLLIN},
		};

		if (poll(pfds, 2, -1) < 0 || pfds[1].revents) {
			return;
		}
		if (c->out.len == 0 && !read_in(c)) {
			return;
		}
		if (!send_out(c)) {
			return;
		}
	}
	/* the client may just have given up */
	ck_assert(send(c->fd, refuse, strlen(refuse), MSG_NOSIGNAL) > 0 || errno == EPIPE);
}

static void *run(void *arg)
{
	struct fake *f = arg;
	struct pollfd pfds[2] = {
		{.fd = f->listen_fd, .events = POLLIN},
		{.fd = f->stop[0], .events = POLLIN},
	};

	while (poll(pfds, 2, -1) > 0 && !pfds[1].revents) {
		struct conn c = {.fake = f, .doomed = f->deaths_left > 0};

		c.fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (c.fd < 0) {
			continue;
		}
		atomic_fetch_add(&f->connections, 1);
		f->deaths_left -= c.doomed;
		converse(&c);
		close(c.fd);
		bytes_free(&c.in);
		bytes_free(&c.out);
		bytes_free(&c.join);
	}
	return NULL;
}

void fake_start(struct fake *f, const struct fake_habits *habits)
{
	*f = (struct fake){.habits = *habits};
	f->deaths_left = habits->deaths;
	f->busy_left = habits->busy;
	place_make(&f->place);
	f->listen_fd = place_listen(place_path(&f->place, "s"), SOCK_STREAM);
	ck_assert_int_eq(pipe2(f->stop, O_CLOEXEC), 0);
	ck_assert_int_eq(pthread_create(&f->thread, NULL, run, f), 0);
}

void fake_stop(struct fake *f)
{
	close(f->stop[1]);
	pthread_join(f->thread, NULL);
	close(f->stop[0]);
	close(f->listen_fd);
	place_remove(&f->place);
}

const char *fake_uri(struct fake *f)
{
	return place_uri(&f->place, "uds", "s");
}
