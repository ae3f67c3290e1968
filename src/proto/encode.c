#include "proto/encode.h"

#include <stdio.h>
#include "proto/status.h"

size_t encode_request(
	uint8_t *p, const struct encode_request *q, bool more, const void *text, size_t n)
{
	size_t prefix = encode_overhead(q->token_n) - RV_FRAME_HEADER;
	const struct rv_frame f = {
		.version = RV_FRAME_VERSION,
		.code = (uint8_t)q->op,
		.flags = (uint8_t)((more ? RV_FRAME_MORE : 0) | (prefix ? RV_FRAME_REPLY_TO : 0)),
		.length = (uint32_t)(prefix + n),
		.id = q->id,
	};

	rv_frame_store(p, &f);
	if (prefix > 0) {
		p[RV_FRAME_HEADER] = (uint8_t)q->token_n;
		memcpy(p + RV_FRAME_HEADER + 1, q->token, q->token_n);
	}
	if (n > 0) {
		memcpy(p + RV_FRAME_HEADER + prefix, text, n);
	}
	return RV_FRAME_HEADER + prefix + n;
}

const char *encode_error(unsigned status, char buf[ENCODE_ERROR_SIZE])
{
	buf[0] = '\0';
	if (status != RV_STATUS_OK) {
		snprintf(buf, ENCODE_ERROR_SIZE, "%c%s: ", RV_NAK, status_name(status));
	}
	return buf;
}
