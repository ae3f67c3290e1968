/*
 * One contender made ready: its server runs, its connections are open.
 */
#pragma once

#include "bench/load.h"
#include "bench/proc.h"

struct daemon;

struct session {
	struct proc server;
	struct load_target target;
	uint8_t *buf; /* what the links receive into */
};

/* Allocates n links and the receive buffer; shape->client is set to each one's number.
 * shape NULL: the wires are left to the caller. */
int session_links(struct session *, const struct bench_load *, enum bench_transport,
	size_t message_max, struct rv_err *) MUST_CHECK;

/* Ends the server if it is ours, closes everything. Fine when half made. */
void session_close(struct session *);

/* Why a link could not be made: errno's own texts mislead for FIFOs and queues. */
const char *session_why(enum bench_transport, int err);

/* A bare server of this program: BENCH_FLOOR, BENCH_EPOLL, BENCH_LIBEVENT. dir: a private
 * directory for names. */
int floor_open(struct session *, const struct bench_contender *, const struct bench_load *,
	const char *dir, struct rv_err *) MUST_CHECK;
