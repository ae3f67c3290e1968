/*
 * Clients written against the protocol alone, one kind per transport. A client
 * sends exactly the bytes it is told to, right or wrong ones. Nothing blocks
 * for ever: what does not come before the deadline fails the test.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <revd/wire.h>
#include "common/rig.h"

enum transport {
	STREAM,
	SEQPACKET,
	FIFO,
	MQUEUE,
	TRANSPORTS,
};

/* Where bytes or messages come from, with those read ahead. */
struct inbox {
	int fd;
	const struct client_link *link;
	bool queue, messages;
	uint8_t *data;
	size_t start, end;
};

/* A transport of another kind, within the test's own process. */
struct client_link {
	void *ctx;
	bool stream; /* of bytes; else of messages */
	/* Bytes taken, or -errno. */
	ssize_t (*send)(void *ctx, const void *, size_t);
	/* Bytes, 0 or a message; -EAGAIN; -ENOTCONN at the end. */
	ssize_t (*recv)(void *ctx, void *, size_t);
	/* Until the one or the other says no more -EAGAIN. False: too late. */
	bool (*wait)(void *ctx, bool for_send, int ms);
	void (*half_close)(void *ctx);
	void (*close)(void *ctx);
};

struct client {
	enum transport transport;
	const struct client_link *link; /* NULL: one of those of enum transport */
	int out;                        /* requests */
	struct inbox frames;            /* replies to frames */
	struct inbox lines;             /* replies to lines: fifo and mqueue only, opened by use */
	char token[33];                 /* "" on uds */
	char reply_name[160];           /* the FIFO or the queue we made */
	char line_name[160];            /* PATH.out, /NAME.out */
	size_t max_frame;               /* the largest frame to be sent, header included */
};

/* What came: a frame or a line. */
struct reply {
	bool frame;
	struct rv_frame head;
	const uint8_t *data; /* payload, or the whole line with its terminator; */
	size_t n;            /* the client's memory until the next receive */
	unsigned prio;       /* mqueue */
};

/* The address of a transport in a rig made with rig_all. */
extern const char *const client_uris[TRANSPORTS];
extern const char *const client_endpoints[TRANSPORTS];

void client_open(struct client *, const struct rig *, enum transport);
/* At another name than rig_all's: a path, or a queue. */
void client_open_at(struct client *, enum transport, const char *address);
/* Over a connected socket of bytes, which the client closes. */
void client_open_fd(struct client *, int fd);
/* Over a link, which the client closes. max_frame: 0 for any. */
void client_open_link(struct client *, const struct client_link *, size_t max_frame);
void client_close(struct client *);
bool client_is_stream(const struct client *); /* of bytes: uds stream, fifo */

/* All n bytes, or one message. */
void client_send(struct client *, const void *, size_t n);
/* What the kernel takes at once: bytes taken, or -errno. */
ssize_t client_try_send(struct client *, const void *, size_t n);
void client_send_prio(struct client *, const void *, size_t n, unsigned prio);

/* Writes header, token (if there is one) and payload; returns the size. buf is
 * large enough for 16 + 65 + n bytes. `flags` other than REPLY_TO. */
size_t client_build(const struct client *, uint8_t *buf, uint8_t code, uint8_t flags, uint64_t id,
	const void *, size_t n);
void client_send_frame(
	struct client *, uint8_t code, uint8_t flags, uint64_t id, const void *, size_t n);
/* A frame with REPLY_TO and that token, right or wrong; returns the size. */
size_t client_build_token(uint8_t *buf, uint8_t code, uint64_t id, const void *token,
	size_t token_n, const void *, size_t n);
/* As many fragments as the transport needs. */
void client_send_large(struct client *, uint8_t code, uint64_t id, const void *, size_t n);
/* The text and, on byte streams, a LF. */
void client_send_text(struct client *, const char *);
/* No more requests: uds only. */
void client_half_close(struct client *);

/* The next line or frame, whichever it is. On fifo and mqueue: of frames. */
void client_recv(struct client *, struct reply *);
void client_recv_line(struct client *, struct reply *);
/* The next frame, with that id and status. */
void client_recv_frame(struct client *, struct reply *, uint64_t id, uint8_t status);
/* All fragments of a reply; the caller frees it. */
uint8_t *client_recv_joined(struct client *, uint64_t id, uint8_t status, size_t *ret_n);
/* Asserts that the next thing is the end of the connection. */
void client_expect_eof(struct client *);
/* True if something can be received already. */
bool client_readable(const struct client *);

/* A whole exchange each. */
void client_expect_line(
	struct client *, const void *request, size_t n, const void *reply, size_t m);
void client_expect_text(struct client *, const char *request, const char *reply);
void client_expect_call(struct client *, uint64_t id, const char *request, const char *reply);
/* Asserts that the line is NAK, `status`, colon, space and then `sentence`; NULL: any. */
void client_expect_nak(struct client *, const char *status, const char *sentence);

/* Nothing that was sent before is answered after this: a PING came back. */
void client_barrier(struct client *);

/* A number in STATS, see json.h for the path, asked over a connection of its own
 * to the stream endpoint; -1 if it is not there. */
int64_t client_stat(const struct rig *, const char *path);
/* Waits until the number is at least `want`. */
void client_wait_stat(const struct rig *, const char *path, int64_t want);
