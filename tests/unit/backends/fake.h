/*
 * A host of one instance, for testing a backend alone. It records what the
 * backend says, and frees ended peers at the end of each turn, as the real one
 * does, so that a use after that is seen by the sanitizers.
 */
#pragma once

#include <check.h>
#include <event2/event.h>
#include <revd/backend.h>
#include "common/wait.h"

struct fake_peer {
	struct fake_peer *next;
	struct rv_peer_info info;
	bool gone, busy; /* busy: host->peer_idle() says no */
	unsigned n_blocked, n_writable, n_eof;
	char *in; /* all input, messages one behind the other */
	size_t n_in;
	void *block;
};

struct fake_message {
	size_t len;
	uint32_t tag;
};

struct rv_instance {
	const struct rv_backend_ops *ops;
	struct event_base *base;
	void *endpoint, *block;
	bool opened, attached;
	struct fake_peer *peers;
	size_t n_peers, max_peers; /* peers that are not gone; max_peers 0: any number */
	size_t n_gone;
	enum rv_next next; /* what bytes() and messages() answer */
	uint64_t drops[RV_DROP_COUNT];
	unsigned n_drained, n_batches, n_messages;
	struct fake_message messages[256];
	bool whole; /* of the last bytes() */
	int failed;
	bool down;
	uint64_t skew_ns; /* added to the clock */
	char log[4096];
	struct rv_err err;
};

/* Owner and group left alone, mode 0620, out_mode 0640, room for 8 peers. */
struct rv_endpoint_info fake_info(void);

struct rv_instance *fake_new(const struct rv_backend_ops *);
/* Detaches, closes, frees. */
void fake_free(struct rv_instance *);
/* open() and attach(); fails the test if they do. */
void fake_start(struct rv_instance *, const void *cfg, const int *fds, size_t n_fds);
/* The same, but a failure is returned. */
int fake_try_start(struct rv_instance *, const void *cfg);
/* open() alone: 0 or -errno, the sentence in ->err. */
int fake_open(struct rv_instance *, const struct rv_endpoint_info *, const void *cfg,
	const int *fds, size_t n_fds);
void fake_stop(struct rv_instance *);

/* One turn that waits for an event, but not longer than until. */
void fake_turn(struct rv_instance *, uint64_t until);
/* Turns until nothing is left to do at once. */
void fake_settle(struct rv_instance *);
#define FAKE_UNTIL(f, condition)                                                \
	do {                                                                    \
		uint64_t until_ = wait_until(WAIT_MS);                          \
		while (!(condition)) {                                          \
			ck_assert_msg(wait_left(until_) > 0, "%s", #condition); \
			fake_turn(f, until_);                                   \
		}                                                               \
	} while (0)

/* The first peer with all of these flags (enum rv_peer_flag); NULL if none. */
struct fake_peer *fake_find(struct rv_instance *, uint32_t flags);
struct fake_peer *fake_peer_of(const void *block);

/* The peer behind a token, or -errno. */
int fake_reply_peer(struct rv_instance *, const char *token, struct fake_peer **ret);
/* reserve, commit and flush of n bytes. */
int fake_send(struct rv_instance *, struct fake_peer *, const void *p, size_t n, uint32_t tag);
