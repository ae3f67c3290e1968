/* The sending half of a session: requests into frames, frames into the kernel. */
#include <errno.h>
#include "librevc/session.h"
#include "proto/cut_shared.h"
#include "proto/encode.h"

int revc_submit(struct revc *s, enum rv_op op, uint64_t id, const void *data, size_t n)
{
	const struct encode_request q = {
		.op = op, .id = id, .token = s->token, .token_n = s->token_n};
	size_t overhead = encode_overhead(s->token_n);
	size_t room = s->limits.message_max - overhead;
	size_t frames = n > room ? (n + room - 1) / room : 1;
	size_t before = s->out.len;
	const uint8_t *p = data;

	if (n > UINT32_MAX - RV_TOKEN_MAX - 1 ||
		bytes_reserve(&s->out, n + frames * overhead) < 0) {
		return session_fail(s, FAILURE_SEND, n > UINT32_MAX / 2 ? EMSGSIZE : ENOMEM);
	}
	while (frames-- > 0) {
		size_t part = frames > 0 ? room : n;
		uint8_t *frame = bytes_tail(&s->out);
		size_t k = encode_request(frame, &q, frames > 0, p, part);

		if (s->ops->shared && cut_shared_hides_header(frame, k)) {
			s->out.len = before;
			return session_fail(s, FAILURE_SEND, EILSEQ);
		}
		s->out.len += k;
		p = part > 0 ? p + part : p;
		n -= part;
	}
	s->awaited++;
	return 0;
}

int revc_flush(struct revc *s)
{
	while (s->out.len > 0) {
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
