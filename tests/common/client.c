/* Clients: opening, closing and sending. Receiving is in client_recv.c. */
#include "common/client.h"
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "common/wait.h"
#include "util/fd.h"
#include "util/macro.h"

#define CLIENT_FIFO_FRAME 4096u   /* PIPE_BUF: what is atomic */
#define CLIENT_PACKET (32u << 10) /* well below a default socket buffer */
#define CLIENT_PIECE (64u << 10)  /* streams take any size; fragments are to be used */

const char *const client_uris[TRANSPORTS] = {
	"uds:@DIR@/stream.sock",
	"uds:@DIR@/seqpacket.sock",
	"fifo:@DIR@/fifo",
	"mqueue:@QUEUE@",
};
const char *const client_endpoints[TRANSPORTS] = {"stream", "seqpacket", "fifo", "mqueue"};

bool client_is_stream(const struct client *c)
{
	if (c->link) {
		return c->link->stream;
	}
	return c->transport == STREAM || c->transport == FIFO;
}

static void client_make_token(struct client *c)
{
	uint8_t bytes[16];

	ck_assert_int_eq(getrandom(bytes, sizeof bytes, 0), sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		snprintf(c->token + 2 * i, 3, "%02x", bytes[i]);
	}
}

static void client_open_socket(struct client *c, const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int type = c->transport == STREAM ? SOCK_STREAM : SOCK_SEQPACKET;
	size_t n = strlen(path);
	uint64_t until = wait_until(WAIT_MS);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(n, sizeof sa.sun_path);
	memcpy(sa.sun_path, path, n);
	if (path[0] == '@') {
		sa.sun_path[0] = '\0';
	}
	while (connect(fd, (struct sockaddr *)&sa,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0) {
		/* EAGAIN: the backlog is full, and there is nothing to poll for */
		ck_assert_int_eq(errno, EAGAIN);
		ck_assert_int_gt(wait_left(until), 0);
		poll(NULL, 0, 1);
	}
	c->out = fd;
	c->frames = (struct inbox){.fd = fd, .messages = type == SOCK_SEQPACKET};
	c->max_frame = type == SOCK_STREAM ? CLIENT_PIECE : CLIENT_PACKET;
}

static void client_open_fifo(struct client *c, const char *path)
{
	mode_t mask = umask(0);

	client_make_token(c);
	snprintf(c->reply_name, sizeof c->reply_name, "%s.d/%s", path, c->token);
	snprintf(c->line_name, sizeof c->line_name, "%s.out", path);
	ck_assert_int_eq(mkfifo(c->reply_name, 0622), 0);
	umask(mask);
	c->frames = (struct inbox){.fd = open(c->reply_name, O_RDWR | O_NONBLOCK | O_CLOEXEC)};
	c->out = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	c->max_frame = CLIENT_FIFO_FRAME;
}

static void client_open_queue(struct client *c, const char *name)
{
	struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 1024};
	mode_t mask = umask(0);

	client_make_token(c);
	snprintf(c->reply_name, sizeof c->reply_name, "%s.%s", name, c->token);
	snprintf(c->line_name, sizeof c->line_name, "%s.out", name);
	rig_note_queue(c->reply_name);
	c->frames = (struct inbox){.queue = true,
		.messages = true,
		.fd = mq_open(c->reply_name, O_RDONLY | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC,
			0622, &attr)};
	umask(mask);
	c->out = mq_open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_eq(mq_getattr(c->out, &attr), 0);
	c->max_frame = (size_t)attr.mq_msgsize;
}

void client_open_at(struct client *c, enum transport transport, const char *address)
{
	memset(c, 0, sizeof *c);
	c->transport = transport;
	c->lines.fd = -1;
	switch (transport) {
	case STREAM:
	case SEQPACKET:
		client_open_socket(c, address);
		break;
	case FIFO:
		client_open_fifo(c, address);
		break;
	default:
		client_open_queue(c, address);
		break;
	}
	ck_assert_msg(c->out >= 0 && c->frames.fd >= 0, "%s: %s", address, strerror(errno));
}

void client_open_fd(struct client *c, int fd)
{
	memset(c, 0, sizeof *c);
	c->transport = STREAM;
	c->lines.fd = -1;
	c->out = fd;
	c->frames = (struct inbox){.fd = fd};
	c->max_frame = CLIENT_PIECE;
}

void client_open_link(struct client *c, const struct client_link *link, size_t max_frame)
{
	memset(c, 0, sizeof *c);
	c->link = link;
	c->out = c->lines.fd = c->frames.fd = -1;
	c->frames.link = link;
	c->frames.messages = !link->stream;
	c->max_frame = max_frame ? max_frame : CLIENT_PIECE;
}

void client_open(struct client *c, const struct rig *rig, enum transport transport)
{
	static const char *const names[] = {"stream.sock", "seqpacket.sock", "fifo"};
	char path[RIG_PATH];

	client_open_at(c, transport,
		transport == MQUEUE ? rig->queue : rig_path(rig, names[transport], path));
}

