/*
 * Terminals of clients that have left. A session leader that had no terminal got this one for
 * its own, unless it said O_NOCTTY, and to hang that up is to kill it (SIGHUP). It is held
 * until the leader has ended; a leader has one at most, so each costs its owner a process.
 */
#pragma once

#include <event2/event.h>
#include <revd/base/util.h>

struct held_terminal;

struct held {
	struct event_base *base;
	struct held_terminal *first;
	size_t n, max;
	int *arrived; /* masters that came over, n_arrived */
	size_t n_arrived;
};

/* True if somebody's session has the terminal: the descriptor is ours now. */
bool held_take(struct held *, int master);
/* All of them, for the next process; which holds them from held_watch() on. */
void held_hand_over(const struct held *, struct rv_handover *);
int held_take_over(struct held *, struct rv_takeover *) MUST_CHECK;
/* base, max: of the list; those that came over are held from now on. */
void held_watch(struct held *, struct event_base *base, size_t max);
/* Hangs up all of them. Fine on zeroed memory. */
void held_finish(struct held *);
