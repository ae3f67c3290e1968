/*
 * The traffic of a worker between a backend and a service that only pretend: what is
 * sent lies in arrays, the service does what a request's first letter says, and time
 * stands still until a test lets it pass. The fakes check what the host promises in
 * <revd/backend.h> and <revd/service.h>: a call for a peer that has ended, or a second
 * reservation, fails the test.
 */
#pragma once

#include <check.h>
#include "traffic/peer.h"
#include "traffic/traffic.h"
#include "util/bytes.h"

#define FAKE_PEERS 64
#define FAKE_TICKETS 4096
#define FAKE_MESSAGES 1024
#define MS UINT64_C(1000000)

enum fake_call {
	FAKE_RESERVE,
	FAKE_COMMIT,
	FAKE_FLUSH,
	FAKE_RESUME,
	FAKE_CALL, /* of the service; the peer is NULL */
	FAKE_CALLS,
};

struct fake_peer {
	void *block; /* NULL: it has ended */
	struct rv_peer_info info;
	const char *token;          /* that reply_peer() finds it by; NULL: none */
	struct bytes out;           /* what was committed */
	size_t lens[FAKE_MESSAGES]; /* of each commit */
	uint32_t tags[FAKE_MESSAGES];
	uint8_t errors[FAKE_MESSAGES]; /* the status that came beside it */
	size_t n_commits, n_flushed;   /* n_flushed: bytes of out that are sent */
	bool blocked;                  /* reserve() says -EAGAIN */
	bool stopped;                  /* it is not read from */
	bool closed;                   /* peer_close() was called */
	bool lingers;                  /* and did not end it at once */
	enum rv_close how;
	size_t room; /* of a reservation; 0: ample */
	unsigned n_resumed;
	bool more; /* its input goes on: what fake_bytes() gives was cut by a read */
};

/* What the service does is said by the first letter of the text:
 *
 *	d...	deferred: it is answered when the test says so
 *	e...	the status internal, with the text as the sentence
 *	p...	echoed, and the service takes no more
 *	g N	N bytes
 *	x...	takes a ticket and returns an error nevertheless
 *	y...	takes a ticket and returns the text nevertheless
 *	else	echoed
 */
struct fake_service {
	struct fake *fake;
	struct rv_service_worker *handle;
	const struct rv_service_host *host;
	rv_ticket tickets[FAKE_TICKETS];
	size_t n_tickets;               /* taken so far; a cancelled one becomes 0 */
	uint64_t clients[FAKE_TICKETS]; /* and whose it is */
	uint64_t last_client;
	size_t n_calls, n_runs, early; /* early: calls while it takes none */
	uint64_t gone[FAKE_PEERS];
	size_t n_gone, n_cancelled, n_drains;
	bool resume_on_cancelled; /* a place is free again */
	/* If not NULL: what lines() does instead. */
	void (*lines)(struct rv_lines *);
};

struct fake {
	struct traffic traffic;
	struct event_base *base;
	struct rv_backend_ops ops;
	struct rv_instance in;
	struct rv_service_worker worker, next_worker;
	struct fake_service service, next_service; /* next: what a reload has put there */
	struct fake_peer peers[FAKE_PEERS];
	size_t n_peers;
	struct fake_peer *reserved; /* whose reservation is open */
	uint8_t *room;
	/* Called in the middle of a call of the backend or service. */
	void (*on[FAKE_CALLS])(struct fake *, struct fake_peer *);
	/* What the instance asked of its endpoint. */
	int admit; /* the answer */
	size_t n_admitted, n_left, n_drained, n_failed, n_down, n_up, n_first;
	int failed;
	char why[64];
};

/* A service without lines() is one whose run is never called. */
void fake_open(struct fake *, uint32_t caps, bool with_lines);
/* From now on errors of lines are told beside their text: commit_error(). */
void fake_tell_errors(struct fake *);
void fake_close(struct fake *);
/* The limits that it begins with; changed in fake->in.limits. */
extern const struct limits fake_limits;

/* The loop: what is ready, and the end of the turn. */
void fake_turn(struct fake *);
/* So much time passes, and timeouts are looked at. */
void fake_pass(struct fake *, uint64_t ns);

struct fake_peer *fake_connect(struct fake *, uint32_t flags);
/* NULL: it was not let in. */
struct fake_peer *fake_connect_as(struct fake *, const struct rv_peer_info *);
/* It has gone away by itself. */
void fake_leave(struct fake *, struct fake_peer *);

/* Input. */
enum rv_next fake_bytes(struct fake *, struct fake_peer *, const void *, size_t n);
enum rv_next fake_say(struct fake *, struct fake_peer *, const char *);
enum rv_next fake_message(struct fake *, struct fake_peer *, const void *, size_t n, uint32_t tag,
	struct fake_peer *reply_to);
void fake_eof(struct fake *, struct fake_peer *);
/* A frame, with the peer's token if `to` is not NULL; returns its size. */
size_t fake_frame(uint8_t *buf, uint8_t op, uint8_t flags, uint64_t id, const char *to,
	const void *text, size_t n);
/* The same, as bytes of a stream or as a message. */
enum rv_next fake_ask(struct fake *, struct fake_peer *, uint8_t op, uint8_t flags, uint64_t id,
	const char *to, const char *text);
/* Lines of all kinds and frames, with fragments, a too long line and one too large: 15
 * requests, 4 KiB at most. Returns its size. */
size_t fake_script(uint8_t *buf, const char *to);
/* The backend's answer to drain(). */
void fake_drained(struct fake *);

/* Output. fake_full(): the kernel takes no more, which the backend has noticed. */
void fake_full(struct fake *, struct fake_peer *);
void fake_unblock(struct fake *, struct fake_peer *);
/* All that was sent and not taken is exactly this, and nothing of it is unflushed. */
void fake_expect(struct fake_peer *, const char *);
/* The next frame that was sent; the text must be this. */
void fake_expect_frame(struct fake_peer *, uint64_t id, uint8_t status, const char *text);

/* The service answers its nth ticket, counted from 0. */
void fake_answer(struct fake *, size_t i, const char *text);
void fake_answer_error(struct fake *, size_t i, enum rv_status, const char *text);
void fake_resume(struct fake *);
/* A reload puts next_service in the place of service. */
void fake_replace_service(struct fake *);
