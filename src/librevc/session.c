#include "librevc/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "util/fd.h"

/* What tokens begin with whose names are worth nothing without their clients. */
#define TOKEN_LIVE "live-"
#define READ_SIZE ((size_t)256 << 10)

int session_fail(struct revc *s, enum failure_stage stage, int err)
{
	return failure_explain(&s->err, &s->uri, stage, err);
}

int session_make_slots(struct revc *s, size_t size)
{
	/* Far more than most sessions need, but only pages that are used cost. */
	s->slots.mem = reallocarray(NULL, SESSION_SLOTS, size);
	s->slots.size = size;
	return s->slots.mem ? 0 : session_fail(s, FAILURE_CONNECT, ENOMEM);
}

unsigned session_expected(const struct revc *s)
{
	if (s->awaited >= SESSION_SLOTS || s->joiner.n_messages > 0) {
		return SESSION_SLOTS;
	}
	return s->awaited > 1 ? (unsigned)s->awaited : 1;
}

int session_random(void *p, size_t n)
{
	ssize_t k;

	do {
		k = getrandom(p, n, 0);
	} while (k < 0 && errno == EINTR);
	return k == (ssize_t)n ? 0 : k < 0 ? -errno : -EIO;
}

int session_make_token(struct revc *s)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	uint8_t bits[22]; /* of each byte 6 are used: 132 bits */
	size_t mark = strlen(TOKEN_LIVE);
	int r = session_random(bits, sizeof(bits));

	if (r < 0) {
		return session_fail(s, FAILURE_REPLY, -r);
	}
	memcpy(s->token, TOKEN_LIVE, mark);
	for (size_t i = 0; i < sizeof(bits); i++) {
		s->token[mark + i] = (uint8_t)digits[bits[i] & 63];
	}
	s->token_n = mark + sizeof(bits);
	return 0;
}

ssize_t session_read(struct revc *s)
{
	ssize_t k;

	if (bytes_room(&s->rx) < READ_SIZE / 4 && bytes_reserve(&s->rx, READ_SIZE) < 0) {
		return -ENOMEM;
	}
	do {
		k = read(s->in_fd, bytes_tail(&s->rx), bytes_room(&s->rx));
	} while (k < 0 && errno == EINTR);
	if (k < 0) {
		return -errno;
	}
	s->rx.len += (size_t)k;
	return k;
}

void session_drop_reply(struct revc *s)
{
	revc_unlink_reply(s);
	s->reply_name[0] = '\0';
	s->in_fd = fd_close(s->in_fd);
}

void revc_close(struct revc *s)
{
	if (!s) {
		return;
	}
	if (s->ops && s->ops->close) {
		s->ops->close(s);
	}
	if (s->out_fd != s->in_fd) {
		fd_close(s->out_fd);
	}
	session_drop_reply(s);
	bytes_free(&s->out);
	bytes_free(&s->rx);
	free(s->slots.mem);
	bytes_free(&s->joined);
	joiner_finish(&s->joiner);
	free(s);
}

const char *revc_uri(const struct revc *s)
{
	return s->uri.shown;
}

const char *revc_transport(const struct revc *s)
{
	return s->ops->name;
}

void revc_limits(const struct revc *s, struct revc_limits *ret)
{
	*ret = s->limits;
}

/* Do four of its bytes look like a marker? See proto/cut_shared.h. */
static bool has_marker(uint64_t id)
{
	for (unsigned shift = 0; shift <= 32; shift += 8) {
		if (((id >> shift) & 0xfe00ffffu) == 0x020001ffu) {
			return true;
		}
	}
	return false;
}

uint64_t revc_id(struct revc *s)
{
	while (has_marker(s->next_id)) {
		s->next_id++;
	}
	return s->next_id++;
}

size_t revc_unsent(const struct revc *s)
{
	return s->out.len + (s->ops->unsent ? s->ops->unsent(s) : 0);
}

void revc_error(const struct revc *s, struct revc_err *ret)
{
	*ret = s->err;
}

int revc_fd(const struct revc *s)
{
	return s->in_fd;
}

int revc_out_fd(const struct revc *s)
{
	return s->out_fd;
}

int revc_verify(const struct revc *s)
{
	return s->ops->verify ? s->ops->verify(s) : 0;
}

void revc_unlink_reply(const struct revc *s)
{
	if (s->reply_name[0] && s->ops->unlink_reply) {
		s->ops->unlink_reply(s);
	}
}
