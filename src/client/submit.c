/* The sending half of a session: requests into frames, frames into the kernel. */
#include <errno.h>
#include "client/session.h"

/* One frame: header, reply token, n bytes of text. */
static void put_frame(struct revc *s, const struct rv_frame *f, const uint8_t *p, size_t n)
{
	uint8_t *to = s->out.data + s->out.len;

	rv_frame_store(to, f);
	to += RV_FRAME_HEADER;
	if (s->token_n > 0) {
		*to++ = (uint8_t)s->token_n;
		memcpy(to, s->token, s->token_n);
		to += s->token_n;
	}
	if (n > 0) {
		memcpy(to, p, n);
	}
	s->out.len += RV_FRAME_HEADER + f->length;
}

int revc_submit(struct revc *s, enum rv_op op, uint64_t id, const void *data, size_t n)
{
	size_t prefix = s->token_n > 0 ? 1 + s->token_n : 0;
	size_t room = s->limits.message_max - RV_FRAME_HEADER - prefix;
	size_t frames = n > room ? (n + room - 1) / room : 1;
	const uint8_t *p = data;

	if (n > UINT32_MAX - RV_TOKEN_MAX - 1 ||
		buf_reserve(&s->out, n + frames * (RV_FRAME_HEADER + prefix)) < 0) {
		return session_fail(s, FAILURE_SEND, n > UINT32_MAX / 2 ? EMSGSIZE : ENOMEM);
	}
	while (frames-- > 0) {
		size_t part = frames > 0 ? room : n;
		struct rv_frame f = {
			.version = RV_FRAME_VERSION,
			.code = (uint8_t)op,
			.flags = (uint8_t)((frames > 0 ? RV_FRAME_MORE : 0) |
					   (prefix > 0 ? RV_FRAME_REPLY_TO : 0)),
			.length = (uint32_t)(prefix + part),
			.id = id,
		};

		put_frame(s, &f, p, part);
		p = part > 0 ? p + part : p;
		n -= part;
	}
	s->awaited++;
	return 0;
}

int revc_flush(struct revc *s)
{
	while (buf_used(&s->out) > 0) {
		ssize_t k = s->ops->send(s, buf_head(&s->out), buf_used(&s->out));

		if (k == -EAGAIN) {
			break;
		}
		if (k < 0) {
			return session_fail(s, FAILURE_SEND, (int)-k);
		}
		buf_consume(&s->out, (size_t)k);
	}
	return 0;
}