void client_close(struct client *c)
{
	if (c->out != c->frames.fd) {
		fd_close(c->out);
	}
	fd_close(c->frames.fd);
	fd_close(c->lines.fd);
	free(c->frames.data);
	free(c->lines.data);
	if (c->link) {
		c->link->close(c->link->ctx);
	} else if (c->transport == FIFO) {
		unlink(c->reply_name);
	} else if (c->transport == MQUEUE) {
		mq_unlink(c->reply_name);
	}
	memset(c, 0, sizeof *c);
	c->out = c->frames.fd = c->lines.fd = -1;
}

/* Only who sends lines listens to `.out`: others would steal from it. */
static void client_listen(struct client *c)
{
	if (c->lines.fd >= 0) {
		return;
	}
	if (c->transport == FIFO) {
		c->lines.fd = open(c->line_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	} else {
		c->lines.fd = mq_open(c->line_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		c->lines.queue = c->lines.messages = true;
	}
	ck_assert_msg(c->lines.fd >= 0, "%s: %s", c->line_name, strerror(errno));
}

static ssize_t client_put(struct client *c, const void *p, size_t n, unsigned prio)
{
	ssize_t k;

	if (c->link) {
		return c->link->send(c->link->ctx, p, n);
	}
	if (c->line_name[0] && (n == 0 || *(const uint8_t *)p != RV_FRAME_MAGIC)) {
		client_listen(c);
	}
	if (c->transport == MQUEUE) {
		k = mq_send(c->out, p, n, prio) < 0 ? -1 : (ssize_t)n;
	} else if (c->transport == FIFO) {
		k = write(c->out, p, n);
	} else {
		k = send(c->out, p, n, MSG_NOSIGNAL);
	}
	return k < 0 ? -errno : k;
}

ssize_t client_try_send(struct client *c, const void *p, size_t n)
{
	return client_put(c, p, n, 0);
}

static bool client_wait_room(struct client *c, uint64_t until)
{
	if (c->link) {
		return c->link->wait(c->link->ctx, true, wait_left(until));
	}
	return wait_fd(c->out, POLLOUT, until) != 0;
}

void client_send_prio(struct client *c, const void *p, size_t n, unsigned prio)
{
	uint64_t until = wait_until(WAIT_MS);
	const uint8_t *at = p;

	do {
		ssize_t k = client_put(c, at, n, prio);

		if (k == -EAGAIN) {
			ck_assert_msg(client_wait_room(c, until), "the daemon takes no more");
			continue;
		}
		ck_assert_msg(k >= 0, "send: %s", strerror((int)-k));
		at += k;
		n -= (size_t)k;
	} while (n > 0);
}

void client_send(struct client *c, const void *p, size_t n)
{
	client_send_prio(c, p, n, 0);
}

static size_t build(uint8_t *buf, struct rv_frame f, const void *token, size_t token_n,
	const void *payload, size_t n)
{
	uint8_t *at = buf + RV_FRAME_HEADER;

	if (f.flags & RV_FRAME_REPLY_TO) {
		*at++ = (uint8_t)token_n;
		memcpy(at, token, token_n);
		at += token_n;
	}
	if (n > 0) {
		memcpy(at, payload, n);
	}
	at += n;
	f.version = RV_FRAME_VERSION;
	f.length = (uint32_t)(at - buf) - RV_FRAME_HEADER;
	rv_frame_store(buf, &f);
	return (size_t)(at - buf);
}

size_t client_build(const struct client *c, uint8_t *buf, uint8_t code, uint8_t flags, uint64_t id,
	const void *payload, size_t n)
{
	struct rv_frame f = {.code = code, .flags = flags, .id = id};

	f.flags |= c->token[0] ? RV_FRAME_REPLY_TO : 0;
	return build(buf, f, c->token, strlen(c->token), payload, n);
}

size_t client_build_token(uint8_t *buf, uint8_t code, uint64_t id, const void *token,
	size_t token_n, const void *payload, size_t n)
{
	struct rv_frame f = {.code = code, .flags = RV_FRAME_REPLY_TO, .id = id};

	return build(buf, f, token, token_n, payload, n);
}

void client_send_frame(
	struct client *c, uint8_t code, uint8_t flags, uint64_t id, const void *p, size_t n)
{
	CLEANUP_FREE uint8_t *buf = malloc(RV_FRAME_HEADER + 1 + RV_TOKEN_MAX + n);

	ck_assert_ptr_nonnull(buf);
	client_send(c, buf, client_build(c, buf, code, flags, id, p, n));
}

void client_send_large(struct client *c, uint8_t code, uint64_t id, const void *p, size_t n)
{
	const uint8_t *at = p;
	size_t room = c->max_frame - RV_FRAME_HEADER - (c->token[0] ? 1 + strlen(c->token) : 0);

	while (n > room) {
		client_send_frame(c, code, RV_FRAME_MORE, id, at, room);
		at += room;
		n -= room;
	}
	client_send_frame(c, code, 0, id, at, n);
}

void client_send_text(struct client *c, const char *text)
{
	CLEANUP_FREE char *line = NULL;
	int n = asprintf(&line, "%s%s", text, client_is_stream(c) ? "\n" : "");

	ck_assert_int_ge(n, 0);
	client_send(c, line, (size_t)n);
}

void client_half_close(struct client *c)
{
	if (c->link) {
		c->link->half_close(c->link->ctx);
	} else {
		ck_assert_int_eq(shutdown(c->out, SHUT_WR), 0);
	}
}
