/*
 * Terminals of clients that have left. A session leader that had no terminal got this one for
 * its own, unless it said O_NOCTTY, and to hang that up is to kill it (SIGHUP). It is held
 * until the leader has ended; a leader has one at most, so each costs its owner a process.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

struct held_terminal;

struct held {
	struct event_base *base;
	struct held_terminal *first;
	size_t n, max;
};

/* True if somebody's session has the terminal: the descriptor is ours now. */
bool held_take(struct held *, int master);
/* Hangs up all of them. Fine on zeroed memory. */
void held_finish(struct held *);
