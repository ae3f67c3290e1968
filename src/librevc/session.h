/*
 * What a session is made of. A transport knows how to connect, to send whole
 * frames and to take in what has come; the rest is the same for all.
 *
 * Received data stays in rx until it is consumed: as one growing buffer where
 * the transport is a stream of bytes, else as slots with a message each.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "util/bytes.h"
#include <revd/client.h>
#include "librevc/failure.h"
#include "librevc/uri.h"
#include "proto/join.h"
#include "util/macro.h"
#include "util/spin.h"

#define SESSION_SLOTS 32

struct session_slots {
	uint8_t *mem;
	size_t size;                /* of each */
	size_t lens[SESSION_SLOTS]; /* of the messages in them */
	unsigned n, next;           /* slots filled, the next to be consumed */
};

struct transport {
	const char *name;
	bool shared; /* the frames of many clients go through one stream of bytes */
	bool many;   /* each message goes to one of many daemons, and may be lost with it: nothing
			tells, and a request is never cut in parts */
	/* Connects, makes the reply name, sets limits and descriptors. deadline: see
	 * revc_receive(). 0, or -errno with the sentence in s->err; what was
	 * made by then is left to revc_close(). */
	int (*open)(struct revc *, uint64_t deadline);
	/* Sends from the n bytes at p, which begin where the last send stopped. Bytes taken, or
	 * -EAGAIN or another -errno. n is 0 only where unsent() is not. */
	ssize_t (*send)(struct revc *, const uint8_t *p, size_t n);
	/* May be NULL. Bytes that were taken and are not with the kernel yet. */
	size_t (*unsent)(const struct revc *);
	/* Takes in what is there. 0, -EAGAIN, -ECONNRESET at the end, -errno. */
	int (*fill)(struct revc *);
	/* Waits as receive_reply() says it: 0: look again; 1: also_fd is ready; -ETIMEDOUT.
	 * NULL: in_fd and out_fd are polled. */
	int (*wait)(struct revc *, uint64_t deadline_ns, int also_fd);
	/* May be NULL. What the transport alone knows of; in_fd and out_fd are still open. */
	void (*close)(struct revc *);
	/* May be NULL where the kernel tells that the other side has left. */
	int (*verify)(const struct revc *);
	/* Async-signal-safe. May be NULL. */
	void (*unlink_reply)(const struct revc *);
};

struct revc {
	const struct transport *ops;
	struct uri uri;
	struct revc_options options;
	struct revc_limits limits;
	struct revc_err err;
	int in_fd, out_fd; /* -1 or open; the same for sockets */
	struct bytes out;  /* the batch: whole frames, but for a first one that is partly sent */
	struct bytes rx;
	struct session_slots slots;
	struct shm_session *shm; /* the shm transport's */
	struct nats_session *nats;
	struct joiner joiner;
	struct bytes joined; /* the last reply that was joined, until the next receive */
	size_t awaited;      /* requests without a whole reply */
	struct spinner spinner;
	uint64_t next_id;
	uint8_t token[RV_TOKEN_MAX];
	size_t token_n; /* 0: replies come back on the connection */
	char reply_name[REVC_URI_MAX + RV_TOKEN_MAX + 4]; /* "": none to remove */
	struct stat st;                                   /* of the request name as opened */
};

/* Allocates the slots, once. 0 or -ENOMEM. */
int session_make_slots(struct revc *, size_t size) MUST_CHECK;

/* How many messages to look for: looking for one more than can be there costs a
 * system call per round trip. */
unsigned session_expected(const struct revc *);

/* n random bytes. 0 or -errno. */
int session_random(void *p, size_t n) MUST_CHECK;

/* Makes a token of 128 random bits. 0 or -errno. */
int session_make_token(struct revc *) MUST_CHECK;
/* Removes the reply name and closes what it named. */
void session_drop_reply(struct revc *);

/* Reads once from in_fd to rx. Bytes, 0 at the end, or -errno. */
ssize_t session_read(struct revc *) MUST_CHECK;

/* Explains err (positive) as an error of this session. Returns -err. */
int session_fail(struct revc *, enum failure_stage, int err);
