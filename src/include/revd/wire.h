/*
 * <revd/wire.h>: the bytes of the revd protocol, version 1, see revd-protocol(7).
 *
 * Header-only, so that clients, backends and tests in any tree can use it
 * without linking anything. No function here reads or writes outside the
 * memory that its comment names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RV_FRAME_MAGIC 0xFFu
#define RV_FRAME_VERSION 1u
#define RV_FRAME_HEADER 16u /* bytes */
#define RV_TOKEN_MAX 64u    /* bytes; a token has 1 to 64 of A-Z a-z 0-9 _ - */
#define RV_NAK 0x15u        /* first byte of a reply line that is an error */

enum rv_frame_flag {
	RV_FRAME_MORE = 1u << 0,     /* another fragment of this message follows */
	RV_FRAME_REPLY_TO = 1u << 1, /* request: the body starts with a reply token */
	RV_FRAME_REPLY = 1u << 7,    /* daemon to client */
};

enum rv_op {
	RV_OP_CALL,
	RV_OP_PING,
	RV_OP_INFO,
	RV_OP_STATS,
	RV_OP_RELOAD,
	RV_OP_PEERS,
	RV_OP_COUNT,
};

enum rv_status {
	RV_STATUS_OK,
	RV_STATUS_MALFORMED,
	RV_STATUS_TOO_LARGE,
	RV_STATUS_INVALID_TEXT,
	RV_STATUS_BUSY,
	RV_STATUS_DENIED,
	RV_STATUS_TIMEOUT,
	RV_STATUS_INTERNAL,
	RV_STATUS_UNSUPPORTED,
	RV_STATUS_STOPPING,
	RV_STATUS_COUNT,
};

struct rv_frame {
	uint8_t version;
	uint8_t code;    /* enum rv_op in a request, enum rv_status in a reply */
	uint8_t flags;   /* enum rv_frame_flag */
	uint32_t length; /* bytes of body that follow the header */
	uint64_t id;
};

static inline uint32_t rv_load_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t rv_load_le64(const uint8_t *p)
{
	return (uint64_t)rv_load_le32(p) | (uint64_t)rv_load_le32(p + 4) << 32;
}

static inline void rv_store_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++) {
		p[i] = (uint8_t)(v >> (8 * i));
	}
}

static inline void rv_store_le64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++) {
		p[i] = (uint8_t)(v >> (8 * i));
	}
}

/* Reads the 16 bytes at p, whose first is RV_FRAME_MAGIC; judges nothing. */
static inline void rv_frame_load(const uint8_t *p, struct rv_frame *ret)
{
	ret->version = p[1];
	ret->code = p[2];
	ret->flags = p[3];
	ret->length = rv_load_le32(p + 4);
	ret->id = rv_load_le64(p + 8);
}

/* Writes the 16 bytes at p. */
static inline void rv_frame_store(uint8_t *p, const struct rv_frame *f)
{
	p[0] = RV_FRAME_MAGIC;
	p[1] = f->version;
	p[2] = f->code;
	p[3] = f->flags;
	rv_store_le32(p + 4, f->length);
	rv_store_le64(p + 8, f->id);
}

/* Writes the header of a reply, the 16 bytes at p; its n bytes of text follow there.
 * flags: RV_FRAME_MORE or 0. */
static inline void rv_reply_store(
	uint8_t *p, unsigned status, unsigned flags, size_t n, uint64_t id)
{
	const struct rv_frame f = {
		.version = RV_FRAME_VERSION,
		.code = (uint8_t)status,
		.flags = (uint8_t)(RV_FRAME_REPLY | flags),
		.length = (uint32_t)n,
		.id = id,
	};

	rv_frame_store(p, &f);
}

static inline bool rv_token_char(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* True if the n bytes at p may serve as a token: a file or queue name component
 * that can neither be empty nor hidden nor leave its directory. */
static inline bool rv_token_valid(const void *p, size_t n)
{
	const uint8_t *s = (const uint8_t *)p;

	if (n < 1 || n > RV_TOKEN_MAX) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!rv_token_char(s[i])) {
			return false;
		}
	}
	return true;
}
