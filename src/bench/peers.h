/*
 * Other servers of small requests on a Unix socket, driven by the same client in the
 * same rounds: redis-server and memcached, as their Debian packages have them.
 */
#pragma once

#include "bench/bench.h"
#include "bench/proc.h"
#include "bench/session.h"

enum peer_program {
	PEER_REDIS,
	PEER_MEMCACHED,
	PEER_PROGRAMS,
};

struct peer {
	struct proc proc;
	bool missing;   /* the program is not installed */
	char path[112]; /* of its socket */
};

struct peers {
	struct peer programs[PEER_PROGRAMS];
};

/* Starts those that are installed, below dir. An error is one that is installed and
 * does not start. */
int peers_start(struct peers *, const char *dir, struct rv_err *) MUST_CHECK;
void peers_stop(struct peers *);

/* The program behind a side; NULL if it is none of a peer's. */
const struct peer *peers_of_side(const struct peers *, enum bench_side);
const char *peers_program_name(enum peer_program);

int peers_session(struct session *, const struct peers *, const struct bench_contender *,
	const struct bench_load *, struct rv_err *) MUST_CHECK;
