/*
 * The nouns of revbench.
 *
 * A *side* is somebody who can answer requests over a transport: the daemon, a
 * bare two-process program (the *floor*), another server (a *rival*). A *contender*
 * is one side on one transport under one load. A *group* holds the contenders that
 * are compared: in every round each of them gets one slice of time, one after the
 * other, and only figures of the same round are ever divided by each other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <revd/option.h>
#include "util/hist.h"
#include "util/macro.h"

#define BENCH_SPIN_TIME "50us" /* the `spin` of the daemon that does */
#define BENCH_ROUNDS_MAX 64
#define BENCH_CLIENTS_MAX 4096
#define BENCH_SIZE_MIN 16u
#define BENCH_SIZE_MAX (1024u * 1024u)
#define BENCH_OPEN_MAX 4096u /* in flight at most when requests go out at fixed times */

enum bench_transport {
	BENCH_STREAM,
	BENCH_SEQPACKET,
	BENCH_SHM,
	BENCH_FIFO,
	BENCH_MQUEUE,
	BENCH_NATS, /* through a broker */
	BENCH_TRANSPORTS,
};

enum bench_regime {
	BENCH_SPLIT, /* client on one core, server on another */
	BENCH_SAME,  /* both on one core: the pure cost in CPU time */
	BENCH_FREE,  /* wherever the scheduler puts them; what a user sees */
	BENCH_REGIMES,
};

enum bench_side {
	BENCH_FLOOR,    /* nothing but the transport, echoing */
	BENCH_EPOLL,    /* a bare epoll server, echoing */
	BENCH_LIBEVENT, /* a bare libevent server that cuts and reverses lines */
	BENCH_REVD,
	BENCH_REDIS_ECHO,
	BENCH_REDIS_EVAL,
	BENCH_MEMCACHED,
	BENCH_LIBQB, /* its shared-memory IPC, echoing */
	BENCH_SIDES,
};

/* How the client of a load with one request in flight waits for the reply. */
enum bench_wait {
	BENCH_BLOCK,   /* read() */
	BENCH_SPIN,    /* read() without sleeping, again and again */
	BENCH_LIBRARY, /* through librevc, which polls and then reads; revd only */
};

struct bench_load {
	size_t size;      /* bytes of a request's text */
	unsigned clients; /* connections */
	unsigned window;  /* requests in flight per connection */
	double rate;      /* requests/s, sent at fixed times; 0: closed loop */
	bool connect;     /* a connection per request */
};

/* What one contender did in one slice. */
struct bench_sample {
	uint64_t requests, ns; /* answered in that time */
	uint64_t answered;     /* with those in flight at its end: what the costs belong to */
	uint64_t client_cpu_ns, server_cpu_ns;
	uint64_t client_switches, server_switches;
	bool pinned;
};

struct bench_contender {
	enum bench_side side;
	enum bench_transport transport;
	enum bench_wait wait;
	bool spin;      /* the daemon's endpoint spins before it sleeps */
	bool frames;    /* frames, even where a line would do; revd only */
	bool neighbour; /* another client keeps requests in flight meanwhile; implies frames */
	char name[48];  /* "revd uds stream" */
	char note[128]; /* why it was left out; "" if it was not */
	size_t n;       /* samples; equal for all contenders of a finished group */
	struct bench_sample samples[BENCH_ROUNDS_MAX];
	struct hist latency; /* ns, of all rounds */
};

#define BENCH_CONTENDERS_MAX 16

struct bench_group {
	const char *purpose; /* "matrix", "sweep", "target": who reads it */
	struct bench_load load;
	enum bench_regime regime;
	size_t n;
	struct bench_contender contenders[BENCH_CONTENDERS_MAX];
};

/* Names for people and for JSON. */
const char *bench_transport_name(enum bench_transport); /* "uds stream" */
const char *bench_transport_key(enum bench_transport);  /* "stream" */
bool bench_transport_parse(const char *s, enum bench_transport *ret);
const char *bench_side_name(enum bench_side);
const char *bench_regime_name(enum bench_regime);
const char *bench_regime_text(enum bench_regime); /* "client and server on one core" */

/* Of the socket that it is, or begins with: SOCK_STREAM or SOCK_SEQPACKET; 0: none. */
int bench_socket_type(enum bench_transport);

/* "64 B, 64 in flight" and the like. Returns buf. */
char *bench_load_text(const struct bench_load *, char *buf, size_t size);

/* "412 k", "1.23 M": three digits. buf: 16 bytes. Returns buf. */
char *bench_number(double v, char buf[16]);

/* How many requests a connection of this load has in flight at most. */
unsigned bench_load_in_flight(const struct bench_load *);

/* True if its client may block in write(): what is in flight surely fits into the kernel's
 * buffers, so that the server never waits for a client that waits for it. */
bool bench_load_may_block(const struct bench_load *);

/* Reply queues small enough that all clients of a load fit twice into the budget for
 * queues that a user has by default (mq_overview(7)): once for a floor, once for revd. */
struct bench_queue {
	size_t depth, message; /* messages, bytes of each at most */
};

struct bench_queue bench_queue(const struct bench_load *);

/* Fills *e with a sentence and returns err. */
int bench_fail(struct rv_err *e, int err, const char *fmt, ...) PRINTF(3, 4);
