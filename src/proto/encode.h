/* Puts requests and replies into bytes, as revd-protocol(7) says. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <revd/wire.h>

/* A request, of which encode_request() makes one frame. */
struct encode_request {
	enum rv_op op;
	uint64_t id;
	const void *token; /* whom to answer; token_n 0: whoever sent it */
	size_t token_n;    /* at most RV_TOKEN_MAX */
};

/* The bytes that stand in a frame beside its text. */
static inline size_t encode_overhead(size_t token_n)
{
	return RV_FRAME_HEADER + (token_n > 0 ? 1 + token_n : 0);
}

/* Writes a frame with n bytes of text to p: encode_overhead() and n bytes. more:
 * another fragment of the same request follows. Returns the bytes written. */
size_t encode_request(
	uint8_t *p, const struct encode_request *, bool more, const void *text, size_t n);

/* Writes the terminator of a line, `term` bytes (0; 1: LF; 2: CR LF). Returns term. */
static inline size_t encode_terminator(uint8_t *p, unsigned term)
{
	if (term == 2) {
		*p++ = '\r';
	}
	if (term > 0) {
		*p = '\n';
	}
	return term;
}

/* What an error as a line begins with: NAK, the name of the status, a colon and a
 * blank, as a string; "" for RV_STATUS_OK. */
#define ENCODE_ERROR_SIZE 32
const char *encode_error(unsigned status, char buf[ENCODE_ERROR_SIZE]);
