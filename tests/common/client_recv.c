/* Clients: receiving, and the exchanges made of both. */
#include <errno.h>
#include <inttypes.h>
#include <mqueue.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/client.h"
#include "common/json.h"
#include "common/wait.h"
#include "util/macro.h"

#define INBOX_SIZE (4u << 20) /* the largest reply a test waits for */

#define BARRIER_ID UINT64_C(0xb4441e4000000000)

static ssize_t inbox_read(struct inbox *in, uint8_t *to, size_t room, unsigned *prio)
{
	ssize_t n;

	if (in->queue) {
		n = mq_receive(in->fd, (char *)to, room, prio);
	} else {
		n = read(in->fd, to, room);
	}
	return n < 0 ? -errno : n;
}

static void inbox_make_room(struct inbox *in)
{
	if (!in->data) {
		in->data = malloc(INBOX_SIZE);
		ck_assert_ptr_nonnull(in->data);
	}
	memmove(in->data, in->data + in->start, in->end - in->start);
	in->end -= in->start;
	in->start = 0;
	ck_assert_uint_lt(in->end, INBOX_SIZE);
}

/* The same over a link, where the end has an error of its own. */
static bool inbox_fill_link(struct inbox *in, uint64_t until)
{
	const struct client_link *link = in->link;
	ssize_t n;

	inbox_make_room(in);
	while ((n = link->recv(link->ctx, in->data + in->end, INBOX_SIZE - in->end)) == -EAGAIN) {
		ck_assert_msg(link->wait(link->ctx, false, wait_left(until)), "no reply in time");
	}
	ck_assert_msg(n >= 0 || n == -ENOTCONN, "receive: %s", strerror((int)-n));
	in->end += n > 0 ? (size_t)n : 0;
	return n >= 0;
}

/* More bytes, or the next message. False: the end of the connection. */
static bool inbox_fill(struct inbox *in, uint64_t until, unsigned *prio)
{
	ssize_t n;

	if (in->link) {
		return inbox_fill_link(in, until);
	}
	inbox_make_room(in);
	do {
		short got = wait_fd(in->fd, POLLIN | POLLRDHUP, until);

		ck_assert_msg(got != 0, "no reply in time");
		n = inbox_read(in, in->data + in->end, INBOX_SIZE - in->end, prio);
		/* an empty packet reads as 0 like the end does */
		if (n == 0 && (!in->messages || got & (POLLRDHUP | POLLHUP))) {
			return false;
		}
	} while (n == -EAGAIN || n == -EINTR);
	if (n == -ECONNRESET) {
		return false;
	}
	ck_assert_msg(n >= 0, "receive: %s", strerror((int)-n));
	in->end += (size_t)n;
	return true;
}

/* The size of the message at the start, or 0 if it is not complete. */
static size_t inbox_complete(const struct inbox *in)
{
	const uint8_t *p = in->data + in->start;
	size_t n = in->end - in->start;
	const uint8_t *lf;

	if (n == 0) {
		return 0;
	}
	if (p[0] == RV_FRAME_MAGIC) {
		size_t size = n < RV_FRAME_HEADER ? SIZE_MAX
						  : RV_FRAME_HEADER + (size_t)rv_load_le32(p + 4);

		return n >= size ? size : 0;
	}
	lf = memchr(p, '\n', n);
	return lf ? (size_t)(lf - p) + 1 : 0;
}

static void reply_take(struct reply *r, struct inbox *in, size_t n)
{
	const uint8_t *p = in->data + in->start;

	in->start += n;
	r->frame = n > 0 && p[0] == RV_FRAME_MAGIC;
	r->data = p;
	r->n = n;
	if (!r->frame) {
		return;
	}
	ck_assert_uint_ge(n, RV_FRAME_HEADER);
	rv_frame_load(p, &r->head);
	ck_assert_uint_eq(r->head.version, RV_FRAME_VERSION);
	ck_assert_msg(r->head.flags & RV_FRAME_REPLY, "a reply without its flag");
	ck_assert_uint_eq(r->head.flags & (uint8_t) ~(RV_FRAME_REPLY | RV_FRAME_MORE), 0);
	ck_assert_uint_eq(r->head.length, n - RV_FRAME_HEADER);
	ck_assert_uint_lt(r->head.code, RV_STATUS_COUNT);
	r->data = p + RV_FRAME_HEADER;
	r->n = n - RV_FRAME_HEADER;
}

static void inbox_recv(struct inbox *in, struct reply *r)
{
	uint64_t until = wait_until(WAIT_MS);
	size_t n = 0;
	bool more = true;

	memset(r, 0, sizeof *r);
	if (in->messages) {
		ck_assert_msg(inbox_fill(in, until, &r->prio), "the connection has ended");
		reply_take(r, in, in->end - in->start);
		return;
	}
	while (more && (in->data == NULL || (n = inbox_complete(in)) == 0)) {
		more = inbox_fill(in, until, NULL);
	}
	if (n == 0) { /* the last line of a connection may lack its LF */
		n = in->end - in->start;
		ck_assert_msg(n > 0, "the connection has ended");
		ck_assert_msg(in->data[in->start] != RV_FRAME_MAGIC, "half a frame, then the end");
	}
	reply_take(r, in, n);
}

void client_recv(struct client *c, struct reply *r)
{
	inbox_recv(&c->frames, r);
}

