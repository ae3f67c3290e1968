#include "librevc/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

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
	int r = session_random(bits, sizeof(bits));

	if (r < 0) {
		return session_fail(s, FAILURE_REPLY, -r);
	}
	for (size_t i = 0; i < sizeof(bits); i++) {
		s->token[i] = (uint8_t)digits[bits[i] & 63];
	}
	s->token_n = sizeof(bits);
	return 0;
}

void session_init(struct revc *s, const struct transport *ops)
{
	s->ops = ops;
	s->in_fd = s->out_fd = -1;
	s->reply_name[0] = '\0';
}

void revc_close(struct revc *s)
{
	if (!s) {
		return;
	}
	if (s->ops) {
		s->ops->close(s);
	}
	bytes_free(&s->out);
	bytes_free(&s->rx);
	free(s->slots.mem);
	bytes_free(&s->joined);
	joiner_finish(&s->joiner);
	free(s);
}

const char *revc_uri(const struct revc *s)
{
	return s->uri.text;
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
	return s->out.len;
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
	if (s->ops->unlink_reply) {
		s->ops->unlink_reply(s);
	}
}
