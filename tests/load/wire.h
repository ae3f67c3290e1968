/*
 * What carries bytes to the daemon and back: made from the protocol alone, one kind for each
 * transport, and one that runs revc. Nothing blocks but wire_open(), and that not for long.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "librevc/shm_map.h"

#define WIRE_READ (256u << 10) /* bytes that a receive may want room for */

struct wire;

struct wire_kind {
	const char *name;
	bool messages; /* each send is a message; else a stream of bytes */
	bool shared;   /* clients share one way: what they write has to be whole */
	size_t gather; /* bytes of whole messages that one send may have; 0: one message */
	size_t text_max, budget; /* bytes of a text; of all that one client has under way */
	/* 0 or -errno. */
	int (*open)(struct wire *);
	/* Bytes taken, or -errno; -EAGAIN: not now. */
	ssize_t (*send)(struct wire *, const void *, size_t);
	/* Bytes, or a message; -EAGAIN: there is nothing; 0 or another -errno: it is broken. */
	ssize_t (*recv)(struct wire *, void *, size_t);
	void (*close)(struct wire *);
};

struct wire {
	const struct wire_kind *kind;
	const char *address; /* borrowed */
	bool lines;
	int in, out; /* -1: not open; the same for a socket */
	char token[40], reply_name[160];
	struct shm_map shm;
	bool shm_ended;
	pid_t program;
};

extern const struct wire_kind wire_stream, wire_seqpacket, wire_shm, wire_fifo, wire_mqueue,
	wire_pty, wire_revc;

const struct wire_kind *wire_find(const char *name, size_t n); /* NULL: there is none */

int wire_open(struct wire *) __attribute__((warn_unused_result));
/* Fine if it is not open. */
void wire_close(struct wire *);
static inline bool wire_is_open(const struct wire *w)
{
	return w->in >= 0;
}

/* Before a poll() for input at w->in and room at w->out. False: look again instead. */
bool wire_may_sleep(struct wire *, bool wants_room);

/* For kinds. A token that nobody can guess; and what write(2) and read(2) say. */
void wire_make_token(struct wire *);
ssize_t wire_write(struct wire *, const void *, size_t);
ssize_t wire_read(struct wire *, void *, size_t);