void client_recv_line(struct client *c, struct reply *r)
{
	if (c->line_name[0]) {
		ck_assert_msg(c->lines.fd >= 0, "no line was sent");
		inbox_recv(&c->lines, r);
	} else {
		inbox_recv(&c->frames, r);
	}
	ck_assert_msg(!r->frame, "a frame, status %u: %.*s", r->head.code, (int)r->n,
		(const char *)r->data);
}

void client_recv_frame(struct client *c, struct reply *r, uint64_t id, uint8_t status)
{
	client_recv(c, r);
	ck_assert_msg(r->frame, "a line: %.*s", (int)r->n, (const char *)r->data);
	ck_assert_msg(r->head.id == id && r->head.code == status,
		"id %" PRIx64 " status %u instead of id %" PRIx64 " status %u: %.*s", r->head.id,
		r->head.code, id, status, (int)MIN(r->n, 300u), (const char *)r->data);
}

uint8_t *client_recv_joined(struct client *c, uint64_t id, uint8_t status, size_t *ret_n)
{
	uint8_t *all = NULL;
	size_t n = 0;
	struct reply r;

	do {
		client_recv_frame(c, &r, id, status);
		all = realloc(all, n + r.n + 1);
		ck_assert_ptr_nonnull(all);
		memcpy(all + n, r.data, r.n);
		n += r.n;
		all[n] = '\0';
	} while (r.head.flags & RV_FRAME_MORE);
	*ret_n = n;
	return all;
}

void client_expect_eof(struct client *c)
{
	struct inbox *in = &c->frames;

	ck_assert_msg(in->start == in->end && !inbox_fill(in, wait_until(WAIT_MS), NULL),
		"not the end, but %.*s", (int)(in->end - in->start),
		(const char *)in->data + in->start);
}

bool client_readable(const struct client *c)
{
	struct pollfd p = {.fd = c->frames.fd, .events = POLLIN};

	if (c->link) {
		return c->link->wait(c->link->ctx, false, 0);
	}
	return c->frames.start < c->frames.end || poll(&p, 1, 0) > 0;
}

void client_expect_line(
	struct client *c, const void *request, size_t n, const void *reply, size_t m)
{
	struct reply r;

	client_send(c, request, n);
	client_recv_line(c, &r);
	ck_assert_msg(r.n == m && memcmp(r.data, reply, m) == 0,
		"'%.*s' instead of '%.*s' (%zu and %zu bytes)", (int)r.n, (const char *)r.data,
		(int)m, (const char *)reply, r.n, m);
}

void client_expect_text(struct client *c, const char *request, const char *reply)
{
	struct reply r;
	size_t m = strlen(reply);

	client_send_text(c, request);
	client_recv_line(c, &r);
	ck_assert_uint_ge(r.n, client_is_stream(c));
	r.n -= client_is_stream(c);
	ck_assert_msg(r.n == m && memcmp(r.data, reply, m) == 0, "'%.*s' instead of '%s'", (int)r.n,
		(const char *)r.data, reply);
}

void client_expect_call(struct client *c, uint64_t id, const char *request, const char *reply)
{
	struct reply r;
	size_t m = strlen(reply);

	client_send_frame(c, RV_OP_CALL, 0, id, request, strlen(request));
	client_recv_frame(c, &r, id, RV_STATUS_OK);
	ck_assert_msg(r.n == m && memcmp(r.data, reply, m) == 0, "'%.*s' instead of '%s'", (int)r.n,
		(const char *)r.data, reply);
}

void client_expect_nak(struct client *c, const char *status, const char *sentence)
{
	CLEANUP_FREE char *text = NULL, *want = NULL;
	struct reply r;

	client_recv_line(c, &r);
	text = strndup((const char *)r.data, r.n);
	ck_assert_int_gt(asprintf(&want, "\x15%s: %s", status, sentence ? sentence : ""), 0);
	text[strcspn(text, "\r\n")] = '\0';
	ck_assert_msg(sentence ? strcmp(text, want) == 0 : strncmp(text, want, strlen(want)) == 0,
		"'%s' instead of '%s'", text, want);
}

void client_barrier(struct client *c)
{
	static const char what[] = "barrier";
	struct reply r;

	client_send_frame(c, RV_OP_PING, 0, BARRIER_ID, what, sizeof what);
	client_recv_frame(c, &r, BARRIER_ID, RV_STATUS_OK);
	ck_assert_uint_eq(r.n, sizeof what);
}

int64_t client_stat(const struct rig *rig, const char *path)
{
	CLEANUP_FREE char *stats = NULL;
	struct client c;
	uint64_t value;
	size_t n;

	client_open(&c, rig, STREAM);
	client_send_frame(&c, RV_OP_STATS, 0, 1, NULL, 0);
	stats = (char *)client_recv_joined(&c, 1, RV_STATUS_OK, &n);
	client_close(&c);
	ck_assert_msg(json_valid(stats, n), "no JSON: %s", stats);
	return json_find_uint(stats, path, &value) ? (int64_t)value : -1;
}

/* The daemon tells nobody when a counter moves, so this asks again and again;
 * each question is a turn of its loop in which the counter can move. */
void client_wait_stat(const struct rig *rig, const char *path, int64_t want)
{
	uint64_t until = wait_until(WAIT_MS);
	int64_t have;

	while ((have = client_stat(rig, path)) < want) {
		ck_assert_msg(have >= 0, "there is no %s in STATS", path);
		ck_assert_msg(
			wait_left(until) > 0, "%s is %" PRId64 ", not %" PRId64, path, have, want);
		poll(NULL, 0, 2);
	}
}
