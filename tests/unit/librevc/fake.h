/*
 * A small revd on a stream socket, in a thread: reverses bytes, and misbehaves as the
 * test wants. Texts with "bad" in them are refused as invalid-text; a text that
 * ends with NAK has a reply that begins with it.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include "place.h"

struct fake_habits {
	bool backwards;     /* frames that came together are answered last first */
	size_t fragment;    /* bytes of text in a reply frame, 0: all in one */
	unsigned die_after; /* requests of one connection, then it is closed; 0: never */
	unsigned deaths;    /* connections that end so; the others are good */
	unsigned busy;      /* frames that are answered `busy` before any other */
	size_t max_request; /* larger ones are too-large; 0: 1 MiB */
	bool silent;        /* never answers */
	const char *refuse; /* sent as a line, then the connection is closed */
};

struct fake {
	struct place place;
	struct fake_habits habits;
	int listen_fd, stop[2];
	pthread_t thread;
	atomic_uint connections, frames, lines;
	unsigned deaths_left, busy_left;
};

/* Serves at fake_uri(). */
void fake_start(struct fake *, const struct fake_habits *);
void fake_stop(struct fake *);
const char *fake_uri(struct fake *);
