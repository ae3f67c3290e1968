/*
 * A connection to a NATS broker, as librevc sees it: what the module librevc-nats.so has at
 * NATSLINK_SYMBOL. librevc loads it when a URI asks for it, and so does not depend on libnats.
 *
 * All calls for one link come from one thread at a time. Nothing but open() waits. The module
 * neither installs handlers nor lets a thread of its own take signals. It does not connect
 * again by itself: a link that has failed is closed, and the next open() knows the brokers
 * that this one has heard of.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NATSLINK_ABI 1u
#define NATSLINK_SYMBOL "revd_natslink"
#define NATSLINK_WHY 256 /* bytes of a sentence, its NUL included */

struct natslink;

struct natslink_options {
	/* "nats://[USER[:PASSWORD]@]HOST[:PORT]", or tls://; n = 0: $NATS_URL or the local one.
	 * $NATS_CREDS and its like say who asks, see revc(1). */
	const char *const *servers;
	size_t n;
	unsigned timeout_ms; /* of one attempt to connect */
};

struct natslink_message {
	const uint8_t *data; /* borrowed while the callback runs */
	size_t n;
	bool no_responders; /* the broker's: nobody has subscribed to what was asked */
};

typedef void natslink_take(void *ctx, const struct natslink_message *);

struct natslink_ops {
	uint32_t abi;
	/* 0, or -errno with a sentence: -ECONNREFUSED where no broker answers, -EACCES where it
	 * does not let us in, -EINVAL where a file or a URL is wrong. *ret_fd is to be polled,
	 * and closed by the caller. */
	int (*open)(const struct natslink_options *, struct natslink **ret, int *ret_fd,
		char why[NATSLINK_WHY]);
	void (*close)(struct natslink *);               /* NULL is fine */
	size_t (*payload_max)(const struct natslink *); /* bytes that the broker takes */
	/* Buffers a request whose replies come to this link. 0, -EAGAIN: flush first, -EMSGSIZE,
	 * or another -errno. */
	int (*publish)(struct natslink *, const char *subject, const void *, size_t n);
	/* Sends what is buffered. 0: all of it; -EAGAIN: once more when fd can be written. */
	int (*flush)(struct natslink *);
	/* Reads once and hands over what has come. 0, -EAGAIN if there was nothing, -ECONNRESET
	 * when the broker has left, -EACCES if it has forbidden what we do. */
	int (*receive)(struct natslink *, natslink_take *, void *ctx);
	/* A bare responder, for revbench to compare with: answers each request with what is in
	 * it. In a process of its own; returns on failure only, with a sentence. */
	int (*echo)(const char *url, const char *subject, char why[NATSLINK_WHY]);
};
