/*
 * A pty endpoint: its name is a symbolic link to the terminal that the next client gets.
 *
 * The watch is there before the link is, so that nobody comes unseen. The worker takes that
 * terminal away when somebody has opened it, and another one takes its place; the main thread
 * changes modes. Hence the lock.
 */
#pragma once

#include <pthread.h>
#include <revd/base/handover.h>
#include "pty/held.h"
#include "pty/terminal.h"

enum pty_framing { PTY_LINE, PTY_CHUNK };

struct pty_config {
	const char *path;
	int framing; /* enum pty_framing */
};

struct pty_endpoint {
	bool is_open;
	int framing;
	char *path; /* of the link; NULL: given up */
	struct rv_names_lock name_lock;
	struct rv_names_id id; /* the link, as we made it; */
	int link;              /* held, since the number of what is gone is given away again */
	pthread_mutex_t lock;
	struct rv_endpoint_info info;
	struct terminal next; /* the link leads there */
	int watch;            /* of it: tells that somebody has opened it; -1: none */
	unsigned openers;     /* of it, seen so far; and: */
	bool left;            /* one has closed it */
	int inotify;
	struct held held; /* its base is the worker's */
};

/* rv_backend_ops. */
int pty_check(const void *cfg, struct rv_err *);
bool pty_name_at(const void *cfg, size_t i, char *buf, size_t size);
int pty_open(void *endpoint, const struct rv_endpoint_info *, const void *cfg, const int *fds,
	size_t n_fds, struct rv_err *);
int pty_reconfigure(
	void *endpoint, const struct rv_endpoint_info *, const void *cfg, struct rv_err *);
void pty_close(void *endpoint);
void pty_hand_over(void *endpoint, struct rv_handover *);
int pty_take_over(void *endpoint, const struct rv_endpoint_info *, const void *cfg, const int *fds,
	size_t n_fds, struct rv_takeover *, struct rv_err *);

/* Takes the terminal that was opened, with its watch, locks it, and makes the link lead to another
 * one. They are the caller's also if there is no other: -errno, and the link leads nowhere. */
int pty_take(struct pty_endpoint *, struct terminal *ret, int *ret_watch) MUST_CHECK;
/* Tries again after that. 0 or -errno. */
int pty_refill(struct pty_endpoint *) MUST_CHECK;
/* Another endpoint may have the address then. */
void pty_release_name(struct pty_endpoint *);
