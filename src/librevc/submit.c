/* The sending half of a session: requests into frames, frames into the kernel. */
#include <errno.h>
#include "librevc/session.h"
#include "proto/cut_shared.h"
#include "proto/encode.h"

/* The bytes of text, `room` or fewer, that the next frame takes of n. On a shared stream
 * a frame must not end in a part of a marker; the next one begins with that then. */
static size_t next_part(const struct revc *s, const uint8_t *p, size_t n, size_t room)
{
	return n > room && s->ops->shared ? cut_marker(p, 0, room) : MIN(n, room);
}

/* Adds one frame to the batch, for which there is room. -EILSEQ: on a shared stream its
 * bytes would be taken for another frame's. */
static int put_frame(
	struct revc *s, const struct encode_request *q, bool more, const uint8_t *p, size_t n)
{
	uint8_t *frame = bytes_tail(&s->out);
	size_t len = encode_request(frame, q, more, p, n);

	if (s->ops->shared && cut_marker(frame, 1, len) < len) {
		return -EILSEQ;
	}
	s->out.len += len;
	return 0;
}

int revc_submit(struct revc *s, enum rv_op op, uint64_t id, const void *data, size_t n)
{
	const struct encode_request q = {
		.op = op, .id = id, .token = s->token, .token_n = s->token_n};
	size_t overhead = encode_overhead(s->token_n), before = s->out.len;
	size_t room = s->limits.message_max - overhead, part;
	/* where a marker is found on the way one frame is too short, and none follows */
	size_t frames = n / (s->ops->shared ? room - CUT_MARKER : room) + 2;
	const uint8_t *p = data;

	if (s->ops->many && n > room) {
		return session_fail(s, FAILURE_SEND, EMSGSIZE);
	}
	if (n > UINT32_MAX - RV_TOKEN_MAX - 1 ||
		bytes_reserve(&s->out, n + frames * overhead) < 0) {
		return session_fail(s, FAILURE_SEND, n > UINT32_MAX / 2 ? EMSGSIZE : ENOMEM);
	}
	do {
		part = next_part(s, p, n, room);
		if ((part == 0 && n > 0) || put_frame(s, &q, part < n, p, part) < 0) {
			s->out.len = before;
			return session_fail(s, FAILURE_SEND, EILSEQ);
		}
		p = part > 0 ? p + part : p;
		n -= part;
	} while (n > 0);
	s->awaited++;
	return 0;
}

int revc_flush(struct revc *s)
{
	while (revc_unsent(s) > 0) {
		ssize_t k = s->ops->send(s, bytes_head(&s->out), s->out.len);

		if (k == -EAGAIN) {
			break;
		}
		if (k < 0) {
			return session_fail(s, FAILURE_SEND, (int)-k);
		}
		bytes_take(&s->out, (size_t)k);
	}
	return 0;
}
